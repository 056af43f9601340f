"""Words of `network create` that no engine takes together, told before a host is asked."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import TYPE_CHECKING

from swarmkit.errors import InputError

if TYPE_CHECKING:
    from swarmkit.plan.networks.wish import NetworkWish


def check_words(wish: NetworkWish) -> None:
    """Raise InputError with all that *wish* asks for and cannot have together."""
    if found := (*_of_encryption(wish), *_of_ingress(wish), *_of_addresses(wish)):
        whats, remedies = zip(*found, strict=True)
        raise InputError("; ".join(whats), to_do="; ".join(dict.fromkeys(remedies)))


def _of_encryption(wish: NetworkWish) -> Iterator[tuple[str, str]]:
    """Other drivers take the option, keep it and do nothing by it."""
    if "encrypted" in wish.options and wish.driver in ("bridge", "macvlan", "ipvlan"):
        yield f"only overlays are encrypted: a {wish.driver} is not, whatever its options say", "give -d overlay"


def _of_ingress(wish: NetworkWish) -> Iterator[tuple[str, str]]:
    if not wish.ingress:
        return
    if wish.driver != "overlay" or wish.scope == "local":
        yield "--ingress is for an overlay of the swarm", "give -d overlay"
    if wish.attachable:
        yield "an ingress network is for published ports alone: it cannot be attachable", "leave --attachable out"
    if wish.config_only or wish.config_from:
        yield "--ingress is no word of a config-only network, nor of one made from it", "leave --ingress out"


def _of_addresses(wish: NetworkWish) -> Iterator[tuple[str, str]]:
    """A manager drops auxiliary addresses (moby daemon/cluster/convert/network.go): a task would be given one."""
    if wish.is_of_swarm and wish.aux_addresses:
        to_do = "leave --aux-address out, and give an --ip-range that does not hold them"
        yield "a swarm's managers keep no auxiliary addresses: they would give them to containers", to_do
    for subnet in _whose_gateway_is_kept(wish):
        yield f"{subnet} has its first address for the gateway, not for --aux-address", "give another --gateway"
    if wish.config_from and (wish.subnets or wish.ipam_driver or wish.ipam_options):
        yield "--config-from takes the addresses of the other network", "leave out --subnet and the --ipam-... words"
    if wish.ipam_driver == "null" and wish.subnets:
        yield "--ipam-driver null gives no addresses of a --subnet", "leave --subnet or --ipam-driver out"
    if wish.ipam_driver == "null" and wish.driver in ("bridge", "overlay") and not wish.config_only:
        yield f"--ipam-driver null: a {wish.driver} needs addresses", "leave --ipam-driver out"


def _whose_gateway_is_kept(wish: NetworkWish) -> Iterator[str]:
    """Yield the subnets of which an auxiliary address is what the engine takes for the gateway, when none is given."""
    for number, addresses in enumerate(wish.aux_addresses):
        subnet = wish.subnets[number]
        is_chosen = any(number < len(of) and of[number] for of in (wish.gateways, wish.ip_ranges))
        if not is_chosen and str(ipaddress.ip_network(subnet)[1]) in addresses.values():
            yield subnet
