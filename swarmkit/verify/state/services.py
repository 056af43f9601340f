"""Proofs of services: as many tasks as declared, of one image, and the last update went through; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from swarmkit.declared.stack.service import Stack
from swarmkit.finding import Finding
from swarmkit.observed.jobs import is_job
from swarmkit.observed.model import Observed
from swarmkit.observed.rejections import LINK_LEFT, link_left_remedy, taken_port, taken_port_remedy
from swarmkit.verify import codes
from swarmkit.verify.live import Live, LiveService, LiveTask
from swarmkit.verify.probe.look import HostLook
from swarmkit.verify.silence import NONE, Silence
from swarmkit.verify.state.failing import with_failures
from swarmkit.verify.state.jobs import prove_job
from swarmkit.verify.state.untried_networks import Untried, lacking_for

NO_IMAGE = "No such image"
_GO_ON = "docker container top {} -o pid | tail -n +2 | xargs kill -CONT"
_STOPPED_UPDATES = ("paused", "rollback_started", "rollback_paused")
_MOVING_UPDATES = ("updating",)


def prove_services(
    live: Live,
    stack: Stack | None,
    looks: Mapping[str, HostLook],
    untried: Mapping[str, Sequence[Untried]] = MappingProxyType({}),
    silence: Silence = NONE,
    now: float = 0.0,
) -> Iterator[Finding]:
    """Prove that every service of *stack*, or of the cluster, runs as often as declared and its update went through.

    A paused container, or one whose processes a signal has stopped, runs for the managers, and its kernel takes every
    connection: nothing else tells of it.
    *untried* says of a service by name what no running task could prove; *now* is the managers' time.
    """
    found = {service.name: service for service in live.services}
    declared = {f"{stack.name}_{service.name}": service for service in stack.services} if stack else {}
    for name in declared.keys() - found.keys():
        yield Finding(codes.REPLICAS, "error", name, f"service {name} is not there", remedy="make it: swarmkit up")
    for name, service in found.items():
        wanted = declared[name].deploy.replicas if name in declared and _is_replicated(service) else _replicas(service)
        paused = [task for task in service.tasks if task.host in looks and task.id in looks[task.host].paused]
        stopped = [task for task in service.tasks if task.host in looks and task.id in looks[task.host].stopped]
        if paused:
            yield _standing(service, paused, "paused", "docker unpause {}")
        elif stopped:
            yield _standing(service, stopped, "stopped by a signal", _GO_ON)
        elif is_job(service.spec):
            yield prove_job(service)
        else:
            replicas = _by_word_alone(_replicas_finding(service, wanted, untried.get(name, ())), service, silence)
            yield with_failures(replicas, service, now)
        yield from _update(service)


def _is_replicated(service: LiveService) -> bool:
    return "Replicated" in (service.spec.get("Mode") or {})


def _replicas(service: LiveService) -> int:
    """Return how many tasks shall run: what the spec says, or for a global service what the orchestrator made."""
    mode = service.spec.get("Mode") or {}
    if "Replicated" in mode:
        return int(mode["Replicated"].get("Replicas") or 0)
    return max(1, len(service.global_on))


def _replicas_finding(service: LiveService, wanted: int, untried: Sequence[Untried]) -> Finding:
    current = [task for task in service.tasks if task.is_current]
    outdated = len(service.tasks) - len(current)
    where = f"running on {', '.join(sorted(task.host for task in service.tasks))}" if service.tasks else "none runs"
    if len(current) == wanted and not outdated:
        what = f"{wanted} of {wanted} tasks, {where}" if wanted else "no task is declared, none runs"
        return Finding(codes.REPLICAS, "ok", service.name, f"service {service.name}: {what}")
    why = [f"{task.state}: {task.error or task.message}" for task in service.waiting]
    known = _known_remedy(service)
    is_untold = not any(service.last_error in reason for reason in why)
    is_between_two = len(current) < wanted and not service.waiting
    if service.last_error and (not service.tasks or known or is_between_two) and is_untold:
        why.append(f"the last one that failed: {service.last_error}")
    if outdated:
        why.append(f"{outdated} still run an older spec")
    why += [f"the task on {task.host} has ended since the managers told of it as running" for task in service.ended]
    lacking = "" if outdated else lacking_for(untried)
    # What a program wrote before it ended says more than anything that may be looked for.
    logs = f"docker service logs --tail 20 {service.name}; " if "non-zero exit" in service.last_error else ""
    return Finding(
        codes.REPLICAS,
        "error",
        service.name,
        f"service {service.name}: {len(current)} of {wanted} tasks run",
        evidence="; ".join([*why, *map(str, untried)]) or where,
        remedy=known or f"{logs}docker service ps --no-trunc {service.name}{lacking}",
    )


def _known_remedy(service: LiveService) -> str:
    """Return what helps where the engine's words of the last failure name it; else nothing."""
    if service.failed_on and LINK_LEFT in service.last_error:
        return link_left_remedy(service.failed_on)
    if service.failed_on and NO_IMAGE in service.last_error:
        return f"swarmkit up --images DIR sends the image to {service.failed_on}; or push it where its name says"
    is_of_its_spec = any(task.error == service.last_error for task in service.failed)
    # What waits for a node waits for something else by now.
    tries_again = bool(service.waiting) and all(task.state != "pending" for task in service.waiting)
    if service.failed_on and tries_again and is_of_its_spec:
        port = taken_port(service.last_error)
        return taken_port_remedy(service.failed_on, port) if port else ""
    return ""


