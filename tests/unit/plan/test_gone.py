"""After the services of a stack are removed: what runs on is waited for, and what has ended and stays is taken away."""

from __future__ import annotations

import pytest
from fakes.swarm import FakeFleet

from swarmkit.errors import SwarmkitError
from swarmkit.plan.context import Context
from swarmkit.plan.model import Step
from swarmkit.plan.progress import Silent
from swarmkit.plan.stacks.gone import AwaitGone

GONE = AwaitGone(Step("gone", "service", "wait", "jobs", "wait"), "jobs", timeout_seconds=0.05, ended_seconds=0.05)


def keep(fleet: FakeFleet, host: str, identity: str, state: str, stack: str = "jobs") -> None:
    labels = {"com.docker.stack.namespace": stack}
    fleet.engine(host).containers[identity] = {"Id": identity, "Labels": labels, "State": state}


@pytest.mark.parametrize("state", ["exited", "created", "dead"])
def test_the_ended_container_of_a_job_that_its_engine_keeps_is_removed(fleet: FakeFleet, state: str) -> None:
    keep(fleet, "A", "first", state)
    keep(fleet, "B", "second", "exited")
    keep(fleet, "B", "another", "exited", stack="other")
    assert GONE.run(Context(fleet, Silent(), "A")).startswith("removed 2 ended containers")
    assert [list(fleet.engine(host).containers) for host in "AB"] == [[], ["another"]]


def test_one_that_runs_is_never_removed_and_its_host_is_named(fleet: FakeFleet) -> None:
    keep(fleet, "B", "busy", "running")
    keep(fleet, "A", "ended", "exited")
    with pytest.raises(SwarmkitError, match="still run on B"):
        GONE.run(Context(fleet, Silent(), "A"))
    assert [list(fleet.engine(host).containers) for host in "AB"] == [["ended"], ["busy"]]
