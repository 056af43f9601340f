"""The ports that a stack's way back takes of hosts, and what has them there since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.service import Deploy, Port, Service, Stack
from swarmkit.doctor.taken_ports import TakenPorts
from swarmkit.finding import Finding
from swarmkit.observed.model import Observed
from swarmkit.plan.model import Plan
from swarmkit.plan.stacks.record import Record
from swarmkit.reach.fan_out import fan_out
from swarmkit.reach.fleet import Fleet


def back_port_findings(
    fleet: Fleet, plan: Plan, inventory: Inventory, target: Record, observed: Observed
) -> tuple[Finding, ...]:
    """Return H80 for each port that the services of *target* published, and something else has by now."""
    ports = TakenPorts(fleet, plan, _as_stack(target), observed)
    places = ports.places(inventory)
    found: list[Finding] = []
    for answer in fan_out(places, lambda host: list(ports.found(host, places[host]))).values():
        if isinstance(answer, Exception):
            raise answer
        found += answer
    found += ports.refused(places, found)
    remedy = "take the port from who has it by now, then roll back again; see there: ss -lntup, docker service ls"
    return tuple(replace(one, remedy=remedy) for one in found)


def _as_stack(target: Record) -> Stack:
    """Return what ran, as far as it publishes ports: a record has specs, and no file.

    What an image says that it listens on is no reason to refuse a way back: its command may say otherwise.
    """
    names = ((name.removeprefix(f"{target.stack}_"), spec) for name, spec in target.services.items())
    services = tuple(_as_service(name, spec) for name, spec in names)
    return Stack(Path(), target.stack, services)


def _as_service(name: str, spec: Mapping[str, Any]) -> Service:
    task = spec["TaskTemplate"]
    ports = (spec.get("EndpointSpec") or {}).get("Ports") or ()
    constraints = (task.get("Placement") or {}).get("Constraints") or ()
    return Service(
        name,
        str(task["ContainerSpec"]["Image"]),
        ports=tuple(_as_port(port) for port in ports),
        deploy=Deploy(constraints=tuple(constraints)),
    )


def _as_port(port: Mapping[str, Any]) -> Port:
    protocol, mode = port.get("Protocol", "tcp"), port.get("PublishMode", "ingress")
    return Port(int(port["TargetPort"]), port.get("PublishedPort") or None, protocol, mode)
