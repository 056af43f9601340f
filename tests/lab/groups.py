"""Which tests share a lab, whose turn comes first, and when a lab goes: an idle one costs a quarter of a core."""

from __future__ import annotations

from collections.abc import Callable

import pytest

FIRST = ("shop", "test_playbooks", "test_node_life", "spare", "test_rollback", "test_faults", "older")
"""The longest groups, in the order in which workers take them; what is short comes last and fills the gaps."""

_SHOP = {"deployed_shop", "lab", "shop_url"}
_FAULTS = "world"
_AFTER_GROUP = pytest.StashKey[list[Callable[[], object]]]()


def group_of(item: pytest.Item | None) -> str:
    """Return the name of the group whose tests run one after the other on one worker; empty for all others."""
    mark = item.get_closest_marker("xdist_group") if item else None
    return str(mark.args[0]) if mark else ""


def group_lab_tests(items: list[pytest.Item]) -> None:
    """Mark the tests of each lab as one group, and put the groups in order."""
    for item in items:
        if item.get_closest_marker("lab") and not group_of(item):
            item.add_marker(pytest.mark.xdist_group(_lab_of(item)))
    places = {name: place for place, name in enumerate(FIRST)}
    others = {name: len(FIRST) + place for place, name in enumerate(sorted({group_of(item) for item in items} - {""}))}
    order = {**others, **places, "": len(FIRST) + len(others)}
    items.sort(key=lambda item: order[group_of(item)])


def _lab_of(item: pytest.Item) -> str:
    wanted = set(getattr(item, "fixturenames", ()))
    if wanted & _SHOP:
        return "shop"
    if _FAULTS in wanted:
        return "test_faults"
    return "spare" if "spare_lab" in wanted else item.path.stem


def after_group(request: pytest.FixtureRequest, end: Callable[[], object]) -> None:
    """Call *end* as soon as the last test of the running group is over, long before the session is."""
    request.session.stash.setdefault(_AFTER_GROUP, []).append(end)


def end_group(item: pytest.Item, following: pytest.Item | None) -> None:
    """End what the group of *item* leaves behind, if *following* is of another one."""
    if group_of(item) and group_of(item) != group_of(following):
        for end in item.session.stash.setdefault(_AFTER_GROUP, []):
            end()
        item.session.stash[_AFTER_GROUP].clear()
