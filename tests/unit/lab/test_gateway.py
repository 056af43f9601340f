"""The gateway believes well-formed reports only, and refuses DNS queries at once."""

from __future__ import annotations

import pytest

from swarmkit.lab.forwarding import published_ports
from swarmkit.lab.gateway import GuestReport, parse_report, refuse_query
from swarmkit.lab.hosts import LabHost


def test_report_names_ports_and_engine() -> None:
    report = parse_report(b"A ready 22 80 7946\n", "10.88.0.11")
    assert report == GuestReport(11, "A", is_engine_ready=True, listening=frozenset({22, 80, 7946}))


@pytest.mark.parametrize(
    ("data", "address"),
    [(b"", "10.88.0.11"), (b"A", "10.88.0.11"), (b"\xff\xfe", "10.88.0.11"), (b"A ready", "10.9.0.11")],
)
def test_anything_else_is_no_report(data: bytes, address: str) -> None:
    assert parse_report(data, address) is None


def test_impossible_ports_are_left_out() -> None:
    report = parse_report(b"A starting 0 22 70000 -1 x", "10.88.0.11")
    assert report is not None
    assert report.listening == {22}
    assert not report.is_engine_ready


def test_published_ports_are_those_a_user_may_want() -> None:
    host = LabHost("A", 11, ssh_port=2222)
    assert published_ports(host, frozenset({22, 80, 2377, 7946})) == {2222: 22, 80: 80}
    assert published_ports(host, frozenset({22, 2222})) == {2222: 22}
    assert published_ports(host, frozenset()) == {}


def test_query_is_answered_with_no_such_name() -> None:
    question = b"\x04shop\x07example\0\0\x01\0\x01"
    edns = b"\0\0\x29\x04\xd0" + bytes(6)
    query = b"\x12\x34\x01\x20\0\x01\0\0\0\0\0\x01" + question + edns
    assert refuse_query(query) == b"\x12\x34\x81\x83\0\x01\0\0\0\0\0\0" + question


@pytest.mark.parametrize("query", [b"", b"\x12", bytes(12), bytes(12) + b"\x3fshort"])
def test_half_a_query_is_not_answered(query: bytes) -> None:
    assert refuse_query(query) is None
