"""Frames are told apart by what a switch could see of them."""

from __future__ import annotations

import pytest

from swarmkit.lab.frames import Counts, Frame, classify

ETHERNET = bytes(12)
A, B = bytes([10, 88, 0, 11]), bytes([10, 88, 0, 12])


def ipv4(protocol: int, payload: bytes, *, fragment: int = 0, options: bytes = b"") -> bytes:
    first = 0x45 + len(options) // 4
    header = bytes([first, 0, 0, 0, 0, 0, *fragment.to_bytes(2, "big"), 64, protocol, 0, 0]) + A + B + options
    return ETHERNET + b"\x08\x00" + header + payload


def vxlan(vni: int, port: int = 4789) -> bytes:
    return b"\xab\xcd" + port.to_bytes(2, "big") + bytes(4) + b"\x08\0\0\0" + vni.to_bytes(3, "big") + b"\0" + b"inner"


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (ipv4(50, bytes(40)), Frame("esp", "10.88.0.11", "10.88.0.12")),
        (ipv4(17, vxlan(4097)), Frame("vxlan", "10.88.0.11", "10.88.0.12", 4097)),
        (ipv4(17, vxlan(4097), options=bytes(8)), Frame("vxlan", "10.88.0.11", "10.88.0.12", 4097)),
        (ipv4(17, vxlan(4097, port=53)), Frame("udp", "10.88.0.11", "10.88.0.12")),
        (ipv4(17, bytes(20), fragment=185), Frame("udp-fragment", "10.88.0.11", "10.88.0.12")),
        (ipv4(6, bytes(20)), Frame("tcp", "10.88.0.11", "10.88.0.12")),
        (ipv4(89, b""), Frame("ip-89", "10.88.0.11", "10.88.0.12")),
        (ETHERNET + b"\x08\x06" + bytes(28), Frame("arp")),
        (ETHERNET + b"\x88\xcc" + bytes(28), Frame("0x88cc")),
        (ETHERNET + b"\x81\x00\0\x05" + ipv4(50, b"")[12:], Frame("esp", "10.88.0.11", "10.88.0.12")),
        (ETHERNET, Frame("malformed")),
        (ETHERNET + b"\x08\x00\x45", Frame("malformed")),
        (b"", Frame("malformed")),
    ],
)
def test_classify(frame: bytes, expected: Frame) -> None:
    assert classify(frame) == expected


def test_classify_follows_another_data_path_port() -> None:
    assert classify(ipv4(17, vxlan(7, port=5789)), vxlan_port=5789).vni == 7


def test_vxlan_in_the_first_fragment_counts_as_vxlan() -> None:
    more_fragments = 0x2000
    assert classify(ipv4(17, vxlan(7), fragment=more_fragments)).vni == 7


def test_counts_keep_vnis_and_pairs_apart() -> None:
    counts = Counts()
    for frame in (
        ipv4(50, b""),
        ipv4(50, b""),
        ipv4(17, vxlan(1)),
        ipv4(17, vxlan(2)),
        ipv4(17, vxlan(2)),
        ipv4(6, b""),
    ):
        counts.add(classify(frame))
    assert counts.as_json() == {
        "esp": 2,
        "esp_by_pair": {"10.88.0.11 > 10.88.0.12": 2},
        "clear_vxlan": 3,
        "vxlan_by_vni": {"1": 1, "2": 2},
        "other": {"tcp": 1},
    }
