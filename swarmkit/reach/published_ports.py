"""`--publish` in Docker's words, read by Docker's own SDK, and `--expose`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from swarmkit.errors import InputError

PORTS = 65536


def read_published(words: Sequence[str]) -> dict[str, list[dict[str, str]]]:
    """Return the API's port bindings of ``8080:80``, ``127.0.0.1:53:53/udp`` and the like, by ``80/tcp``.

    Raises InputError that names every word that is none.
    """
    # Not before a port is published: the SDK takes a quarter of a second to import.
    from docker.utils.ports import split_port

    bindings: dict[str, list[dict[str, str]]] = {}
    wrong: list[str] = []
    for word in words:
        try:
            inside, outside = split_port(word)
        except ValueError as error:
            wrong.append(f"--publish {word!r}: {error}")
            continue
        for number, port in enumerate(inside):
            key = port if "/" in port else f"{port}/tcp"
            bindings.setdefault(key, []).append(_binding(outside[number] if outside else None))
    if wrong:
        raise InputError("\n".join(wrong), to_do="write it as 8080:80, 127.0.0.1:8080:80 or 8080:80/udp")
    return bindings


def read_exposed(words: Sequence[str]) -> tuple[str, ...]:
    """Return the ports of ``80``, ``53/udp``, ``8000-8002`` and so on, as ``80/tcp``; raises InputError for others."""
    found: dict[str, None] = {}
    for word in words:
        numbers, _, protocol = word.partition("/")
        first, dash, last = numbers.partition("-")
        ends = (first, last if dash else first)
        is_range = all(end.isascii() and end.isdigit() and 0 < int(end) < PORTS for end in ends)
        if not is_range or protocol not in ("", "tcp", "udp", "sctp") or int(ends[0]) > int(ends[1]):
            raise InputError(f"--expose {word!r} is no port", to_do="write it as 80, 53/udp or 8000-8002")
        found |= dict.fromkeys(f"{port}/{protocol or 'tcp'}" for port in range(int(ends[0]), int(ends[1]) + 1))
    return tuple(found)


def _binding(outside: Any) -> dict[str, str]:
    address, port = outside if isinstance(outside, tuple) else ("", outside)
    return {"HostIp": address or "", "HostPort": str(port or "")}
