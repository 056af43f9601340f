"""What the doctor finds on the spare lab, and the commands that it tells for a host."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from json_schemas import assert_fits
from lab.spare_lab import SpareLab

Finding = dict[str, Any]


def findings(lab: SpareLab, inventory: Path, *more: str) -> list[Finding]:
    said = lab.swarmkit("doctor", "--json", "-i", str(inventory), *more, check=False)
    assert said.returncode in (0, 4), said.stdout + said.stderr
    whole = json.loads(said.stdout)
    assert_fits("doctor", whole)
    found: list[Finding] = whole["findings"]
    assert (said.returncode == 4) == any(finding["severity"] == "error" for finding in found)
    return found


def the_one(lab: SpareLab, inventory: Path, code: str, *more: str) -> Finding:
    found = findings(lab, inventory, *more)
    assert [finding["code"] for finding in found] == [code], found
    return found[0]


def by_code(lab: SpareLab, inventory: Path, *more: str) -> dict[str, Finding]:
    found = {finding["code"]: finding for finding in findings(lab, inventory, *more)}
    assert len(found) == len(findings(lab, inventory, *more))
    return found


def command_for(host: str, finding: Finding) -> str:
    """Return the command that *finding* tells for *host*: to the end of its line, or of its sentence."""
    told = finding["remedy"].partition(f"on {host}: ")[2].partition("\n")[0]
    assert told, finding["remedy"]
    return str(told.partition("; ")[0].partition(", and where ")[0])


def as_deploy(lab: SpareLab, host: str, command: str) -> str:
    """Run *command* as the lab's user ``deploy``, who is not root and may use sudo without a password."""
    return lab.run(host, f"su deploy -s /bin/sh -c {shlex.quote(command)}").stdout
