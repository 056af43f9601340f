"""Listeners, DNS messages, ESP states and firewall rules, from what hosts print."""

from collections.abc import Callable
from pathlib import Path

import pytest

from swarmkit.verify.encryption.firewall import Drop, dropped_vnis, marked_vnis
from swarmkit.verify.encryption.xfrm import (
    EspPolicy,
    EspState,
    Ipsec,
    UnreadableError,
    grown,
    new_errors,
    parse_ipsec,
    parse_policies,
    refused,
)
from swarmkit.verify.probe import dns
from swarmkit.verify.probe.sockets import parse_listeners, ports_at

COUNTED = ("failed 5", "failed 12")
SAMPLES = Path(__file__).parent / "samples"


def sample(name: str) -> str:
    return (SAMPLES / name).read_text()


def stripped(name: str) -> str:
    """The host sends lines without their indent."""
    return "\n".join(line.strip() for line in sample(name).splitlines())


def test_ports_at_an_address_are_those_on_all_addresses_and_on_this_one() -> None:
    lines = [
        "00000000:1F90",  # 0.0.0.0:8080
        "0100007F:270F",  # 127.0.0.1:9999
        "0B00007F:A2C1",  # 127.0.0.11, the embedded resolver
        "0502000A:1538",  # 10.0.2.5:5432
        "00000000000000000000000000000000:0BB8",  # [::]:3000
        "0000000000000000FFFF00000502000A:0016",  # ::ffff:10.0.2.5:22
    ]
    listeners = parse_listeners(lines)
    assert ports_at(listeners, "10.0.2.5") == {8080, 5432, 3000, 22}
    assert ports_at(listeners, "10.0.2.6") == {8080, 3000}


def test_a_question_is_what_rfc_1035_says() -> None:
    assert dns.question("backend").hex() == "0019" + "00010100" + "0001000000000000" + "076261636b656e6400" + "00010001"


@pytest.mark.parametrize("name", ["", "a..b", "x" * 64])
def test_what_is_no_dns_name_is_not_asked(name: str) -> None:
    with pytest.raises(ValueError, match="not a DNS name"):
        dns.question(name)


def packet(code: int, *addresses: str, compressed: bool = True) -> bytes:
    question = b"\x07backend\0\0\x01\0\x01"
    name = b"\xc0\x0c" if compressed else b"\x07backend\0"
    records = b"".join(name + b"\0\x01\0\x01\0\0\x02\x58\0\x04" + bytes(map(int, a.split("."))) for a in addresses)
    message = b"\0\x01\x81" + bytes([0x80 | code]) + b"\0\x01" + bytes([0, len(addresses)]) + b"\0\0\0\0"
    message += question + records
    return len(message).to_bytes(2, "big") + message


@pytest.mark.parametrize("compressed", [True, False])
def test_an_answer_gives_its_addresses(compressed: bool) -> None:
    answer = dns.parse_answer(packet(0, "10.0.1.2", "10.0.1.3", compressed=compressed))
    assert answer == dns.Answer("NOERROR", frozenset(("10.0.1.2", "10.0.1.3")))


def test_an_unknown_name_gives_its_code() -> None:
    assert dns.parse_answer(packet(3)) == dns.Answer("NXDOMAIN", frozenset())


@pytest.mark.parametrize("size", [0, 2, 10, 30, 42])
def test_a_cut_answer_is_no_answer(size: int) -> None:
    with pytest.raises(ValueError, match="DNS answer"):
        dns.parse_answer(packet(0, "10.0.1.2")[:size])


def test_states_of_both_iproute2_forms_are_read() -> None:
    older = parse_ipsec(stripped("xfrm-state-with-keys.txt"), "XfrmInError 0")
    newer = parse_ipsec(stripped("xfrm-state-nokeys-6.15.txt"), "")
    assert older.states == (EspState("10.88.0.11", "10.88.0.12", 0x1D2C3B4A, 4242),)
    assert newer.states == (
        EspState("10.88.0.12", "10.88.0.11", 0x7D3A1C20, 1000),
        EspState("10.88.0.11", "10.88.0.12", 0x1D2C3B4A, 500),
    )


