"""`--network` of `swarmkit run`, which may be given again, each time as a name or as ``name=NETWORK,ip=...``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from swarmkit.cli.networking.subnets import addresses, ipv4_address, ipv6_address
from swarmkit.cli.networking.words import pairs
from swarmkit.errors import InputError
from swarmkit.plan.containers.wish import ENGINES_OWN
from swarmkit.plan.networks.endpoint_wish import EndpointWish

_KEYS = ("name", "alias", "ip", "ip6", "link-local-ip", "mac-address", "driver-opt")


@dataclass(frozen=True)
class Attachment:
    """A network by its name or ID, and the container's place on it."""

    network: str
    endpoint: EndpointWish
    mac_address: str = ""


def read_attachments(words: Sequence[str], flags: Attachment) -> tuple[dict[str, EndpointWish], str]:
    """Return the networks and the place on each, of the first as *flags* (``--ip`` and so on) say, and its MAC address.

    Raises InputError for one that is given twice, and as Docker does for a network of the engine's own beside others.
    """
    first, *others = [_attachment(word) for word in words] or [Attachment("bridge", EndpointWish())]
    names = [first.network, *(other.network for other in others)]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"--network {', '.join(twice)} was given twice", to_do="give it once")
    if others and (own := [name for name in names if name in ENGINES_OWN]):
        what = f"--network {own[0]} is the engine's own, and goes with no other"
        raise InputError(what, to_do="make a network: swarmkit network create NAME")
    if macs := [other.network for other in others if other.mac_address]:
        raise InputError(
            f"--network {macs[0]}: mac-address is for the first network alone", to_do="put that network first"
        )
    first = _with_flags(first, flags)
    return {one.network: one.endpoint for one in (first, *others)}, first.mac_address


def _attachment(word: str) -> Attachment:
    if "=" not in word:
        if not word:
            raise InputError("--network '' is no network")
        return Attachment(word, EndpointWish())
    given: dict[str, list[str]] = {key: [] for key in _KEYS}
    for part in word.split(","):
        key, sign, value = part.strip().partition("=")
        if not sign or not value or key not in given:
            raise InputError(f"--network {word!r}: {part!r} is not known", to_do=f"there are {'=, '.join(_KEYS)}=")
        given[key].append(value)
    single = {key: _one(word, key, given[key]) for key in ("name", "ip", "ip6", "mac-address")}
    if not single["name"]:
        raise InputError(f"--network {word!r} names no network", to_do="begin it with name=NETWORK")
    endpoint = EndpointWish(
        ip=ipv4_address("--network ip", single["ip"]),
        ip6=ipv6_address("--network ip6", single["ip6"]),
        link_local=addresses("--network link-local-ip", tuple(given["link-local-ip"])),
        aliases=tuple(given["alias"]),
        options=pairs("--network driver-opt", tuple(given["driver-opt"]), with_values=True),
    )
    return Attachment(single["name"], endpoint, single["mac-address"])


def _one(word: str, key: str, values: list[str]) -> str:
    if len(values) > 1:
        raise InputError(f"--network {word!r} says {key} twice", to_do="say it once")
    return values[0] if values else ""


def _with_flags(first: Attachment, flags: Attachment) -> Attachment:
    own, said = first.endpoint, flags.endpoint
    both = {
        "--ip": (own.ip, said.ip),
        "--ip6": (own.ip6, said.ip6),
        "--link-local-ip": (own.link_local, said.link_local),
        "--network-alias": (own.aliases, said.aliases),
        "--mac-address": (first.mac_address, flags.mac_address),
    }
    if twice := [flag for flag, values in both.items() if all(values)]:
        raise InputError(f"{twice[0]} is said by --network as well", to_do="say it in one place")
    endpoint = replace(
        own,
        ip=own.ip or said.ip,
        ip6=own.ip6 or said.ip6,
        link_local=own.link_local or said.link_local,
        aliases=own.aliases or said.aliases,
        links=said.links,
    )
    return Attachment(first.network, endpoint, first.mac_address or flags.mac_address)
