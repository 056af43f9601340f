"""What a check or a proof found: one stable code, where, what was read, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "ok"]
BROKEN = "broken"
"""How an error begins that saw open what shall be encrypted: worse than what was not proved."""


@dataclass(frozen=True)
class Finding:
    code: str
    severity: Severity
    where: str
    """A host, a pair ``A -> B``, a service, a network."""
    what: str
    """One sentence; for ``ok`` what was proved."""
    evidence: str = ""
    remedy: str = ""
    """What to do now, as a command to copy where there is one."""
    follows_from: str = ""
    """The code of the finding that explains this one; empty where it stands for itself."""

    @property
    def is_broken(self) -> bool:
        return self.what.startswith(f"{BROKEN}: ")


@dataclass(frozen=True)
class Explanation:
    """What a code means: what one sees when it strikes, why, what helps, and where that is known from."""

    title: str
    symptom: str
    cause: str
    remedy: str
    source: str
