"""Write frames to a file that Wireshark and tcpdump read (the classic pcap format, with nanoseconds)."""

from __future__ import annotations

import struct
from typing import BinaryIO

# https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html, section 4; link type 1 is Ethernet.
_NANOSECOND_MAGIC, _MAJOR, _MINOR, _SNAP_BYTES, _ETHERNET = 0xA1B23C4D, 2, 4, 262144, 1


class PcapWriter:
    """Appends frames to *file*; the header is written at once."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        file.write(struct.pack("<IHHiIII", _NANOSECOND_MAGIC, _MAJOR, _MINOR, 0, 0, _SNAP_BYTES, _ETHERNET))

    def write(self, time_nanoseconds: int, frame: bytes) -> None:
        seconds, nanoseconds = divmod(time_nanoseconds, 1_000_000_000)
        kept = frame[:_SNAP_BYTES]
        self._file.write(struct.pack("<IIII", seconds, nanoseconds, len(kept), len(frame)) + kept)
