"""A run that fails says which of its hosts no longer answers, what was there, and ends with 1."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fakes.running import run_once
from fakes.swarm import FakeFleet

from swarmkit.cli.failures import shown_failures
from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.reading import load_stack
from swarmkit.errors import NotConvergedError, SwarmkitError
from swarmkit.observed.observe import observe
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Applied, Outcome, Step
from swarmkit.reach.ssh import ConnectionLostError
from swarmkit.workflows.lost_hosts import HostLostError, telling_of_lost
from swarmkit.workflows.unfinished import IncompleteError

STACK = "services: {data: {image: 'r.example/data:1', deploy: {mode: global}}}"
LATE = NotConvergedError("s_data: 0 of 1 tasks run after 300 s", "the nodes it may run on are down")


@pytest.fixture
def made(fleet: FakeFleet, tmp_path: Path) -> Declared:
    (tmp_path / "s.yaml").write_text(STACK)
    inventory = Inventory(tmp_path / "i.yaml", "prod", tuple(reached.host for reached in fleet.values()))
    declared = Declared(inventory, load_stack(tmp_path / "s.yaml", environment={}))
    run_once(fleet, declared)
    return declared


def lose(fleet: FakeFleet, host: str) -> None:
    def lost(*_: Any) -> Any:
        raise ConnectionLostError(f"{host}: connection lost", "no route to host")

    shell: Any = fleet[host].shell
    shell.answer = lost


def end(fleet: FakeFleet, error: SwarmkitError, *, lost: str = "C", began: bool = True) -> None:
    with telling_of_lost(fleet) as watched:
        watched.observed = observe(fleet, kernel="never") if began else None
        for host in lost:
            lose(fleet, host)
        raise error


@pytest.mark.usefixtures("made")
def test_a_service_that_did_not_come_up_for_a_lost_host_is_told_with_the_host(fleet: FakeFleet) -> None:
    with pytest.raises(HostLostError) as caught:
        end(fleet, LATE)
    assert caught.value.exit_code == 1
    assert caught.value.what == "lost in the middle of the run: C"
    assert caught.value.why.splitlines() == [
        "C: connection lost: no route to host; on it: tasks of s_data",
        "the run ended with: s_data: 0 of 1 tasks run after 300 s",
        "the nodes it may run on are down",
    ]
    assert caught.value.to_do.startswith("bring C back, then run the same again")


@pytest.mark.usefixtures("made")
def test_a_run_that_lost_no_host_or_wrote_nothing_ends_as_it_did(fleet: FakeFleet) -> None:
    with pytest.raises(NotConvergedError):
        end(fleet, LATE, lost="")
    with pytest.raises(NotConvergedError):
        end(fleet, LATE, began=False)


def test_what_is_done_is_listed_and_the_lost_host_named_after_it(
    fleet: FakeFleet, made: Declared, capsys: pytest.CaptureFixture[str]
) -> None:
    image = Outcome(Step("image:C:1", "image", "create", "C", "send data:1"), "unknown", error=LATE)
    waited = Outcome(
        Step("wait:s", "service", "wait", "s_data", "wait until s_data runs healthy"), "failed", error=LATE
    )
    with pytest.raises(SystemExit) as ended, shown_failures(made):
        end(fleet, IncompleteError(Applied({one.step.key: one for one in (image, waited)})))
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert "s_data: wait until s_data runs healthy" in said
    assert "error: lost in the middle of the run: C" in said
    assert "on it: send data:1 (unknown), tasks of s_data" in said.replace("\n", " ").replace("       ", "")
