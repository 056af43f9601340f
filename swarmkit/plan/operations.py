"""The operations: each one action on the cluster, which reads back what it did. None is ever retried."""

from __future__ import annotations

import base64
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from swarmkit.declared.image_archive import ImageArchive
from swarmkit.errors import SwarmkitError
from swarmkit.plan.context import Context
from swarmkit.plan.model import Step
from swarmkit.plan.spec import with_ids
from swarmkit.plan.spec_diff import carry_over, spec_changes, with_names
from swarmkit.plan.unfinished_joins import CERTIFICATE_SECONDS, forget_others
from swarmkit.reach.engine import Engine, EngineError, Json, Kind
from swarmkit.reach.retry import wait_until
from swarmkit.reach.ssh import CommandTimeoutError, ConnectionLostError
from swarmkit.secret import Secret

JOIN_TIMEOUT_SECONDS = 90.0
IMAGE_TIMEOUT_SECONDS = 900.0
_CHUNK_BYTES = 256 * 1024
# Optimistic locking: the engine did nothing, so reading again and deciding again is no blind retry.
_OUT_OF_SEQUENCE = "update out of sequence"


@dataclass(frozen=True)
class InitSwarm:
    step: Step
    body: Mapping[str, Any]

    def run(self, context: Context) -> str:
        context.manager.init_swarm(dict(self.body))
        info = _wait_for_membership(context.manager, "initialising the swarm")
        if not info["Swarm"].get("ControlAvailable"):
            raise SwarmkitError(f"{self.step.target}: not a manager after initialising the swarm")
        return f"node {info['Swarm']['NodeID'][:12]}"


@dataclass(frozen=True)
class AdoptSwarm:
    """Label a swarm that others made as this inventory's, so that later runs know it."""

    step: Step
    labels: Mapping[str, str]

    def run(self, context: Context) -> str:
        swarm = context.manager.swarm()
        spec = {**swarm["Spec"], "Labels": {**(swarm["Spec"].get("Labels") or {}), **self.labels}}
        context.manager.update_swarm(int(swarm["Version"]["Index"]), spec)
        return ""


@dataclass(frozen=True)
class JoinNode:
    """Join a host; one that times out may still finish by itself (moby daemon/cluster/errors.go), so wait and look."""

    step: Step
    role: str
    body: Mapping[str, Any]
    """The API's body without the token, which is asked for at run time and never shown."""

    def run(self, context: Context) -> str:
        engine = context.reached(self.step.target).engine
        token, began = context.join_token(self.role), time.monotonic()
        try:
            engine.join_swarm({**self.body, "JoinToken": token.text()})
        except EngineError as error:
            if "Timeout was reached" not in error.message:
                raise
        info = _wait_for_membership(engine, f"joining as {self.role}")
        node_id = str(info["Swarm"]["NodeID"])
        if self.role == "manager":
            wait_until_reachable(context, self.step.target, node_id)
        if time.monotonic() - began > CERTIFICATE_SECONDS:
            forget_others(context.manager, node_id)
        return f"node {node_id[:12]}"


def wait_until_reachable(context: Context, target: str, node_id: str) -> None:
    """The next manager may come only when this one counts: one at a time keeps the quorum (HAZARDS 0.1 #8)."""
    status = wait_until(
        lambda: context.manager.inspect("nodes", node_id).get("ManagerStatus") or {},
        lambda value: value.get("Reachability") == "reachable",
        timeout_seconds=JOIN_TIMEOUT_SECONDS,
        retry_on=(EngineError,),
    )
    if status.get("Reachability") != "reachable":
        raise SwarmkitError(
            f"{target}: is to be a manager but is not reachable",
            f"waited {JOIN_TIMEOUT_SECONDS:g} s for the leader to reach port 2377 of {target}",
            f"open tcp/2377 on {target} for the other managers",
        )


def _wait_for_membership(engine: Engine, doing: str) -> Json:
    info = wait_until(
        engine.info,
        lambda value: value["Swarm"].get("LocalNodeState") in ("active", "error", "locked"),
        timeout_seconds=JOIN_TIMEOUT_SECONDS,
        retry_on=(ConnectionLostError, CommandTimeoutError),
    )
    state = info["Swarm"].get("LocalNodeState")
    if state != "active":
        raise SwarmkitError(
            f"{engine.host}: {doing} did not succeed, its node state is {state}",
            str(info["Swarm"].get("Error", "")) or f"waited {JOIN_TIMEOUT_SECONDS:g} s for it to be active",
            f"see: journalctl -u docker on {engine.host}; the join may still finish, so run the same command again",
        )
    return info


@dataclass(frozen=True)
class UpdateNode:
    """Give a node its labels and availability; labels that are not declared stay as they are."""

    step: Step
    labels: Mapping[str, str]
    availability: str

    def run(self, context: Context) -> str:
        node_id = str(context.reached(self.step.target).engine.info()["Swarm"]["NodeID"])
        change_node(context.manager, node_id, availability=self.availability, labels=self.labels)
        return ""


def change_node(
    manager: Engine,
    node_id: str,
    *,
    role: str = "",
    availability: str = "",
    labels: Mapping[str, str] | None = None,
    without: Collection[str] = (),
) -> None:
    """Lay what is given over the node's spec, at the version that was read; labels *without* are taken off."""
    for _ in range(10):
        node = manager.inspect("nodes", node_id)
        kept = {key: value for key, value in (node["Spec"].get("Labels") or {}).items() if key not in without}
        spec = {**node["Spec"], "Labels": {**kept, **(labels or {})}}
        spec |= {key: value for key, value in (("Role", role), ("Availability", availability)) if value}
        try:
            manager.update("nodes", node_id, int(node["Version"]["Index"]), spec)
        except EngineError as error:
            if _OUT_OF_SEQUENCE not in error.message:
                raise
            continue
        return
    raise SwarmkitError(f"node {node_id[:12]} changes all the time", "ten updates were out of sequence")


