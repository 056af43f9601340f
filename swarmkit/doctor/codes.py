"""What each code of the doctor means: the source of ``doctor --explain`` and of docs/checks.md.

Codes are those of the field's hazards as this project numbers them, stable for scripts and runbooks: B inputs, H
hazards, S the way in by SSH; D-codes are checks without such a number.
"""

from __future__ import annotations

from collections.abc import Collection

from swarmkit.doctor.explained.encryption import ENCRYPTION
from swarmkit.doctor.explained.hosts import HOSTS
from swarmkit.doctor.explained.ssh import SSH
from swarmkit.doctor.explained.swarm import SWARM
from swarmkit.finding import Explanation

EXPLANATIONS: dict[str, Explanation] = dict(sorted({**ENCRYPTION, **HOSTS, **SWARM, **SSH}.items()))

NOT_OVERRIDABLE = frozenset({"B13", "H31", "H36", "H40", "H41", "H49", "H54"})
"""Without what these ask for there is no plan, or another cluster is at stake."""


def page_of(code: str) -> str:
    """Return the place of *code* in the documentation."""
    return f"docs/checks.md#{code.lower()}"


def chosen(only: Collection[str], skip: Collection[str]) -> tuple[str, ...]:
    """Return the codes that are looked for: *only* these, when given, and none of *skip*."""
    return tuple(code for code in EXPLANATIONS if (not only or code in only) and code not in skip)
