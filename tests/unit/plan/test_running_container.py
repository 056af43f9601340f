"""The container that a volume's data is dumped from and put back into."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from fakes.swarm import fake_fleet

from swarmkit.declared.inventory.host import Host
from swarmkit.errors import SwarmkitError
from swarmkit.plan.data import taking
from swarmkit.reach.engine import Engine
from swarmkit.reach.fleet import ReachedHost


class Moving:
    """An engine to which the task comes after some looks."""

    def __init__(self, *answers: list[dict[str, Any]]) -> None:
        self.answers = list(answers)

    def find(self, kind: str, filters: dict[str, list[str]]) -> list[dict[str, Any]]:
        assert (kind, filters["status"]) == ("containers", ["running"])
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        healths = filters.get("health", ["none", "starting", "healthy", "unhealthy"])
        return [one for one in answer if one.get("health", "none") in healths]


def on(engine: Moving) -> ReachedHost:
    (reached,) = fake_fleet([Host("C", "10.88.0.13", "worker")]).values()
    made: Engine = engine  # type: ignore[assignment]
    return replace(reached, engine=made)


def test_a_task_that_moves_there_is_waited_for() -> None:
    """A restore run again counted the task of an old node as running, and found 0 containers on the new one."""
    assert taking.running_container(on(Moving([], [], [{"Id": "moved"}])), "shop_database") == "moved"


def test_a_database_that_has_just_started_is_waited_for_until_its_health_is_known() -> None:
    """A restore run again gave psql the dump before the server listened."""
    starting, healthy = ({"Id": "made", "health": health} for health in ("starting", "healthy"))
    engine = Moving([starting], [starting], [healthy])
    assert taking.running_container(on(engine), "shop_database") == "made"
    assert engine.answers == [[healthy]]


def test_a_container_that_does_not_come_is_told_after_the_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking, "CONTAINER_TIMEOUT_SECONDS", 0.1)
    with pytest.raises(SwarmkitError, match=r"C: service shop_database has 0 running containers there, one is needed"):
        taking.running_container(on(Moving([])), "shop_database")


def test_a_container_whose_health_is_not_known_in_time_is_told_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking, "CONTAINER_TIMEOUT_SECONDS", 0.1)
    with pytest.raises(SwarmkitError, match=r"shop_database runs there, but its health check has not passed yet"):
        taking.running_container(on(Moving([{"Id": "made", "health": "starting"}])), "shop_database")
