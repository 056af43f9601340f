"""Playbooks as typed models: steps that are the toolkit's own commands, with conditions, questions and notes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Condition:
    """A named fact of the hosts and their swarm, or its opposite: ``node-down(C)``, ``not quorum-lost``."""

    fact: str
    host: str = ""
    wanted: bool = True

    def __str__(self) -> str:
        return ("" if self.wanted else "not ") + self.fact + (f"({self.host})" if self.host else "")


@dataclass(frozen=True)
class PlayStep:
    """One step: a command, a condition to wait for, or only a note and a question for the person."""

    name: str
    """Unique in its play; a step of a playbook that another one plays is ``OUTER/INNER``."""
    note: str = ""
    confirm: str = ""
    when: tuple[Condition, ...] = ()
    """All must hold, else the step is skipped."""
    command: tuple[str, ...] = ()
    wait_for: tuple[Condition, ...] = ()
    timeout_seconds: int = 120
    exit_codes: tuple[int, ...] = (0,)
    """Those of the command with which the play goes on."""


@dataclass(frozen=True)
class Parameter:
    about: str
    optional: bool = False


@dataclass(frozen=True)
class Playbook:
    source: Path
    title: str
    about: str
    needs_stack: bool
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    steps: tuple[PlayStep, ...] = ()
