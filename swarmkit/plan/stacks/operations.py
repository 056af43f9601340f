"""Operations on what a swarm holds: images, networks, secrets, configs and services.

Each is one action; what it did, the next look reads back, and of an image that was sent the operation itself. None is
ever retried but where the engine says that it did nothing.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from swarmkit.declared.stack.image_archive import ImageArchive
from swarmkit.errors import SwarmkitError
from swarmkit.plan.context import Context, StoppedError
from swarmkit.plan.model import Step
from swarmkit.plan.stacks.image_loads import is_listed, note_load, settle_load, take_away
from swarmkit.plan.stacks.spec import with_ids
from swarmkit.plan.stacks.spec_diff import Change, carry_over, spec_changes, with_names
from swarmkit.reach.engine import Engine, EngineError, Json, Kind
from swarmkit.secret import Secret

IMAGE_TIMEOUT_SECONDS = 300.0
"""How long an engine that has an image may say nothing while it loads it: it tells how far each layer is."""
_CHUNK_BYTES = 256 * 1024
_OUT_OF_SEQUENCE = "update out of sequence"
_TRIES = 10
_BY_OTHERS = "was changed by others meanwhile"
_GO_ON = "run the same command again: it goes on from what is there"


@dataclass(frozen=True)
class SendImage:
    step: Step
    host: str
    archive: ImageArchive
    by_tag: bool = False

    def run(self, context: Context) -> str:
        reached = context.reached(self.host)
        size = f"{self.archive.size_bytes / 1e6:.0f} MB"
        with context.turn(self.host):
            cut = note_load(reached, self.archive)
            if cut:
                self._load_anew(reached.engine, cut, context)
                settle_load(reached, self.archive)
                return f"{size}, twice, as the power was cut while images were loaded"
        self._load(reached.engine, context)
        settle_load(reached, self.archive)
        return size

    def _load_anew(self, engine: Engine, cut: Mapping[str, str], context: Context) -> None:
        """Load the image with none of the layers that the *cut* loads left: it takes them up first, to remove them."""
        take_away(engine, cut)
        if not is_listed(engine, self.archive):
            # Over broken layers an engine may fail; it lets go of them then.
            with suppress(EngineError):
                engine.load_image(self._chunks(context), IMAGE_TIMEOUT_SECONDS)
                take_away(engine, {self.archive.image_id: self.archive.tags[0]})
        self._load(engine, context)

    def _load(self, engine: Engine, context: Context) -> None:
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

    def _chunks(self, context: Context) -> Iterator[bytes]:
        sent = 0
        with self.archive.path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                # An engine keeps nothing of an archive that ends in the middle.
                if context.cancelled.is_set():
                    raise StoppedError(f"not sent any further, after {sent / 1e6:.0f} MB: the run is stopping")
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
class LabelFile:
    """Give a secret or config other labels, the one thing of it that the engine changes."""

    step: Step
    kind: Kind
    identity: str
    labels: Mapping[str, str]

    def run(self, context: Context) -> str:
        live = context.manager.inspect(self.kind, self.identity)
        kept = {key: value for key, value in live["Spec"].items() if key != "Data"}
        version = int(live["Version"]["Index"])
        context.manager.update(self.kind, self.identity, version, {**kept, "Labels": dict(self.labels)})
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
    """Replace a service's whole spec while it is the one that was compared, so nothing unseen is overwritten.

    The swarm raises the version too, when an update under way ends: what counts then is whether the spec stayed.
    """

    step: Step
    identity: str
    version: int
    spec: Mapping[str, Any]
    compared: Mapping[str, Any]
    """The live spec that was compared, as the engine gave it."""
    registry_auth: Secret | None = None
    """None: the service keeps the credentials that it has."""

    def run(self, context: Context) -> str:
        spec, version = _resolved(self.spec, context), self.version
        for _ in range(_TRIES):
            try:
                context.manager.update("services", self.identity, version, spec, registry_auth=self.registry_auth)
            except EngineError as error:
                # The engine did nothing.
                if _OUT_OF_SEQUENCE not in error.message:
                    raise
                version = self._version_now(context)
            else:
                return ""
        raise SwarmkitError(f"{self.step.target} changes all the time", f"{_TRIES} updates were out of sequence")

    def _version_now(self, context: Context) -> int:
        live = context.manager.inspect("services", self.identity)
        if live["Spec"] != self.compared:
            is_taken_back = str((live.get("UpdateStatus") or {}).get("State", "")).startswith("rollback")
            what = "the swarm has taken its update back meanwhile" if is_taken_back else _BY_OTHERS
            raise SwarmkitError(f"{self.step.target}: {what}", _told(spec_changes(self.compared, live["Spec"])), _GO_ON)
        return int(live["Version"]["Index"])


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
            raise SwarmkitError(f"{self.step.target}: {_BY_OTHERS}", _told(changes), _GO_ON)
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


def _told(changes: Iterable[Change]) -> str:
    return "; ".join(f"{change.path}: {change.new} is now {change.old}" for change in changes)


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
