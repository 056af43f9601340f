"""Cycles among services that depend on each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence


def find_cycles(depends_on: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Return the cycles that a walk over every edge runs into; none are returned exactly when there are none."""
    cycles: list[list[str]] = []
    done: set[str] = set()
    for start in depends_on:
        if start not in done:
            cycles += _walk(start, depends_on, done)
    return cycles


def _walk(start: str, depends_on: Mapping[str, Sequence[str]], done: set[str]) -> Iterator[list[str]]:
    path = [start]
    waiting = [iter(depends_on[start])]
    while waiting:
        name = next(waiting[-1], None)
        if name is None:
            waiting.pop()
            done.add(path.pop())
        elif name in path:
            yield path[path.index(name) :]
        elif name not in done and name in depends_on:
            path.append(name)
            waiting.append(iter(depends_on[name]))