def _by_word_alone(finding: Finding, service: LiveService, silence: Silence) -> Finding:
    """Return *finding*, but for what hosts that do not answer have to do with it: they prove no task, and cost some."""
    if finding.severity != "ok":
        waits = bool(service.waiting) and all(task.state == "pending" for task in service.waiting)
        has_its_own = bool(service.ended) or not all(task.is_current for task in service.tasks)
        is_cost = bool(service.unheard_on) and waits and not has_its_own
        return silence.following(finding) if is_cost else finding
    there = ", ".join(sorted(task.host for task in silence.tasks_of(service.name)))
    if not there:
        return finding
    what = f"that {service.name} runs on {there} is the managers' word alone: nothing is proved there"
    return silence.following(replace(finding, severity="error", what=what, evidence=finding.what))


def _standing(service: LiveService, tasks: Sequence[LiveTask], how: str, command: str) -> Finding:
    on = ", ".join(sorted(task.host for task in tasks))
    return Finding(
        codes.REPLICAS,
        "error",
        service.name,
        f"service {service.name}: {len(tasks)} of {len(service.tasks)} tasks are {how}, on {on}: nothing runs there",
        evidence="connections to them stand, and nobody answers",
        remedy="; ".join(f"on {task.host}: {command.format(task.container_id[:12])}" for task in tasks),
    )


def _update(service: LiveService) -> Iterator[Finding]:
    if service.update_state == "rollback_completed":
        yield Finding(
            codes.UPDATE,
            "warning",
            service.name,
            f"the last update of {service.name} was taken back by the engine: what ran before runs",
            evidence=service.update_message,
            remedy="swarmkit plan tells whether that is what the stack file says",
        )
    elif service.update_state in _STOPPED_UPDATES:
        yield Finding(
            codes.UPDATE,
            "error",
            service.name,
            f"the last update of {service.name} did not go through: {service.update_state}",
            evidence=service.update_message,
            remedy=f"docker service ps --no-trunc {service.name}, then swarmkit up",
        )
    elif service.update_state in _MOVING_UPDATES:
        yield Finding(
            codes.UPDATE,
            "warning",
            service.name,
            f"an update of {service.name} is under way",
            evidence=service.update_message,
            remedy="wait for its end, then verify again: swarmkit verify --watch",
        )


def prove_images(live: Live, looks: Mapping[str, HostLook], observed: Observed) -> Iterator[Finding]:
    """Prove that the tasks of each service run one image, and where its spec names one by ID or digest, that one.

    A tag can mean another image on each host. Only hosts of one kind are compared: for another architecture an image
    is another one, and engines with different stores number one image differently.
    """
    for service in live.services:
        kinds: dict[tuple[str, bool], dict[str, list[str]]] = {}
        for task in service.tasks:
            image = looks[task.host].images.get(task.id) if task.host in looks else None
            if image and task.is_current:
                engine = observed.hosts[task.host].engine
                of_kind = kinds.setdefault((engine.architecture, engine.content_store), {})
                of_kind.setdefault(image, []).append(task.host)
        if kinds:
            yield _by_digest(service, looks) or _image(service, kinds)


def _by_digest(service: LiveService, looks: Mapping[str, HostLook]) -> Finding | None:
    """Return what is wrong with the tasks of a service whose spec names a digest; None when nothing is."""
    wanted = _wanted(service)
    digest = wanted.partition("@")[2]
    known = {
        task.host: (looks[task.host].images[task.id], looks[task.host].digests[task.id])
        for task in service.tasks
        if task.is_current and task.host in looks and task.id in looks[task.host].digests
    }
    # An engine that numbers images by their digests may know no other name of one.
    others = {
        host: (image, names)
        for host, (image, names) in known.items()
        if digest and image != digest and not any(name.endswith(f"@{digest}") for name in names)
    }
    wrong = [f"{image} on {host}, known as {', '.join(names)}" for host, (image, names) in others.items() if names]
    if wrong:
        what, remedy = (
            f"{service.name} runs another image than {wanted}",
            f"docker service update --force {service.name}",
        )
        return Finding(codes.IMAGE, "error", service.name, what, "; ".join(wrong), remedy)
    if others:
        hosts = ", ".join(sorted(others))
        what = f"whether {service.name} runs {wanted} cannot be told on {hosts}"
        why = "; ".join(f"no digest is known of {image} on {host}" for host, (image, _) in others.items())
        return Finding(codes.IMAGE, "warning", service.name, what, why, f"on {hosts}: docker pull {wanted}")
    return None


def _wanted(service: LiveService) -> str:
    return str(service.spec["TaskTemplate"]["ContainerSpec"].get("Image", ""))


def _image(service: LiveService, kinds: Mapping[tuple[str, bool], Mapping[str, list[str]]]) -> Finding:
    wanted = _wanted(service)
    running = [(image, hosts) for of_kind in kinds.values() for image, hosts in of_kind.items()]
    evidence = "; ".join(f"{image} on {', '.join(sorted(hosts))}" for image, hosts in running)
    if wanted.startswith("sha256:") and any(image != wanted for image, _ in running):
        what = f"{service.name} runs another image than {wanted}"
        remedy = f"docker service update --force {service.name}"
        return Finding(codes.IMAGE, "error", service.name, what, evidence, remedy)
    if any(len(of_kind) > 1 for of_kind in kinds.values()):
        # The swarm asked for no more than the tag: no deviation, and seldom meant.
        what = f"tasks of {service.name} run different images under the name {wanted}"
        remedy = "name the image by its digest in the stack file, or give its archive: swarmkit up --images DIR"
        return Finding(codes.IMAGE, "warning", service.name, what, evidence, remedy)
    # Of a host that could not be looked at nobody knows.
    all_of_them = sum(map(len, (hosts for _, hosts in running))) == len(service.tasks)
    what = f"every task of {service.name}{'' if all_of_them else ' that was looked at'} runs the image of its spec"
    return Finding(codes.IMAGE, "ok", service.name, what, evidence)
