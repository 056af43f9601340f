"""`doctor`: read everything, try every way between the hosts, check. Changes nothing on any host."""

from __future__ import annotations

import datetime
from collections.abc import Collection
from dataclasses import dataclass

from swarmkit.doctor.evidence import gather
from swarmkit.doctor.examine import examine
from swarmkit.doctor.model import Way
from swarmkit.finding import Finding
from swarmkit.plan.planner import Declared
from swarmkit.plan.progress import Progress
from swarmkit.reach.fleet import reach
from swarmkit.secret import Secret


@dataclass(frozen=True)
class Diagnosis:
    """What was found, and what passed between which hosts."""

    findings: tuple[Finding, ...]
    ways: tuple[Way, ...]
    hosts: tuple[str, ...]

    @property
    def has_errors(self) -> bool:
        return any(finding.severity == "error" for finding in self.findings)


def doctor(
    declared: Declared,
    *,
    progress: Progress,
    only: Collection[str] = (),
    skip: Collection[str] = (),
    sudo_password: Secret | None = None,
) -> Diagnosis:
    """Check the hosts of the inventory, and the stack against them if one is given."""
    progress.phase("connect")
    with reach(declared.inventory, sudo_password=sudo_password) as fleet:
        progress.phase("read and probe")
        evidence = gather(fleet, declared.inventory, declared.stack)
        now = datetime.datetime.now(tz=datetime.UTC)
        findings = examine(evidence, now=now, only=only, skip=skip)
        return Diagnosis(findings, evidence.paths.ways, tuple(evidence.hosts))
