"""The files of a manager's raft log, as etcd's write-ahead log and snapshots lay them out; bytes in, bytes out."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from swarmkit.recovery import protobuf

METADATA, ENTRY, STATE, CRC = 1, 2, 3, 4
"""Kinds of records (go.etcd.io/etcd server/storage/wal); a log of several files begins each with a record CRC."""
_KIND, _CRC, _DATA = 1, 2, 3
_HEAD = struct.Struct("<Q")
_PADDED, _LENGTH = 1 << 63, (1 << 56) - 1
Change = Callable[[int, bytes], bytes]
"""Returns what a record of that kind and these bytes holds from now on."""


def rewritten_log(files: list[bytes], change: Change) -> list[bytes]:
    """Return the files of a log, the oldest first, with each record as *change* makes it, and checksums that fit.

    Raises ValueError where a checksum of *files* does not fit.
    """
    log = _Rewriting(change)
    return [log.file(file) for file in files]


class _Rewriting:
    """The checksum goes through all records of all files: that of what was read, and that of what is written."""

    def __init__(self, change: Change) -> None:
        self._change = change
        self._read: int | None = None
        self._written = 0

    def file(self, file: bytes) -> bytes:
        written = bytearray()
        for kind, checksum, data in _records(file):
            if kind == CRC and self._read is None:
                self._read = self._written = checksum
            before = self._read or 0
            self._read = castagnoli(data or b"", before)
            if self._read != checksum:
                raise ValueError(f"record {kind} of its log does not fit its checksum")
            changed = self._change(kind, data) if data is not None else None
            # A checksum of megabytes takes seconds: what nobody changed has the one that was just read.
            same = changed is data and self._written == before
            self._written = checksum if same else castagnoli(changed or b"", self._written)
            written += _framed(kind, self._written, changed)
        return bytes(written).ljust(len(file), b"\0")


def _records(file: bytes) -> Iterator[tuple[int, int, bytes | None]]:
    at = 0
    while at + _HEAD.size <= len(file):
        (head,) = _HEAD.unpack_from(file, at)
        if not head:
            return
        length, padding = head & _LENGTH, (head >> 56) & 7 if head & _PADDED else 0
        at += _HEAD.size
        if at + length > len(file):
            raise ValueError(f"its log is cut off at {at}")
        fields = dict(protobuf.read(file[at : at + length]))
        kind, checksum, data = fields.get(_KIND), fields.get(_CRC), fields.get(_DATA)
        if not isinstance(kind, int) or not isinstance(checksum, int):
            raise ValueError(f"its log has no record at {at}")
        yield kind, checksum, data if isinstance(data, bytes) else None
        at += length + padding


def _framed(kind: int, checksum: int, data: bytes | None) -> bytes:
    fields: list[protobuf.Field] = [(_KIND, kind), (_CRC, checksum)]
    record = protobuf.write([*fields, *([(_DATA, data)] if data is not None else [])])
    padding = -len(record) % 8
    head = len(record) | (_PADDED | padding << 56 if padding else 0)
    return _HEAD.pack(head) + record + bytes(padding)


def rewritten_snapshot(file: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """Return a snapshot's file with its content as *change* makes it; raises ValueError as `rewritten_log`."""
    fields = dict(protobuf.read(file))
    data = fields.get(2)
    if not isinstance(data, bytes) or castagnoli(data) != fields.get(1):
        raise ValueError("a snapshot of its log does not fit its checksum")
    changed = change(data)
    return protobuf.write([(1, castagnoli(changed)), (2, changed)])


def _table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _table()


def castagnoli(data: bytes, before: int = 0) -> int:
    """Return the CRC-32C of *data* that follows bytes whose CRC-32C is *before*."""
    crc = before ^ 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF
