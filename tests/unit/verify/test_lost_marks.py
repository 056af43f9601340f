"""Docker's mark stands and does not hold: rules of others in mangle's OUTPUT let frames leave without it."""

from __future__ import annotations

import pytest
from unit.verify.test_verify_verdicts import causes, proved, verdicts
from unit.verify.verify_world import ADDRESS, SAMPLES, World

from swarmkit.observed.dropping.reading import parse_rules
from swarmkit.verify.encryption.marking import Unmarked, unmarked

MARK = (SAMPLES / "iptables-mangle-bpf.txt").read_text().splitlines()[1]
TO_B = f"{ADDRESS['B']}/32"


def saved(*rules: str) -> str:
    return "\n".join(["*mangle", ":OUTPUT ACCEPT [0:0]", ":MINE - [0:0]", *rules, "COMMIT"])


def found(*rules: str) -> Unmarked | None:
    read = parse_rules(f"\n== addresses\n2: eth0 inet {ADDRESS['A']}/24\n\n== iptables\n{saved(*rules)}\n\n== end\n")
    return unmarked(read, MARK, 4789, [(ADDRESS["A"], ADDRESS["B"]), (ADDRESS["A"], ADDRESS["C"])])


@pytest.mark.parametrize(
    "rules",
    [
        ["-A OUTPUT -j ACCEPT"],
        ["-A OUTPUT -p udp -m udp --dport 4789 -j ACCEPT"],
        [f"-A OUTPUT -d {TO_B} -o eth0 -j ACCEPT"],
        ["-A OUTPUT -p udp -j RETURN"],
        ["-A MINE -p udp -j ACCEPT", "-A OUTPUT -j MINE"],
        ["-A OUTPUT -p udp -g MINE"],
    ],
)
def test_what_accepts_frames_before_they_are_marked_is_found_and_the_mark_put_before_it(rules: list[str]) -> None:
    told = found(*rules, MARK)
    assert told
    assert (len(told.before), told.after) == (1, ())
    match = MARK.removeprefix("-A OUTPUT ")
    again = f"iptables -w -t mangle -D OUTPUT {match} && iptables -w -t mangle -I OUTPUT 1 {match}"
    assert told.remedy == again
    assert "leave in clear" in told.told(4097)


@pytest.mark.parametrize(
    "rule",
    [
        "-A OUTPUT -j MARK --set-xmark 0x1/0xffffffff",
        "-A OUTPUT -p udp -j MARK --set-xmark 0x0/0xff",
        "-A OUTPUT -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff",
    ],
)
def test_what_marks_frames_otherwise_after_docker_is_found_and_the_mark_put_after_it(rule: str) -> None:
    told = found(MARK, rule)
    assert told
    assert (told.before, told.after) == ((), (rule,))
    match = MARK.removeprefix("-A OUTPUT ")
    assert told.remedy == f"iptables -w -t mangle -D OUTPUT {match} && iptables -w -t mangle -A OUTPUT {match}"
    assert not found(rule, MARK)


def test_where_both_stand_the_one_that_marks_otherwise_is_taken_away() -> None:
    told = found("-A OUTPUT -j ACCEPT", MARK, "-A OUTPUT -j MARK --set-xmark 0x1/0xffffffff")
    assert told, "an accepted frame comes to neither, and so would one that is marked first come to the last"
    assert told.after == ()
    told = found(f"-A OUTPUT -d {TO_B} -j ACCEPT", MARK, "-A OUTPUT -j MARK --set-xmark 0x1/0xffffffff")
    assert told
    assert told.remedy.endswith("-I OUTPUT 1 " + MARK.removeprefix("-A OUTPUT ")
                                + " && iptables -w -t mangle -D OUTPUT -j MARK --set-xmark 0x1/0xffffffff")  # fmt: skip


@pytest.mark.parametrize(
    "rules",
    [
        [MARK],
        ["-A OUTPUT -p tcp -j ACCEPT", MARK],
        ["-A OUTPUT -o lo -j ACCEPT", MARK],
        ["-A OUTPUT -p udp -m udp --dport 53 -j ACCEPT", MARK],
        ["-A OUTPUT -m mark --mark 0x200 -j ACCEPT", MARK],
        ["-A OUTPUT -d 10.99.0.0/16 -j ACCEPT", MARK],
        ["-A MINE -p udp -j RETURN", "-A OUTPUT -j MINE", MARK],
        [MARK, "-A OUTPUT -j ACCEPT"],
        [MARK, "-A OUTPUT -p tcp -j MARK --set-xmark 0x1/0xffffffff"],
    ],
)
def test_what_does_not_touch_the_frames_is_no_matter(rules: list[str]) -> None:
    assert found(*rules) is None


def test_a_rule_before_dockers_mark_is_told_on_its_host_with_the_commands_that_move_the_mark() -> None:
    """A restart of docker was told, which leaves the mark where it is."""
    world = World()
    world.shells["B"].rules += "\n" + saved("-A OUTPUT -p udp -m udp --dport 4789 -j ACCEPT", MARK)
    assert causes(world) == [("V10", "shop_shop on B")]
    (finding,) = (one for one in proved(world) if one.code == "V10")
    assert "-A OUTPUT -p udp -m udp --dport 4789 -j ACCEPT" in finding.evidence
    assert finding.remedy.startswith("on B: iptables -w -t mangle -D OUTPUT -p udp")
    for name in ADDRESS:
        world.shells["B"].sent[name] = 0
    told = [one for one in proved(world) if one.code == "V11" and one.where.startswith("B -> ")]
    assert {one.remedy for one in told} == {"first do what V10 says of B"}
    assert verdicts(world)["A <-> C"].startswith("network shop_shop is encrypted between A and C")
