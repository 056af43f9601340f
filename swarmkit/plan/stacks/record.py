"""What ran before: a stack's live specs, kept in the swarm as a config, so that ``rollback`` can go back to them.

The swarm keeps it and not the operator's machine: who rolls back may sit at another one. Contents of secrets cannot be
read back from an engine, so a record names their versions, and those it names stay until the next record.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from swarmkit.declared.stack.service import Condition
from swarmkit.errors import SwarmkitError
from swarmkit.observed.model import RECORD_LABEL, ClusterState, NetworkState, Observed, SecretState
from swarmkit.plan.data.holding import unheld
from swarmkit.plan.networks.lan_record import lan_bodies
from swarmkit.plan.stacks.container_spec import NAMESPACE_LABEL
from swarmkit.plan.stacks.service_waits import HEALTHY
from swarmkit.plan.stacks.spec_diff import spec_changes, with_names
from swarmkit.plan.stacks.spec_normal import normal_service

MAXIMUM_BYTES = 1000 * 1024
"""Less than this is what the engine takes (moby/swarmkit controlapi/config.go MaxConfigSize)."""
ENDED_LABEL = "swarmkit.before.ended"
"""On the config of a record whose change has come to its end, with every service running as it was to."""
UNPROVED_LABEL = "swarmkit.before.unproved"
"""On the config of a record after whose change the proof did not hold, until one does."""
_SCHEMA = "swarmkit.before/1"
_LONGEST_STACK = 44
_NUMBERED_BY_ENGINE = "com.docker.network.driver.overlay.vxlanid_list"

Json = dict[str, Any]
Author = Literal["up", "rollback"]


@dataclass(frozen=True)
class Change:
    """Where a run was going when it wrote a record: tells whether a later run continues it."""

    by: Author
    toward: str
    """Digest of the specs that were to run."""
    services: frozenset[str]
    """Full names of what was to be created, updated or removed."""
    depends_on: Mapping[str, Mapping[str, Condition]]
    """Full name -> full name of what it needs -> what that is to come to, as the stack file had them: the order of what
    the run was going to."""


@dataclass(frozen=True)
class Record:
    stack: str
    number: int
    """Counts up with every record of the stack."""
    change: Change
    services: Mapping[str, Json]
    """Full name -> spec with the names of networks, secrets and configs."""
    networks: tuple[Json, ...] = ()
    """What would make the stack's networks again."""
    lans: tuple[Json, ...] = ()
    """What would make its macvlan and ipvlan networks again, with the parts of the hosts."""
    depends_on: Mapping[str, Mapping[str, Condition]] = field(default_factory=dict)
    """The order of the *services*, as far as it is known: that of the file by which they came to run."""
    id: str = ""
    """Empty: not in the swarm yet."""
    has_ended: bool = False
    """Whether its change has come to its end: what has changed since, others have changed."""
    is_unproved: bool = False
    """Whether the last proof after its change did not hold."""

    @property
    def name(self) -> str:
        return f"{_short(self.stack)}.before-{self.number}"

    @property
    def labels(self) -> dict[str, str]:
        return {NAMESPACE_LABEL: self.stack, RECORD_LABEL: self.stack}

    @property
    def digest(self) -> str:
        return specs_digest(self.services.values())

    @property
    def content(self) -> bytes:
        """What the config holds."""
        change = {
            "by": self.change.by,
            "toward": self.change.toward,
            "services": sorted(self.change.services),
            "depends_on": _plain(self.change.depends_on),
        }
        whole = {
            "schema": _SCHEMA,
            "stack": self.stack,
            "number": self.number,
            "change": change,
            "services": dict(self.services),
            "networks": list(self.networks),
            "lans": list(self.lans),
            "depends_on": _plain(self.depends_on),
        }
        return zlib.compress(json.dumps(whole, sort_keys=True).encode(), 9)

    def files(self, what: Literal["Secret", "Config"]) -> set[str]:
        """Return the names of the secrets or configs that the services use."""
        return set().union(*(files_of(spec, what) for spec in self.services.values()))

    def is_left(self, cluster: ClusterState) -> bool:
        """Tell whether every service that was to change has; else what runs is half the one and half the other."""
        for name in self.change.services:
            before, live = self.services.get(name), cluster.service(name)
            if before is None or live is None:
                if before is None and live is None:
                    return False
            elif not spec_changes(before, with_names(live.spec, network_names(cluster))):
                return False
        return True


def files_of(spec: Mapping[str, Any], what: Literal["Secret", "Config"]) -> set[str]:
    """Return the names of the secrets or configs that a service's spec names."""
    return {str(one[f"{what}Name"]) for one in spec["TaskTemplate"]["ContainerSpec"].get(f"{what}s") or ()}


