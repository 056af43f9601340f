"""What restores left aside on hosts: found, told with the way back and the way to remove it, and removed."""

from __future__ import annotations

import io
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.swarm import FakeFleet, FakeShell
from rich.console import Console
from unit.plan.test_undo_plan import HOSTS, a_swarm

from swarmkit.declared.inventory.host import Inventory
from swarmkit.errors import SwarmkitError
from swarmkit.observed import set_aside as reading
from swarmkit.observed.observe import observe
from swarmkit.observed.set_aside import SetAside, set_aside, with_set_aside
from swarmkit.plan.apply import apply
from swarmkit.plan.context import Context
from swarmkit.plan.progress import Silent
from swarmkit.plan.restore import pruning
from swarmkit.plan.restore.pruning import prune_plan
from swarmkit.reach.ssh import CommandResult
from swarmkit.report.status import print_status, status_as_json

BEFORE, UNDONE = "swarm.before-restore-20261101T000000Z", "swarm.restored-20261102T000000Z"
INVENTORY = Inventory(Path("inventory.yaml"), "prod", HOSTS)


class RealShell:
    """Runs scripts here, in the place of a host, whose lock file is in *folder*."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, script: str, arguments: tuple[str, ...] = (), **_: object) -> CommandResult:
        script = script.replace("/run/", f"{self.folder}/")
        done = subprocess.run(["sh", "-c", script, "sh", *arguments], capture_output=True, text=True, check=False)
        return CommandResult(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Docker's folder after a restore, its undoing, and one onto a host that was in no swarm."""
    for name in (BEFORE, UNDONE):
        (tmp_path / "docker" / name).mkdir(parents=True)
        (tmp_path / "docker" / name / "docker-state.json").write_text("{}")
        (tmp_path / "docker" / name / "log").write_bytes(b"x" * 2_000_000)
    for name in ("swarm", "swarm.before-restore-20261103T000000Z", "swarm.before-restore-mine", "swarm.old"):
        (tmp_path / "docker" / name).mkdir()
    return tmp_path / "docker"


@pytest.fixture
def fleet(root: Path) -> FakeFleet:
    """A swarm on A and B, of which A has the folder."""
    made = a_swarm()
    answers, shell = RealShell(root.parent), made["A"].shell
    assert isinstance(shell, FakeShell)
    shell.answer = lambda script, arguments: answers.run(script, (str(root), *arguments[1:]))
    return made


def test_what_lies_aside_is_found_with_its_size_and_nothing_else_is(root: Path, fleet: FakeFleet) -> None:
    found = set_aside(fleet["A"], str(root))
    assert [(one.folder, one.is_state, one.is_before_restore) for one in found] == [
        (BEFORE, True, True),
        ("swarm.before-restore-20261103T000000Z", False, False),
        (UNDONE, True, False),
    ]
    assert 2_000_000 < found[0].bytes < 2_200_000


def test_what_is_agreed_to_is_removed_and_nothing_else(root: Path, fleet: FakeFleet) -> None:
    observed = with_set_aside(fleet, observe(fleet, kernel="never"))
    plan = prune_plan(observed, ["A", "B"])
    assert plan.warnings == ()
    assert [(one.step.target, one.step.destructive) for one in plan.operations] == [("A", True)] * 3
    assert [one.step.reason for one in plan.operations] == [
        "2.0 MB, that a restore moved aside",
        "it holds no state",
        "2.0 MB, that the undoing of a restore moved aside",
    ]
    applied = apply(plan, Context(fleet, Silent(), "A"))
    assert applied.failed == ()
    assert sorted(path.name for path in root.iterdir()) == ["swarm", "swarm.before-restore-mine", "swarm.old"]
    again = prune_plan(with_set_aside(fleet, observed), ["A", "B"])
    assert again.is_empty
    assert again.why_nothing == "no restore has left anything aside on A, B"


def test_a_folder_that_cannot_be_removed_is_told(fleet: FakeFleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "_REMOVE", "echo 'Read-only file system' >&2; exit 1")
    plan = prune_plan(with_set_aside(fleet, observe(fleet, kernel="never")), ["A"])
    failed = apply(plan, Context(fleet, Silent(), "A")).failed[0]
    assert isinstance(failed.error, SwarmkitError)
    assert "could not remove" in failed.error.what
    assert failed.error.why == "Read-only file system"


def test_what_may_be_all_that_is_left_of_a_swarm_is_warned_of(fleet: FakeFleet) -> None:
    observed = with_set_aside(fleet, observe(fleet, kernel="never"))
    facts = observed.hosts["A"]
    error = replace(observed, hosts={"A": replace(facts, engine=replace(facts.engine, swarm_state="error"))})
    (warning,) = prune_plan(error, ["A"]).warnings
    assert (warning.where, warning.evidence) == ("A", "its swarm state is error")
    assert "undo-restore A" in warning.remedy


def test_status_tells_of_it_and_says_what_removes_it(fleet: FakeFleet) -> None:
    observed = with_set_aside(fleet, observe(fleet, kernel="never"))
    printed = io.StringIO()
    print_status(Console(file=printed, width=300), INVENTORY, observed)
    told = [line for line in printed.getvalue().splitlines() if line.startswith("A: ")]
    assert len(told) == 2
    assert f"{BEFORE}, 2.0 MB, is a swarm's state that a restore moved aside" in told[0]
    assert "swarmkit recover undo-restore A" in told[0]
    assert "undo-restore" not in told[1]
    assert all(line.endswith("to remove it: swarmkit recover prune A") for line in told)
    shown = status_as_json(INVENTORY, observed)["set_aside"]
    assert [(row["host"], row["folder"]) for row in shown] == [("A", BEFORE), ("A", UNDONE)]


def test_no_other_name_is_taken_for_one() -> None:
    for name in ("swarm", "swarm.before-restore-", "swarm.before-restore-../..", f"{BEFORE}/x"):
        assert not reading._NAME.fullmatch(name)
    assert reading._NAME.fullmatch(BEFORE)
    assert SetAside(BEFORE, "").is_before_restore
