"""Where firewalld keeps the rules by which it drops a packet, told by the names of its chains in nftables; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from swarmkit.observed.dropping.rules import Drop

_PART = re.compile(r"filter_(?:IN|OUT)_(?P<is_policy>policy_)?(?P<name>.+?)(?:_(?:pre|log|deny|allow|post))?")


def part_of(drops: Iterable[Drop]) -> str:
    """Return the option of ``firewall-cmd`` that names the policy, or the zone, by which one of *drops* came about.

    Empty where firewalld drops nothing, or by rules that belong to neither.
    """
    for drop in (drop for drop in drops if drop.table.endswith(" firewalld") and drop.way):
        parts = [part for part in map(_PART.fullmatch, drop.way) if part]
        if (own := _PART.fullmatch(drop.way[-1])) and own["is_policy"]:
            return f"--policy={own['name']}"
        if zones := [part["name"] for part in parts if not part["is_policy"]]:
            return f"--zone={zones[-1]}"
    return ""