@dataclass(frozen=True)
class SendImage:
    step: Step
    host: str
    archive: ImageArchive
    by_tag: bool = False

    def run(self, context: Context) -> str:
        engine = context.reached(self.host).engine
        engine.load_image(self._chunks(context), IMAGE_TIMEOUT_SECONDS)
        # The containerd image store numbers images otherwise, so there the tag has to do (HAZARDS H42).
        name = self.archive.tags[0] if self.by_tag else self.archive.image_id
        try:
            engine.inspect("images", name)
        except EngineError as error:
            raise SwarmkitError(
                f"{self.host}: image {self.archive.tags[0]} was sent but is not there as {name}",
                error.message,
                f"see docker image ls on {self.host}",
            ) from error
        return f"{self.archive.size_bytes / 1e6:.0f} MB"

    def _chunks(self, context: Context) -> Iterator[bytes]:
        sent = 0
        with self.archive.path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk
                sent += len(chunk)
                context.progress.advanced(self.step.key, "", sent, self.archive.size_bytes)


@dataclass(frozen=True)
class CreateNetwork:
    step: Step
    body: Mapping[str, Any]

    def run(self, context: Context) -> str:
        identity = context.manager.create("networks", dict(self.body))
        context.remember("networks", str(self.body["Name"]), identity)
        return ""


@dataclass(frozen=True)
class CreateFile:
    """Create a secret or a config; its content goes in the request's body only."""

    step: Step
    kind: Kind
    name: str
    content: Secret
    labels: Mapping[str, str]
    drivers: Mapping[str, Any] = field(default_factory=dict)
    """The API's Driver and Templating, where the file names them."""

    def run(self, context: Context) -> str:
        body = {
            "Name": self.name,
            "Labels": dict(self.labels),
            "Data": base64.b64encode(self.content.reveal()).decode(),
            **self.drivers,
        }
        context.remember(self.kind, self.name, context.manager.create(self.kind, body))
        return ""


@dataclass(frozen=True)
class CreateService:
    step: Step
    spec: Mapping[str, Any]
    registry_auth: Secret | None = None

    def run(self, context: Context) -> str:
        name = str(self.spec["Name"])
        spec = _resolved(self.spec, context)
        context.remember("services", name, context.manager.create("services", spec, registry_auth=self.registry_auth))
        return ""


@dataclass(frozen=True)
class UpdateService:
    """Replace a service's whole spec at the version that was compared, so nothing unseen is overwritten."""

    step: Step
    identity: str
    version: int
    spec: Mapping[str, Any]
    registry_auth: Secret | None = None
    """None: the service keeps the credentials that it has."""

    def run(self, context: Context) -> str:
        spec = _resolved(self.spec, context)
        context.manager.update("services", self.identity, self.version, spec, registry_auth=self.registry_auth)
        return ""


@dataclass(frozen=True)
class MoveService:
    """Update a service that an earlier operation of the plan has updated; refuses when others have since."""

    step: Step
    identity: str
    expected: Mapping[str, Any]
    """The spec that it should have now, by names."""
    spec: Mapping[str, Any]
    registry_auth: Secret | None = None

    def run(self, context: Context) -> str:
        live = context.manager.inspect("services", self.identity)
        names = {str(item["Id"]): str(item["Name"]) for item in context.manager.find("networks")}
        for target in {
            str(entry["Target"]) for entry in live["Spec"]["TaskTemplate"].get("Networks") or []
        } - names.keys():
            # The swarm's own host network is in no list.
            names[target] = str(context.manager.inspect("networks", target)["Name"])
        changes = spec_changes(self.expected, with_names(live["Spec"], names))
        if changes:
            raise SwarmkitError(
                f"{self.step.target}: was changed by others meanwhile",
                "; ".join(f"{change.path}: {change.new} is now {change.old}" for change in changes),
                "run the same command again: it goes on from what is there",
            )
        body = _resolved(carry_over(self.spec, live["Spec"]), context)
        version = int(live["Version"]["Index"])
        context.manager.update("services", self.identity, version, body, registry_auth=self.registry_auth)
        return ""


def _resolved(spec: Mapping[str, Any], context: Context) -> Json:
    """Return *spec* with the ids of the networks, secrets and configs that it names."""
    template = spec["TaskTemplate"]
    container = template["ContainerSpec"]

    def ids(kind: Kind, names: list[str]) -> dict[str, str]:
        return {name: context.identity(kind, name) for name in names}

    return with_ids(
        dict(spec),
        ids("networks", [entry["Target"] for entry in template.get("Networks") or []]),
        ids("secrets", [entry["SecretName"] for entry in container.get("Secrets") or []]),
        ids("configs", [entry["ConfigName"] for entry in container.get("Configs") or []]),
    )


@dataclass(frozen=True)
class AwaitService:
    """Wait until a service runs as declared, or only until it has *started*; writes nothing."""

    step: Step
    service: str
    started: bool = False

    def run(self, context: Context) -> str:
        wait_for = context.await_started if self.started else context.await_service
        return wait_for(self.service, self.step.key)


@dataclass(frozen=True)
class RemoveObject:
    """Remove an object from the swarm, or from one host when *host* is given (a volume)."""

    step: Step
    kind: Kind
    identity: str
    host: str | None = None

    def run(self, context: Context) -> str:
        engine = context.reached(self.host).engine if self.host else context.manager
        engine.remove(self.kind, self.identity)
        return ""