@pytest.mark.parametrize("read", [lambda text: parse_ipsec(text, ""), parse_policies])
def test_a_host_that_cannot_tell_is_no_host_without_states(read: Callable[[str], object]) -> None:
    with pytest.raises(UnreadableError):
        read("unreadable")


def test_only_outgoing_policies_count_and_their_mark() -> None:
    assert parse_policies(sample("xfrm-policies.txt")) == (
        EspPolicy("10.88.0.11", "10.88.0.12", 0xD0C4E3),
        EspPolicy("10.88.0.11", "10.88.0.13", None),
    )


def test_growth_is_counted_by_state_so_that_a_rotated_key_hides_nothing() -> None:
    before = Ipsec((EspState("A", "B", 1, 900), EspState("B", "A", 2, 10)))
    after = Ipsec((EspState("A", "B", 3, 40), EspState("B", "A", 2, 10)))
    assert grown(before, after) == {("A", "B"): 40, ("B", "A"): 0}


def test_packets_that_a_key_does_not_fit_are_counted_by_state() -> None:
    before, after = (parse_ipsec(stripped("xfrm-state-with-keys.txt").replace("failed 0", f), "") for f in COUNTED)
    assert refused(before, after) == {("10.88.0.11", "10.88.0.12"): 7}


def test_only_error_counters_that_grew_are_named() -> None:
    before, after = (Ipsec((), {"XfrmInNoStates": n, "XfrmInError": 7}) for n in (1, 4))
    assert new_errors(before, after) == {"XfrmInNoStates": 3}


U32 = '-m u32 --u32 "0x0>>0x16&0x3c@0xc&0xffffff00=0x100100"'


def test_bpf_rules_name_their_vni() -> None:
    assert marked_vnis(sample("iptables-mangle-bpf.txt"), 4789).keys() == {4097}
    assert dropped_vnis(sample("iptables-input-bpf.txt"), 4789)[4097].accepted_before == ()


def test_u32_rules_of_older_engines_name_their_vni() -> None:
    mark = f"-A OUTPUT -p udp -m udp --dport 4789 {U32} -j MARK --set-xmark 0xd0c4e3/0xffffffff"
    drop = f"-A INPUT -p udp -m udp --dport 4789 {U32} -m policy --dir in --pol none -j DROP"
    assert marked_vnis(mark, 4789) == {4097: mark}
    assert dropped_vnis(drop, 4789) == {4097: Drop(drop, ())}


def test_rules_of_another_port_or_mark_prove_nothing() -> None:
    assert marked_vnis(sample("iptables-mangle-bpf.txt"), 7789) == {}
    assert marked_vnis(sample("iptables-mangle-bpf.txt").replace("0xd0c4e3/", "0x1/"), 4789) == {}
    assert dropped_vnis(sample("iptables-input-bpf.txt").replace("--pol none", "--pol ipsec"), 4789) == {}


@pytest.mark.parametrize(
    ("rule", "accepts"),
    [
        ("-A INPUT -j ACCEPT", True),
        ("-A INPUT -s 10.88.0.0/24 -j ACCEPT", True),
        ("-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", True),
        ("-A INPUT -p udp -m multiport --dports 53,4000:5000 -j ACCEPT", True),
        ("-A INPUT -p udp -m udp --dport 53 -j ACCEPT", False),
        ("-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT", False),
        ("-A INPUT ! -i lo -j ACCEPT", True),
        ("-A INPUT ! -p tcp -j ACCEPT", True),
        ("-A INPUT -p udp -m udp ! --dport 53 -j ACCEPT", True),
        ("-A INPUT -i lo -j ACCEPT", False),
        ("-A INPUT -p esp -j ACCEPT", False),
        ("-A INPUT -j ufw-before-input", False),
    ],
)
def test_rules_that_may_accept_clear_frames_before_the_drop_are_named(rule: str, accepts: bool) -> None:
    drop = sample("iptables-input-bpf.txt")
    assert dropped_vnis(f"{rule}\n{drop}", 4789)[4097].accepted_before == ((rule,) if accepts else ())
    assert dropped_vnis(f"{drop}{rule}\n", 4789)[4097].accepted_before == ()


