"""Errors for the person at 3 a.m.: what happened, why, what to do now.

SwarmkitError            1  failed
├── InputError           2  bad input, nothing was contacted
├── UnreachableError     3  a host unreachable or not trusted, nothing was changed
└── NotConvergedError    4  not converged, or a proof failed
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

AGAIN = "run the same command again: it does what is left"
"""How a run that did not come to its end is gone on with, but for one that asks for something new each time."""


class SwarmkitError(Exception):
    """Say *what* failed, *why*, and what *to_do* now, a line each; exit code 1."""

    exit_code = 1
    may_pass = True
    """Whether the same read may succeed a moment later; no wait goes on after an error that cannot pass."""

    def __init__(self, what: str, why: str = "", to_do: str = "") -> None:
        super().__init__(what)
        self.what, self.why, self.to_do = what, why, to_do

    def __str__(self) -> str:
        return "\n".join(line for line in (self.what, self.why, self.to_do) if line)


def brief(error: SwarmkitError) -> str:
    """Return what failed and why, in one line: for progress, which goes on before all of it is told."""
    why = error.why.splitlines()[0] if error.why else ""
    return f"{error.what}: {why}" if why else error.what


class TerminatedError(KeyboardInterrupt):
    """SIGTERM or SIGHUP came: what a run holds is released and what it follows is stopped, as on Ctrl-C."""

    exit_code = 143


@dataclass(frozen=True, order=True)
class Complaint:
    """One thing wrong in an input file, at its place; *line* and *column* count from 1, 0 when unknown."""

    file: str
    line: int
    column: int
    code: str
    path: str
    what: str
    to_do: str = ""

    @property
    def rank(self) -> tuple[str, bool, Complaint]:
        """Its place among others: what is said of a file as a whole, such as that it has no manager, follows from
        what stands at a line, and comes after it."""
        return self.file, not self.line, self

    def __str__(self) -> str:
        place = self.file + (f":{self.line}:{self.column}" if self.line else "")
        where = f" {self.path}" if self.path else ""
        advice = f" - {self.to_do}" if self.to_do else ""
        return f"{self.code} {place}{where} - {self.what}{advice}"


class InputError(SwarmkitError):
    """Refuse input with every complaint about it at once; nothing was contacted; exit code 2."""

    exit_code = 2

    def __init__(
        self, what: str, complaints: Sequence[Complaint] = (), to_do: str = "", warnings: Sequence[Complaint] = ()
    ) -> None:
        self.warnings = tuple(sorted(set(warnings), key=lambda complaint: complaint.rank))
        """What was warned of until then: it may be the cause, as a variable that is not set."""
        self.complaints = tuple(sorted(complaints, key=lambda complaint: complaint.rank))
        super().__init__(what, "\n".join(str(complaint) for complaint in self.complaints), to_do)


class UnreachableError(SwarmkitError):
    """A host could not be reached or is not trusted; nothing was changed; exit code 3."""

    exit_code = 3


class NotConvergedError(SwarmkitError):
    """The cluster did not reach the declared state, or a proof failed; exit code 4."""

    exit_code = 4
