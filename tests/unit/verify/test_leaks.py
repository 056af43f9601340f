"""What was seen open in one look is told, though a later look, which patience makes, does not see it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from unit.verify.verify_world import World

from swarmkit.proof import Proof
from swarmkit.verify import prove as proofs
from swarmkit.verify.prove import prove, prove_networks


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    monkeypatch.setattr(proofs, "time", clock_that_only_sleeping_moves())
    monkeypatch.setattr(proofs, "observe", lambda *_, **__: made.observed)
    return made


def clock_that_only_sleeping_moves() -> SimpleNamespace:
    slept = [0.0]
    return SimpleNamespace(monotonic=lambda: sum(slept), sleep=slept.append)


def leak_once(world: World, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let B's cable say *line* in its first look alone, and that look end in another error, which heals."""
    shell = world.shells["B"]
    real = shell._probed

    def probed(wishes: list[str]) -> dict[str, str]:
        shell.cable_more = [line] if shell.rounds == 1 else []
        shell.names = {"database": "10.0.1.99"} if shell.rounds <= 2 else {}
        return real(wishes)

    monkeypatch.setattr(shell, "_probed", probed)


def patient(world: World) -> Proof:
    return prove(world.fleet, world.inventory, None, world.observed, patience_seconds=5.0)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("clear 10.88.0.11 4097 0 3", "V16"),
        ("marked 10.88.0.11 0 3", "V16"),
        ("heard 1000 2 small 60", "V19"),
    ],
)
def test_a_leak_that_was_seen_once_stays_one(
    world: World, line: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    leak_once(world, line, monkeypatch)
    found = patient(world)
    errors = {finding.code for finding in found.findings if finding.severity == "error"}
    assert errors == {code, "V12"}, "and the name, which was late, is right by now"
    assert {pair.verdict for pair in found.networks[0].pairs if "B" in (pair.first, pair.second)} >= {"broken"}


def test_a_network_that_leaked_once_is_not_listed_as_proved(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    leak_once(world, "clear 10.88.0.11 4097 0 3", monkeypatch)
    proved = prove_networks(world.fleet, world.inventory, world.observed, patience_seconds=0.5)
    assert set(proved.values()) == {False}


def test_a_healthy_shop_has_none(world: World) -> None:
    assert not [finding for finding in patient(world).findings if finding.severity == "error"]
