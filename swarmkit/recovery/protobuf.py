"""The protobuf messages of a manager's state that are read and changed: numbers and byte strings, in their order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

Field = tuple[int, int | bytes]
"""Number and value; a number is a varint, bytes are anything with a length."""
_VARINT, _BYTES = 0, 2


def read(message: bytes) -> Iterator[Field]:
    """Yield the fields of *message* in their order; raises ValueError where it is none of these messages."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        value, at = _varint(message, at)
        if key & 7 == _VARINT:
            yield key >> 3, value
        elif key & 7 == _BYTES and at + value <= len(message):
            yield key >> 3, message[at : at + value]
            at += value
        else:
            raise ValueError(f"a field of kind {key & 7} at {at}")


def write(fields: Iterable[Field]) -> bytes:
    """Return the message of *fields*: what `read` read comes out as it was."""
    packed = bytearray()
    for number, value in fields:
        if isinstance(value, int):
            packed += _packed(number << 3 | _VARINT) + _packed(value)
        else:
            packed += _packed(number << 3 | _BYTES) + _packed(len(value)) + value
    return bytes(packed)


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message):
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise ValueError(f"it ends within a number at {at}")


def _packed(value: int) -> bytes:
    packed = bytearray()
    while value >= 0x80:
        packed.append(value & 0x7F | 0x80)
        value >>= 7
    packed.append(value)
    return bytes(packed)