@pytest.mark.parametrize(
    ("rules", "accepted"),
    [
        ("-A INPUT -j MINE\n-A MINE -s 10.88.0.99/32 -j ACCEPT", ("-A MINE -s 10.88.0.99/32 -j ACCEPT",)),
        ("-A INPUT -j MINE\n-A MINE -g DEEP\n-A DEEP -j ACCEPT", ("-A DEEP -j ACCEPT",)),
        ("-A INPUT -j MINE\n-A INPUT -j MINE\n-A MINE -j ACCEPT", ("-A MINE -j ACCEPT",)),
        ("-A INPUT -j MINE\n-A MINE -s 10.88.0.7/32 -j RETURN\n-A MINE -j ACCEPT", ("-A MINE -j ACCEPT",)),
        ("-A INPUT -j MINE\n-A MINE -p udp -m udp --dport 4789 -j RETURN\n-A MINE -j ACCEPT", ()),
        ("-A INPUT -p tcp -j MINE\n-A MINE -j ACCEPT", ()),
        ("-A FORWARD -j MINE\n-A MINE -j ACCEPT", ()),
        ("-A INPUT -j MINE\n-A MINE -j NFQUEUE --queue-num 0", ("-A MINE -j NFQUEUE --queue-num 0",)),
        ("-A INPUT -p tcp -j NFQUEUE --queue-num 0", ()),
        ("-A INPUT -p udp -j QUEUE\n-A INPUT -j ACCEPT", ("-A INPUT -p udp -j QUEUE",)),
    ],
)
def test_rules_of_the_chains_that_are_jumped_to_before_the_drop_count(rules: str, accepted: tuple[str, ...]) -> None:
    drop = sample("iptables-input-bpf.txt")
    inputs = "".join(f"{rule}\n" for rule in rules.splitlines() if rule.startswith("-A INPUT"))
    others = "".join(f"{rule}\n" for rule in rules.splitlines() if not rule.startswith("-A INPUT"))
    assert dropped_vnis(f"{inputs}{drop}{others}", 4789)[4097].accepted_before == accepted


@pytest.mark.parametrize(
    ("rules", "accepted"),
    [
        ("-A INPUT -j RETURN", "-A INPUT -j RETURN"),
        ("-A INPUT -s 10.88.0.99/32 -j RETURN", "-A INPUT -s 10.88.0.99/32 -j RETURN"),
        ("-A INPUT -p tcp -j RETURN", ""),
        ("-A INPUT -s 10.88.0.99/32 -g MINE\n-A MINE -p tcp -j DROP", "-A INPUT -s 10.88.0.99/32 -g MINE"),
        ("-A INPUT -s 10.88.0.99/32 -g MINE\n-A MINE -j DROP", ""),
        ("-A INPUT -g MINE\n-A MINE -j DEEP\n-A DEEP -j RETURN", "-A INPUT -g MINE"),
        ("-A INPUT -g NOWHERE\n-N NOWHERE", "-A INPUT -g NOWHERE"),
        ("-A INPUT -j MINE\n-A MINE -j RETURN", ""),
    ],
)
def test_frames_that_are_left_to_the_policy_before_the_drop_are_accepted_where_it_accepts(
    rules: str, accepted: str
) -> None:
    """The network was said to be proved, for no rule accepts them."""
    assert accepted_before(rules) == ((accepted,) if accepted else ())
    assert accepted_before(rules, policy="DROP") == ()


