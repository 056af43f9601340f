"""How the addresses of a network asked for by command are given out: what is sent, and what is compared; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from swarmkit.plan.networks.wish import NetworkWish

DEFAULT_DRIVER = "default"
"""The engine's own driver of addresses."""


def ipam_of(wish: NetworkWish) -> dict[str, Any]:
    """Return the IPAM of the body, nothing when nothing of it was said: the engine takes a pool of its own."""
    if not (wish.subnets or wish.ipam_driver or wish.ipam_options):
        return {}
    options = {"Options": dict(wish.ipam_options)} if wish.ipam_options else {}
    return {"IPAM": {"Driver": wish.ipam_driver or DEFAULT_DRIVER, "Config": _entries(wish), **options}}


def compared_ipam(wish: NetworkWish, live: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield name, value of the *live* IPAM and wanted one of what was said."""
    if wish.ipam_driver:
        yield "ipam driver", str(live.get("Driver") or DEFAULT_DRIVER), wish.ipam_driver
    for key, value in wish.ipam_options.items():
        yield f"ipam options.{key}", (live.get("Options") or {}).get(key, "(none)"), value
    if wish.subnets:
        yield from _compared_ranges(wish, live.get("Config") or [])


def _compared_ranges(wish: NetworkWish, entries: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """The engine tells the IPv4 subnets first, and has a gateway of its own for one that was given none."""
    live = {str(entry.get("Subnet")): entry for entry in entries}
    asked = [subnet for subnet in wish.subnets if subnet in live]
    found = (*asked, *(subnet for subnet in live if subnet not in asked))
    yield "subnet", ", ".join(found), ", ".join(wish.subnets)
    for key in ("Gateway", "IPRange"):
        wanted = {entry["Subnet"]: entry[key] for entry in _entries(wish) if key in entry}
        has = [str(live.get(subnet, {}).get(key) or "") for subnet in wanted]
        yield key.lower(), ", ".join(has), ", ".join(wanted.values())
    for subnet, addresses in zip(wish.subnets, wish.aux_addresses, strict=False):
        kept = live.get(subnet, {}).get("AuxiliaryAddresses") or {}
        for name, address in addresses.items():
            yield f"aux-address.{name}", str(kept.get(name, "(none)")), address


def _entries(wish: NetworkWish) -> list[dict[str, Any]]:
    return [
        {
            "Subnet": subnet,
            **_at("Gateway", wish.gateways, number),
            **_at("IPRange", wish.ip_ranges, number),
            **_at("AuxiliaryAddresses", [dict(addresses) for addresses in wish.aux_addresses], number),
        }
        for number, subnet in enumerate(wish.subnets)
    ]


def _at(key: str, values: Sequence[Any], number: int) -> dict[str, Any]:
    return {key: values[number]} if number < len(values) and values[number] else {}
