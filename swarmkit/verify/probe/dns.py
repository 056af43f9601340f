"""One DNS question for IPv4 addresses and its answer, as they go over TCP (RFC 1035, 4.2.2); pure."""

from __future__ import annotations

from dataclasses import dataclass

_RECURSION_DESIRED = 0x0100
_TYPE_A = 1
_CLASS_IN = 1
_CODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}


@dataclass(frozen=True)
class Answer:
    code: str
    addresses: frozenset[str]


def question(name: str) -> bytes:
    """Return the message, with its length before it, that asks for *name*; the name is taken as absolute."""
    header = b"".join(number.to_bytes(2, "big") for number in (1, _RECURSION_DESIRED, 1, 0, 0, 0))
    labels = [label.encode() for label in name.rstrip(".").split(".")]
    if any(not 0 < len(label) < 64 for label in labels):
        raise ValueError(f"not a DNS name: {name}")
    body = b"".join(len(label).to_bytes(1, "big") + label for label in labels) + b"\0"
    message = header + body + _TYPE_A.to_bytes(2, "big") + _CLASS_IN.to_bytes(2, "big")
    return len(message).to_bytes(2, "big") + message


def parse_answer(packet: bytes) -> Answer:
    """Return the answer in *packet*, its length before it; raises ValueError when it is cut or no answer."""
    message = packet[2:]
    if len(message) < 12 or len(message) < int.from_bytes(packet[:2], "big") or not message[2] & 0x80:
        raise ValueError(f"no DNS answer: {packet[:64].hex()}")
    try:
        return Answer(_CODES.get(message[3] & 15, str(message[3] & 15)), frozenset(_addresses(message)))
    except IndexError:
        raise ValueError(f"a DNS answer that is cut: {packet[:64].hex()}") from None


def _addresses(message: bytes) -> list[str]:
    questions, answers = (int.from_bytes(message[at : at + 2], "big") for at in (4, 6))
    position = 12
    for _ in range(questions):
        position = _after_name(message, position) + 4
    found = []
    for _ in range(answers):
        position = _after_name(message, position)
        kind, length = (int.from_bytes(message[position + at : position + at + 2], "big") for at in (0, 8))
        position += 10 + length
        if position > len(message):
            raise IndexError
        if kind == _TYPE_A and length == 4:
            found.append(".".join(str(byte) for byte in message[position - 4 : position]))
    return found


def _after_name(message: bytes, position: int) -> int:
    while message[position]:
        if message[position] >= 0xC0:
            return position + 2
        position += message[position] + 1
    return position + 1
