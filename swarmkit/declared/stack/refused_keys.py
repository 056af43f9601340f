"""Compose keys that a swarm does not take, each with what to write instead.

What ``docker stack deploy`` ignores is ignored here with a warning; what it forbids is refused.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

from swarmkit.declared.documents.complaints import did_you_mean, shown
from swarmkit.declared.documents.field import Field
from swarmkit.declared.stack.stack_keys import FORBIDDEN, IGNORED

OWN = "x-swarmkit"
_NEAR = 0.85
"""How alike a misspelt name is; ``x-swarm`` is less, and may be another tool's."""


def check_extension(place: Field, key: str, *, is_ours_here: bool = False) -> None:
    """Complain about our own extension where nothing of it is read, warn of one whose name is nearly ours."""
    if key == OWN:
        place.refuse("B05", f"nothing is read of {OWN} here", "it belongs under the name of a network or volume")
    elif difflib.get_close_matches(key.lower()[:80], [OWN], n=1, cutoff=_NEAR):
        where = f"did you mean {OWN!r}?" if is_ours_here else f"{OWN} is read of networks and volumes alone"
        place.warn("B05", f"nothing is read of {shown(key)}", where)


def warn_of_other_keys(field: Field, taken: Iterable[str]) -> None:
    """Warn of every key of *field* that is not *taken*: Docker's schema lets all through there, its tool drops them."""
    known = tuple(taken)
    for key in field.names():
        if key not in known and not key.startswith("x-"):
            field.key(key).warn("B31", f"swarm ignores {shown(key)}", did_you_mean(key, known) or "remove it")


def refuse_other_keys(
    field: Field,
    taken: Iterable[str],
    *,
    is_service: bool = False,
    ignored: Collection[str] = (),
    instead: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Complain about every key of *field* that is neither *taken* nor an ``x-`` extension; warn of *ignored* ones.

    *instead* has for a key that a swarm does not take what to write in its place.
    """
    known = tuple(taken)
    for key in field.names():
        if key in known:
            continue
        place = field.key(key)
        if key.startswith("x-"):
            check_extension(place, key, is_ours_here=OWN in known)
        elif is_service and key in IGNORED:
            place.warn("B31", f"swarm ignores {shown(key)}", IGNORED[key])
        elif key in ignored:
            place.warn("B31", f"swarm ignores {shown(key)}", "remove it")
        elif key in (replaced := FORBIDDEN if is_service else instead):
            place.refuse("B32", f"{shown(key)} is not supported in a swarm", replaced[key])
        else:
            place.refuse("B05", f"unknown key {shown(key)}", did_you_mean(key, known) or f"known: {', '.join(known)}")
