"""`--publish` in Docker's words, read by Docker's own SDK."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from swarmkit.errors import InputError


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


def _binding(outside: Any) -> dict[str, str]:
    address, port = outside if isinstance(outside, tuple) else ("", outside)
    return {"HostIp": address or "", "HostPort": str(port or "")}
