"""What the doctor finds on the spare lab, and the commands that it tells for a host."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from json_schemas import assert_fits
from lab.spare_lab import SpareLab

from swarmkit import lab as room

Finding = dict[str, Any]
BOOT_SECONDS = 60.0


@pytest.fixture(scope="module")
def found_steady(spare_lab: SpareLab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An inventory of both hosts, of which nothing is found when a file's tests begin."""
    path = tmp_path_factory.mktemp("steady") / "steady.yaml"
    path.write_text(spare_lab.inventory("steady"))
    set_right(spare_lab, path)
    return path


@pytest.fixture
def steady_inventory(spare_lab: SpareLab, found_steady: Path) -> Iterator[Path]:
    """The same for one test, after which nothing is found either: so the next one need not look again."""
    yield found_steady
    leave_right(spare_lab, found_steady)


def findings(lab: SpareLab, inventory: Path, *more: str) -> list[Finding]:
    said = lab.swarmkit("doctor", "--json", "-i", str(inventory), *more, check=False)
    assert said.returncode in (0, 4), said.stdout + said.stderr
    whole = json.loads(said.stdout)
    assert_fits("doctor", whole)
    found: list[Finding] = whole["findings"]
    assert (said.returncode == 4) == any(finding["severity"] == "error" for finding in found)
    return found


def set_right(lab: SpareLab, inventory: Path) -> None:
    """See that nothing is found; what a failed test before left is told, and the engines start anew once for it."""
    if left := findings(lab, inventory):
        print(f"left by a test before: {left}")
        restart(lab, "X", "Y")
        left = findings(lab, inventory)
    assert left == []


def leave_right(lab: SpareLab, inventory: Path) -> None:
    """See that a test has left nothing; what it did leave is its failure, and no other's: the engines start anew."""
    if left := findings(lab, inventory):
        restart(lab, "X", "Y")
    assert left == []


def the_one(lab: SpareLab, inventory: Path, code: str, *more: str) -> Finding:
    found = findings(lab, inventory, *more)
    assert [finding["code"] for finding in found] == [code], found
    return found[0]


def by_code(lab: SpareLab, inventory: Path, *more: str) -> dict[str, Finding]:
    found = findings(lab, inventory, *more)
    told = {finding["code"]: finding for finding in found}
    assert len(told) == len(found), found
    return told


def command_for(host: str, finding: Finding) -> str:
    """Return the command that *finding* tells for *host*: to the end of its line, or of its sentence."""
    told = finding["remedy"].partition(f"on {host}: ")[2].partition("\n")[0]
    assert told, finding["remedy"]
    return str(told.partition("; ")[0].partition(", and where ")[0])


def as_deploy(lab: SpareLab, host: str, command: str) -> str:
    """Run *command* as the lab's user ``deploy``, who is not root and may use sudo without a password."""
    return lab.run(host, f"su deploy -s /bin/sh -c {shlex.quote(command)}").stdout


def restart(lab: SpareLab, *hosts: str, command: str = "systemctl restart docker") -> None:
    """Restart engines by *command*, however often they were started in this minute."""
    for host in hosts:
        lab.run(host, f"systemctl daemon-reload; systemctl reset-failed docker; {command}")


def boot_anew(lab: SpareLab, host: str, command: str) -> None:
    """Run *command*, whose last word boots *host* anew, and wait until its engine answers."""
    boots = lab.status(host)["boots"]
    said = lab.run(host, command, check=False)
    deadline = time.monotonic() + BOOT_SECONDS
    while lab.status(host)["boots"] == boots:
        assert time.monotonic() < deadline, f"{host}: {command}\n{said.stdout}{said.stderr}"
        time.sleep(0.2)
    room.wait_until_ready(lab.places, [host])
