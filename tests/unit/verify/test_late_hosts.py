"""Packets get a second try: a host that its machine gives no time for seconds looks like one that is cut off."""

from __future__ import annotations

import pytest
from unit.verify.verify_world import TASK, World

from swarmkit.finding import Finding
from swarmkit.verify.prove import prove


@pytest.fixture
def world() -> World:
    return World()


def wrong(world: World) -> dict[tuple[str, str], Finding]:
    findings = prove(world.fleet, world.inventory, None, world.observed).findings
    return {(one.code, one.where): one for one in findings if one.severity != "ok" and one.code != "V13"}


def test_a_host_that_begins_when_the_others_have_ended_is_not_taken_for_cut_off(world: World) -> None:
    world.shells["B"].stalls = True
    assert wrong(world) == {}
    assert [shell.rounds for shell in world.shells.values()] == [2, 2, 2]


def test_what_is_never_heard_is_told_after_the_second_try(world: World) -> None:
    world.shells["C"].deaf = {TASK["shop_database"]}
    assert {code for code, _ in wrong(world)} == {"V12", "V17"}
    world.shells["B"].heard_gossip = {"A"}
    assert ("V26", "C -> B") in wrong(world)


def test_only_those_have_a_second_try_whom_it_concerns(world: World) -> None:
    world.shells["B"].heard_gossip = {"A"}
    assert set(wrong(world)) == {("V26", "C -> B")}
    assert [shell.rounds for shell in world.shells.values()] == [1, 2, 2]


def test_clear_frames_alone_that_never_come_have_none_for_firewalls_drop_them(world: World) -> None:
    world.shells["B"].is_shielded = True
    assert {code for code, _ in wrong(world)} == {"V12", "V19"}
    assert [shell.rounds for shell in world.shells.values()] == [1, 1, 1]


def test_frames_of_both_tries_are_counted_together(world: World) -> None:
    world.shells["B"].heard_gossip = {"A"}
    findings = prove(world.fleet, world.inventory, None, world.observed).findings
    (told,) = (one.evidence for one in findings if (one.code, one.where) == ("V16", "B <-> C"))
    assert "B sent 10 to C and received 10 from it" in told
