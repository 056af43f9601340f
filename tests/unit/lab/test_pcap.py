"""The pcap file is the one that other tools read."""

from __future__ import annotations

import io
import struct

from swarmkit.lab.pcap import PcapWriter


def test_header_and_record_have_nanoseconds_and_both_lengths() -> None:
    file = io.BytesIO()
    PcapWriter(file).write(1_700_000_000_123_456_789, b"x" * 60)
    content = file.getvalue()
    assert struct.unpack("<IHHiIII", content[:24]) == (0xA1B23C4D, 2, 4, 0, 0, 262144, 1)
    assert struct.unpack("<IIII", content[24:40]) == (1_700_000_000, 123_456_789, 60, 60)
    assert content[40:] == b"x" * 60


def test_giant_frame_is_cut_and_its_length_kept() -> None:
    file = io.BytesIO()
    PcapWriter(file).write(0, bytes(300_000))
    assert struct.unpack("<IIII", file.getvalue()[24:40])[2:] == (262144, 300_000)
