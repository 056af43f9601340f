import sys
from itertools import permutations

import pytest

from swarmkit.finding import Finding
from swarmkit.report.console import console_for
from swarmkit.report.findings import print_findings
from swarmkit.verify.cut_off import prove_cut_off
from swarmkit.verify.gossip import SwarmWay, TriedWay, prove_gossip


def tried(*, cut: str, half_open: str = "") -> list[TriedWay]:
    """Return the ways between A, B and C: nothing passes from or to *cut*, udp alone from and to *half_open*."""
    found = []
    for number, (source, target) in enumerate(permutations("ABC", 2)):
        way = SwarmWay(number, source, target, f"10.88.0.{number}", is_manager=False)
        blocked = {source, target} & set(cut + half_open)
        told = () if {source, target} & set(cut) else ("udp/7946 arrives",)
        found.append(TriedWay(way, ("tcp/7946: timeout",) if blocked else (), told))
    return found


def test_a_host_that_nothing_gets_to_or_from_is_named_as_the_cause() -> None:
    (cause,) = prove_cut_off(tried(cut="C"))
    assert (cause.code, cause.severity, cause.where) == ("V27", "error", "C")
    assert "4 ways tried" in cause.evidence


def test_where_no_node_hears_another_one_finding_says_so() -> None:
    (cause,) = prove_cut_off(tried(cut="ABC"))
    assert cause.where == "A, B, C"
    assert "no node hears another" in cause.what


def test_a_host_that_one_protocol_gets_to_is_not_cut_off() -> None:
    assert not list(prove_cut_off(tried(cut="", half_open="C")))
    assert not list(prove_cut_off(tried(cut="")))


def test_what_follows_from_a_cut_is_counted_and_not_told_at_length(capsys: pytest.CaptureFixture[str]) -> None:
    ways = tried(cut="C")
    other = Finding("V22", "error", "A", "its certificate ends")
    findings = [*prove_gossip(ways), other, *prove_cut_off(ways)]
    print_findings(console_for(sys.stdout), findings)
    said = capsys.readouterr().out
    assert "4 more findings of ways (V26) may follow from V27 below" in said
    assert "error  V27  C" in said
    assert "its certificate ends" in said
    assert "error  V26" not in said
    assert "not proved: 6 errors, 2 proved" in said
