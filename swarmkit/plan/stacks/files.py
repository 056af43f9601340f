"""Versions of a stack's secrets and configs: new content is a new object, and an old one goes when nobody needs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from swarmkit.declared.stack.service import SecretFile, Stack
from swarmkit.finding import Finding
from swarmkit.observed.model import ClusterState, SecretState, ServiceState
from swarmkit.plan.model import Operation, Step
from swarmkit.plan.stacks.container_spec import NAMESPACE_LABEL, written
from swarmkit.plan.stacks.missing_externals import create_file, missing_external
from swarmkit.plan.stacks.names import file_name
from swarmkit.plan.stacks.operations import CreateFile, LabelFile
from swarmkit.plan.stacks.record import Record
from swarmkit.plan.stacks.removal import SUBJECTS
from swarmkit.plan.stacks.spec import file_drivers
from swarmkit.plan.stacks.spec_diff import label_changes
from swarmkit.reach.engine import Kind
from swarmkit.secret import Secret

FILE_LABEL = "swarmkit.key"
"""On a secret or config that we made: its key in the stack file, so that its old versions can be found."""

_WHAT: dict[Kind, Literal["Secret", "Config"]] = {"secrets": "Secret", "configs": "Config"}


@dataclass
class FileVersions:
    """The declared secrets and configs of one stack against those in the swarm."""

    stack: Stack
    cluster: ClusterState | None
    swarm_ready: frozenset[str]
    refusals: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)

    def new(self) -> Iterator[Operation]:
        """Yield the creation of each declared version that is not there, and new labels for one that is.

        Refuse an external one that is missing, and another driver.
        """
        for kind in _WHAT:
            live = {item.name: item for item in self._live(kind)}
            for file in self._declared(kind):
                if item := live.get(file_name(file)):
                    yield from self._relabelled(kind, file, item)
                    continue
                if not file.external:
                    self._tell_of_takeover(kind, file, live.get(file.name))
                    yield self._creation(kind, file)
                    continue
                word = SUBJECTS[kind]
                create = create_file(word, file.name)
                self.refusals.append(missing_external(word, file.name, file.place, create, live))

    def old(self, record: Record | None, goes: Callable[[ServiceState], bool]) -> list[tuple[Kind, SecretState]]:
        """Return the versions that neither the declaration nor *record* names, and no service that stays uses.

        *goes* tells of a live service that the plan replaces or removes.
        """
        return [
            (kind, item)
            for kind, what in _WHAT.items()
            for item in self._replaced(kind)
            if not (record and item.name in record.files(what)) and not self._stays_on(kind, item, goes)
        ]

    def _declared(self, kind: Kind) -> tuple[SecretFile, ...]:
        return self.stack.secrets if kind == "secrets" else self.stack.configs

    def _live(self, kind: Kind) -> tuple[SecretState, ...]:
        if self.cluster is None:
            return ()
        return self.cluster.secrets if kind == "secrets" else self.cluster.configs

    def _creation(self, kind: Kind, file: SecretFile) -> CreateFile:
        name, word = file_name(file), SUBJECTS[kind]
        older = any(is_version_of(item, file, self.stack.name) for item in self._live(kind))
        reason = "its content is new" if older else "not there yet"
        step = Step(f"{word}:{name}", word, "create", name, f"create {word}", reason, self.swarm_ready)
        return CreateFile(step, kind, name, file.content or Secret(b""), self._labels(file), file_drivers(file))

    def _tell_of_takeover(self, kind: Kind, file: SecretFile, item: SecretState | None) -> None:
        """Tell of what another tool made of *file*: its place is taken, and the services that use it get new tasks."""
        if item is None or not is_version_of(item, file, self.stack.name):
            return
        word, name = SUBJECTS[kind], file_name(file)
        what = (
            f"the {word} {item.name} was made by another tool: {name} takes its place, and who uses it gets new tasks"
        )
        tells = "an engine tells nobody what is in a secret" if word == "secret" else "names here carry the content"
        seen = f"{tells}; the old one stays for rollback, and goes with the next change ({file.place})"
        remedy = f"nothing; or, to leave it as it is, declare it so: external: true, name: {item.name}"
        self.warnings.append(Finding("H78", "warning", item.name, what, seen, remedy))

    def _labels(self, file: SecretFile) -> dict[str, str]:
        return {**file.labels, NAMESPACE_LABEL: self.stack.name, FILE_LABEL: file.key}

    def _relabelled(self, kind: Kind, file: SecretFile, item: SecretState) -> Iterator[Operation]:
        if file.external or item.labels.get(NAMESPACE_LABEL) != self.stack.name:
            return
        self._check_driver(kind, file, item)
        declared = {key: value for key, value in item.labels.items() if key != FILE_LABEL}
        changes = label_changes({"Labels": file.labels}, {"Labels": declared})
        if changes:
            word = SUBJECTS[kind]
            key, what = f"{word}:{item.name}", f"give {word} other labels"
            step = Step(key, word, "update", item.name, what, "its content stays", self.swarm_ready, changes)
            yield LabelFile(step, kind, item.id, self._labels(file))

    def _check_driver(self, kind: Kind, file: SecretFile, item: SecretState) -> None:
        """Refuse another driver: an update changes labels alone, and under another name the driver finds nothing."""
        wanted = file_drivers(file)
        found = {key: written(value) for key, value in item.drivers.items()}
        if file.content is None and found != wanted:
            what = f"the {SUBJECTS[kind]} exists with another driver or options, which cannot be changed"
            seen = f"{_told(found, wanted)} ({file.place})"
            remedy = "give it another name: name: NAME"
            self.refusals.append(Finding("B45", "error", file.name, what, seen, remedy))

    def _replaced(self, kind: Kind) -> Iterator[SecretState]:
        files = self._declared(kind)
        current = {file_name(file) for file in files}
        # Whose versions are made elsewhere are removed elsewhere.
        own = [file for file in files if not file.external]
        for item in self._live(kind):
            if item.name not in current and any(is_version_of(item, file, self.stack.name) for file in own):
                yield item

    def _stays_on(self, kind: Kind, item: SecretState, goes: Callable[[ServiceState], bool]) -> bool:
        """Tell whether a service that this plan leaves as it is uses *item*: the engine would not remove it."""
        what = _WHAT[kind]
        return any(
            reference.get(f"{what}ID") == item.id
            for live in (self.cluster.services if self.cluster else ())
            if not goes(live)
            for reference in live.spec["TaskTemplate"]["ContainerSpec"].get(f"{what}s") or ()
        )


def is_version_of(item: SecretState, file: SecretFile, stack: str) -> bool:
    """Tell whether *item* is a version of *file* that *stack* made: one of ours, or another tool's plain one."""
    if item.labels.get(NAMESPACE_LABEL) != stack:
        return False
    return item.labels.get(FILE_LABEL, file.key if item.name == file.name else "") == file.key


def _told(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """Return what differs. An option may be a token: its name is told, and no value."""
    words = {"Driver": "driver", "Templating": "template_driver"}
    names = {word: [(of.get(key) or {}).get("Name", "(none)") for of in (found, wanted)] for key, word in words.items()}
    told = [f"{word}: live {live}, declared {new}" for word, (live, new) in names.items() if live != new]
    old, new = ((of.get("Driver") or {}).get("Options") or {} for of in (found, wanted))
    others = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    return "; ".join([*told, *([f"other driver_opts: {', '.join(others)}"] if others else [])])
