"""What the services of a running stack name: networks, volumes, secrets and configs, each under a key of its own."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from swarmkit.declared.inventory.addresses import NAME
from swarmkit.observed.model import NETWORK_LABEL, STACK_LABEL, ClusterState, NetworkState, Observed, masked, subnets_of
from swarmkit.plan.networks.ranges import is_inside
from swarmkit.plan.stacks.container_spec import written
from swarmkit.plan.stacks.files import FILE_LABEL
from swarmkit.plan.stacks.spec_diff import VXLAN_NUMBERS

Keys = dict[str, Any]
Section = Literal["networks", "volumes", "secrets", "configs"]
_UNFIT = re.compile(r"[^A-Za-z0-9._-]", re.ASCII)


@dataclass
class StackObjects:
    """The sections of a stack file beside its services, filled by asking for the key of each object."""

    stack: str
    observed: Observed
    cluster: ClusterState
    sections: dict[Section, dict[str, Keys]] = field(
        default_factory=lambda: {"networks": {}, "volumes": {}, "secrets": {}, "configs": {}}
    )
    _known: dict[tuple[Section, str], str] = field(default_factory=dict)

    def network(self, name: str) -> str:
        live = next((one for one in self.cluster.networks if one.name == name), None)
        if live is None:
            return self._external("networks", name, name)
        if configs := self._own_configs(live):
            return self._keyed("networks", live.name, live.name, lan_keys(live, configs))
        if live.labels.get(STACK_LABEL) != self.stack or live.config_from:
            return self._external("networks", live.name, live.name)
        return self._keyed("networks", live.name, live.declared_name, network_keys(live, self.cluster.address_pools))

    def file(self, what: str, name: str) -> str:
        """Return the key of a secret or config. It is external: the engine tells no content of secrets."""
        section: Section = "secrets" if what == "Secret" else "configs"
        found = self.cluster.secrets if what == "Secret" else self.cluster.configs
        live = next((one for one in found if one.name == name), None)
        is_ours = live is not None and live.labels.get(STACK_LABEL) == self.stack
        return self._external(section, name, (live.labels.get(FILE_LABEL) if live and is_ours else None) or name)

    def volume(self, mount: Mapping[str, Any]) -> str:
        source, options = str(mount["Source"]), mount.get("VolumeOptions") or {}
        labels, driver = dict(options.get("Labels") or {}), options.get("DriverConfig") or {}
        identity = json.dumps([source, labels, driver], sort_keys=True)
        if labels.pop(STACK_LABEL, None) != self.stack:
            return self._external("volumes", source, source, identity)
        keys = written(
            {"driver": driver.get("Name"), "driver_opts": dict(driver.get("Options") or {}), "labels": labels}
        )
        return self._keyed("volumes", identity, source, keys)

    def _own_configs(self, live: NetworkState) -> dict[str, NetworkState]:
        """Return what this stack has made on the hosts for *live*, by host."""
        found = {host: facts.engine.config_network(live.config_from) for host, facts in self.observed.hosts.items()}
        return {host: one for host, one in found.items() if one and one.labels.get(STACK_LABEL) == self.stack}

    def _external(self, section: Section, name: str, wish: str, identity: str = "") -> str:
        key = self._key(section, identity or name, wish)
        self.sections[section][key] = {"external": True} | ({} if key == name else {"name": name})
        return key

    def _keyed(self, section: Section, identity: str, name: str, keys: Keys) -> str:
        """Return the key of an object of the stack's own, whose full name is *name*."""
        key = self._key(section, identity, name)
        self.sections[section][key] = keys if f"{self.stack}_{key}" == name else {"name": name} | keys
        return key

    def _key(self, section: Section, identity: str, wish: str) -> str:
        if (section, identity) not in self._known:
            self._known[section, identity] = free_key(wish.removeprefix(f"{self.stack}_"), self.sections[section])
        return self._known[section, identity]


def free_key(text: str, taken: Collection[str]) -> str:
    """Return *text* as a key that is none of *taken*."""
    base = fit_key(text)
    names = itertools.chain([base], (f"{base}-{number}" for number in itertools.count(2)))
    return next(name for name in names if name not in taken)


def fit_key(text: str) -> str:
    """Return *text* as a key of a section: a letter, digit or underscore first, and no extension."""
    fit = _UNFIT.sub("-", text)
    return fit if NAME.fullmatch(fit) and not fit.startswith("x-") else f"_{fit}"


def network_keys(live: NetworkState, pools: tuple[str, ...]) -> Keys:
    """Return what a stack file says of an overlay or bridge network; subnets of the swarm's *pools* are left out."""
    options = {key: value for key, value in live.options.items() if key not in ("encrypted", VXLAN_NUMBERS)}
    options |= {"encrypted": ""} if live.encrypted else {}
    raw, ipam = live.raw, live.raw.get("IPAM") or {}
    subnets = subnets_of(raw)
    is_from_pool = all(any(is_inside(subnet, pool) for pool in pools) for subnet in subnets)
    driver = ipam.get("Driver")
    is_clear = live.driver == "overlay" and not live.encrypted
    return _network_keys(live) | written(
        {
            "enable_ipv6": bool(raw.get("EnableIPv6")) or None,
            "driver_opts": options,
            "labels": {k: v for k, v in live.labels.items() if k not in (STACK_LABEL, NETWORK_LABEL)},
            "ipam": written(
                {
                    "driver": "" if driver == "default" else driver,
                    "config": [] if is_from_pool else [{"subnet": subnet} for subnet in subnets],
                }
            ),
            "x-swarmkit": {"encrypted": False, "reason": "it ran in clear when it was exported"} if is_clear else {},
        }
    )


def lan_keys(live: NetworkState, configs: Mapping[str, NetworkState]) -> Keys:
    """Return what a stack file says of a macvlan or ipvlan network over the hosts' *configs*."""
    any_host = next(iter(configs.values()))
    ranges = {host: (one.raw.get("IPAM") or {}).get("Config") or [{}] for host, one in configs.items()}
    (first, *_) = next(iter(ranges.values()))
    hosts = {
        host: written({"parent": one.options.get("parent"), "range": ranges[host][0].get("IPRange")})
        for host, one in configs.items()
    }
    return _network_keys(live) | written(
        {
            "enable_ipv6": bool(any_host.raw.get("EnableIPv6")) or None,
            "driver_opts": {key: value for key, value in any_host.options.items() if key != "parent"},
            "labels": {k: v for k, v in any_host.labels.items() if k != STACK_LABEL},
            "ipam": {"config": [{"subnet": masked(str(first.get("Subnet")))}]},
            "x-swarmkit": written({"gateway": first.get("Gateway"), "hosts": hosts}),
        }
    )


def _network_keys(live: NetworkState) -> Keys:
    return written(
        {
            "driver": "" if live.driver == "overlay" else live.driver,
            "attachable": bool(live.raw.get("Attachable")) or None,
            "internal": bool(live.raw.get("Internal")) or None,
        }
    )
