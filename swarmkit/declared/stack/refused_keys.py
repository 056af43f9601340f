"""Compose keys that a swarm does not take, each with what to write instead.

What ``docker stack deploy`` ignores is ignored here with a warning; what it forbids is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from swarmkit.declared.documents.complaints import did_you_mean, shown
from swarmkit.declared.documents.field import Field
from swarmkit.declared.stack.stack_keys import FORBIDDEN, IGNORED


def refuse_other_keys(
    field: Field, taken: Iterable[str], *, is_service: bool = False, ignored: Collection[str] = ()
) -> None:
    """Complain about every key of *field* that is neither *taken* nor an ``x-`` extension; warn of *ignored* ones."""
    known = tuple(taken)
    for key in field.names():
        if key in known or key.startswith("x-"):
            continue
        place = field.key(key)
        if is_service and key in IGNORED:
            place.warn("B31", f"swarm ignores {shown(key)}", IGNORED[key])
        elif key in ignored:
            place.warn("B31", f"swarm ignores {shown(key)}", "remove it")
        elif is_service and key in FORBIDDEN:
            place.refuse("B32", f"{shown(key)} is not supported in a swarm", FORBIDDEN[key])
        else:
            place.refuse("B05", f"unknown key {shown(key)}", did_you_mean(key, known) or f"known: {', '.join(known)}")
