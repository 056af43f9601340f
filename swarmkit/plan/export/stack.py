"""A running stack as a stack file, and what of it no stack file can say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.interpolation import SECTIONS
from swarmkit.declared.stack.service import Stack
from swarmkit.finding import Finding
from swarmkit.observed.model import RECORD_LABEL, STACK_LABEL, ClusterState, Observed, ServiceState, network_targets
from swarmkit.plan.data.planning import StackData
from swarmkit.plan.export.container import environment
from swarmkit.plan.export.objects import StackObjects, free_key
from swarmkit.plan.export.service import service_keys
from swarmkit.plan.export.yaml_text import yaml_text
from swarmkit.plan.model import Step
from swarmkit.plan.stacks.container_spec import familiar
from swarmkit.plan.stacks.files import FILE_LABEL
from swarmkit.plan.stacks.networks import StackNetworks
from swarmkit.plan.stacks.planner import StackPlanner
from swarmkit.plan.stacks.spec import IMAGE_LABEL
from swarmkit.plan.stacks.spec_diff import with_names

_DIGEST = re.compile(r"(.+)@sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Written:
    """The body of a stack file, and what an operator has to know of it."""

    body: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """What `up` with an exported file would change, one line each, and why it would refuse."""

    changes: tuple[str, ...]
    refusals: tuple[Finding, ...]


def stack_names(cluster: ClusterState) -> tuple[str, ...]:
    return tuple(sorted({service.stack for service in cluster.services if service.stack}))


def written_stack(name: str, observed: Observed, cluster: ClusterState) -> Written:
    """Return the stack *name* as a file, from the specs of its services and what these name."""
    objects = StackObjects(name, observed, cluster)
    services: dict[str, Any] = {}
    notes: list[str] = []
    # Those of the stack's own names first: they have to keep their keys.
    for live in sorted(cluster.services, key=lambda service: (not service.name.startswith(f"{name}_"), service.name)):
        if live.stack == name:
            key = free_key(live.name.removeprefix(f"{name}_"), services)
            services[key] = service_keys(key, with_names(live.spec, cluster.network_names), _image(live), objects)
            notes += _environment_notes(key, live)
            if not live.name.startswith(f"{name}_"):
                notes.append(
                    f"{live.name} has the stack's label and not its name: up makes {name}_{key} beside it, and takes "
                    f"{live.name} away with --prune"
                )
    sections: dict[str, Mapping[str, Any]] = {"services": services}
    for section in SECTIONS[1:]:
        found = objects.sections[section]  # type: ignore[index]
        sections |= {section: dict(sorted(found.items()))} if found else {}
    notes += _object_notes(name, cluster, objects)
    body = yaml_text({section: _escaped(keys) for section, keys in sections.items()})
    return Written(yaml_text({"name": name}) + "\n" + body, tuple(notes))


def compared(inventory: Inventory, stack: Stack, observed: Observed) -> Comparison:
    """Return what the planner would do to bring what runs to *stack*."""
    planner = StackPlanner(
        inventory=inventory,
        stack=stack,
        observed=observed,
        archives={},
        prune=False,
        networks=StackNetworks(inventory, stack, observed, recreate=False, swarm_ready=frozenset()),
        swarm_ready=frozenset(),
        node_keys={},
        data=StackData(stack, None, observed),
    )
    steps = [operation.step for operation in planner.operations()]
    changes = tuple(line for step in steps if step.verb != "wait" for line in _lines(step))
    return Comparison(changes, tuple(planner.refusals))


def _lines(step: Step) -> list[str]:
    if not step.changes:
        return [f"{step.target}: {step.summary}, {step.reason}"]
    return [f"{step.target}: {one.path}: {one.old or 'nothing'} becomes {one.new or 'nothing'}" for one in step.changes]


def _image(live: ServiceState) -> str:
    """Return what the stack's file called the image, as far as the engine runs that, an ID or a digest of it.

    ``docker service update --image`` changes what runs and leaves the label that keeps the file's word.
    """
    runs = str(live.spec["TaskTemplate"]["ContainerSpec"].get("Image") or "")
    declared = live.labels.get(IMAGE_LABEL, "")
    if runs.startswith("sha256:"):
        return declared or runs
    pinned = _DIGEST.fullmatch(runs)
    named = pinned[1] if pinned else runs
    return declared if familiar(declared) in (familiar(runs), familiar(named)) else named


def _environment_notes(key: str, live: ServiceState) -> Iterator[str]:
    found = environment(live.spec["TaskTemplate"]["ContainerSpec"])
    if empty := sorted(name for name, value in found.items() if not value):
        yield f"{key}: {', '.join(empty)} must not be set where this file is used: an empty value is taken from there"


def _object_notes(name: str, cluster: ClusterState, objects: StackObjects) -> Iterator[str]:
    if objects.sections["secrets"] or objects.sections["configs"]:
        yield "secrets and configs are those that are there (external); of secrets nobody is told the content"
    for what in (*_idle_files(name, cluster, objects), *_idle_networks(name, cluster)):
        yield f"{what} of the stack is left out: no service uses it; --prune would remove it"


def _idle_files(name: str, cluster: ClusterState, objects: StackObjects) -> Iterator[str]:
    """Yield secrets and configs of the stack that no service names; earlier versions of swarmkit's own are none."""
    for word, found in (("secret", cluster.secrets), ("config", cluster.configs)):
        section = objects.sections["secrets" if word == "secret" else "configs"]
        named = {keys.get("name", key) for key, keys in section.items()}
        for item in found:
            is_kept = RECORD_LABEL in item.labels or FILE_LABEL in item.labels
            if item.labels.get(STACK_LABEL) == name and item.name not in named and not is_kept:
                yield f"{word} {item.name}"


def _idle_networks(name: str, cluster: ClusterState) -> Iterator[str]:
    used = set[str]().union(*(network_targets(live.spec) for live in cluster.services))
    for network in cluster.networks:
        if network.labels.get(STACK_LABEL) == name and not {network.id, network.name} & used:
            yield f"network {network.name}"


def _escaped(value: Any) -> Any:
    """Return *value* with every dollar sign doubled, but for those in keys: it would begin a variable."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, Mapping):
        return {key: _escaped(item) for key, item in value.items()}
    return [_escaped(item) for item in value] if isinstance(value, list) else value