def network_names(cluster: ClusterState) -> dict[str, str]:
    return {network.id: network.name for network in cluster.networks}


def specs_digest(specs: Iterable[Mapping[str, Any]]) -> str:
    """Return one digest for all specs that mean the same to the engine."""
    normal = sorted((normal_service(spec) for spec in specs), key=lambda spec: str(spec["Name"]))
    return hashlib.sha256(json.dumps(normal, sort_keys=True).encode()).hexdigest()[:24]


def live_specs(cluster: ClusterState, stack: str) -> list[Json]:
    """Return what the services of *stack* are to run now, with the names of networks; who is held, when it runs."""
    names = network_names(cluster)
    return [with_names(unheld(one.spec), names) for one in cluster.services if one.stack == stack]


def record_of(observed: Observed, cluster: ClusterState, stack: str, before: Record | None, change: Change) -> Record:
    """Return the record of what *stack* runs now, by the run that wrote the record *before*."""
    services = {str(spec["Name"]): spec for spec in live_specs(cluster, stack)}
    networks = tuple(_network_body(one) for one in cluster.networks if one.labels.get(NAMESPACE_LABEL) == stack)
    depends_on = before.change.depends_on if before else change.depends_on
    number = before.number + 1 if before else 1
    return Record(stack, number, change, services, networks, lan_bodies(observed, stack), depends_on)


def read_records(cluster: ClusterState | None, stack: str) -> list[Record]:
    """Return the stack's records in the swarm, the oldest first; raise when one cannot be read."""
    configs = cluster.configs if cluster else ()
    found = [_read(config) for config in configs if config.labels.get(RECORD_LABEL) == stack]
    return sorted(found, key=lambda record: record.number)


def _read(config: SecretState) -> Record:
    try:
        whole = json.loads(zlib.decompress(config.content))
        if whole["schema"] != _SCHEMA:
            raise ValueError(f"it is {whole['schema']}")
        change = whole["change"]
        depends_on = _conditions(change["depends_on"])
        read = Change(change["by"], change["toward"], frozenset(change["services"]), depends_on)
        # Earlier records know only the order of where their run was going, and none of the hosts' parts.
        of_services = _conditions(whole.get("depends_on", change["depends_on"]))
        networks, lans = tuple(whole["networks"]), tuple(whole.get("lans", ()))
        return Record(
            whole["stack"], whole["number"], read, whole["services"], networks, lans, of_services, config.id,
            has_ended=ENDED_LABEL in config.labels,
            is_unproved=UNPROVED_LABEL in config.labels,
        )  # fmt: skip
    except (zlib.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SwarmkitError(
            f"the config {config.name} holds what ran before, and cannot be read",
            str(error),
            f"a newer swarmkit may have written it: use that one, or forget it with docker config rm {config.name}",
        ) from error


def _conditions(depends_on: Json) -> dict[str, dict[str, Condition]]:
    """Return what was read; earlier records name what a service needs, and all waited until it was healthy."""
    return {
        name: dict.fromkeys(needed, HEALTHY) if isinstance(needed, list) else needed
        for name, needed in depends_on.items()
    }


def _plain(depends_on: Mapping[str, Mapping[str, Condition]]) -> Json:
    return {name: dict(needed) for name, needed in depends_on.items()}


def _network_body(network: NetworkState) -> Json:
    raw = network.raw
    ipam = raw.get("IPAM") or {}
    return {
        "Name": network.name,
        "CheckDuplicate": True,
        "Driver": network.driver,
        "Options": {key: value for key, value in network.options.items() if key != _NUMBERED_BY_ENGINE},
        "Labels": dict(network.labels),
        "Attachable": bool(raw.get("Attachable")),
        "Internal": bool(raw.get("Internal")),
        "EnableIPv6": bool(raw.get("EnableIPv6")),
        # What a manager tells of a bridge's range would be its own host's, and no manager gives one to others.
        "IPAM": {
            "Driver": ipam.get("Driver") or "default",
            "Config": [] if network.driver == "bridge" else list(ipam.get("Config") or ()),
        },
        # Not said, a bridge would be made on one manager alone.
        **({} if network.driver == "overlay" else {"Scope": network.scope}),
    }


def _short(stack: str) -> str:
    """Return a beginning for names of at most 64 characters, which no other stack has."""
    if len(stack) <= _LONGEST_STACK:
        return stack
    return f"{stack[: _LONGEST_STACK - 9]}-{hashlib.sha256(stack.encode()).hexdigest()[:8]}"