@pytest.mark.parametrize("last", ["-A INPUT -p udp -j ACCEPT", "-A INPUT -j RETURN"])
@pytest.mark.parametrize(
    ("rules", "is_reached"),
    [
        ("-A INPUT -j MINE\n-A MINE -j DROP", False),
        ("-A INPUT -p udp -m udp --dport 4789 -j MINE\n-A MINE -j LOG\n-A MINE -j DEEP\n-A DEEP -j REJECT", False),
        ("-A INPUT -j MINE\n-A MINE -g DEEP\n-A DEEP -j DROP", False),
        ("-A INPUT -s 10.88.0.99/32 -j MINE\n-A INPUT -j MINE\n-A MINE -j DROP", False),
        ('-A INPUT -m comment --comment "a wall -j RETURN" -j DROP', False),
        ("-A INPUT -s 10.88.0.99/32 -j MINE\n-A MINE -j DROP", True),
        ("-A INPUT -j MINE\n-A MINE -s 10.88.0.99/32 -j DROP", True),
        ("-A INPUT -j MINE\n-A MINE -s 10.88.0.99/32 -j RETURN\n-A MINE -j DROP", True),
        ("-A INPUT -j MINE\n-A MINE -g DEEP\n-A DEEP -s 10.88.0.99/32 -j RETURN\n-A DEEP -j DROP", True),
        ("-A INPUT -j MINE\n-A MINE -j MINE", True),
        ("-A INPUT -j LOG", True),
    ],
)
def test_what_no_frame_gets_to_accepts_none(rules: str, last: str, is_reached: bool) -> None:
    assert accepted_before(f"{rules}\n{last}") == ((last,) if is_reached else ())


@pytest.mark.parametrize(
    "comment", ['"go -j DROP"', '"on -i lo only, -p tcp "', r'"a \" -j DROP"', "mine", '"--dport 53 "']
)
def test_a_comment_says_nothing_of_what_a_rule_does(comment: str) -> None:
    rule = f"-A INPUT -m comment --comment {comment} -j ACCEPT"
    assert accepted_before(rule) == (rule,)
    told = f"-A INPUT -m string --string {comment} -j ACCEPT"
    assert accepted_before(told) == (told,)


def accepted_before(rules: str, *, policy: str = "ACCEPT") -> tuple[str, ...]:
    drop = sample("iptables-input-bpf.txt").replace("-P INPUT ACCEPT", f"-P INPUT {policy}")
    inputs = "".join(f"{rule}\n" for rule in rules.splitlines() if rule.startswith("-A INPUT"))
    others = "".join(f"{rule}\n" for rule in rules.splitlines() if not rule.startswith("-A INPUT"))
    policy_line, _, drops = drop.partition("\n")
    return dropped_vnis(f"{policy_line}\n{others}{inputs}{drops}", 4789)[4097].accepted_before


@pytest.mark.parametrize(
    "narrowed", ["-s 10.88.0.0/24 ", "! -s 10.88.0.99/32 ", "-i eth0 ", "-m mac --mac-source 2:0:0:0:0:1 "]
)
def test_a_rule_for_some_frames_alone_is_not_the_engines(narrowed: str) -> None:
    drop = sample("iptables-input-bpf.txt").replace("-A INPUT ", f"-A INPUT {narrowed}")
    mark = sample("iptables-mangle-bpf.txt").replace("-A OUTPUT ", f"-A OUTPUT {narrowed}")
    assert dropped_vnis(drop, 4789) == {}
    assert marked_vnis(mark, 4789) == {}


def test_a_rule_that_drops_is_moved_before_all_others_as_it_is() -> None:
    drop = f"-A INPUT -p udp -m udp --dport 4789 {U32} -m policy --dir in --pol none -j DROP"
    rest = drop.removeprefix("-A INPUT ")
    moved = f"iptables -w -D INPUT {rest} && iptables -w -I INPUT 1 {rest}"
    assert dropped_vnis(drop, 4789)[4097].to_the_top == moved
