"""`network connect` and `disconnect`: one container of one host, planned, applied and read back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from swarmkit.finding import Finding
from swarmkit.observed.lan import is_answered
from swarmkit.observed.networks import HostNetwork, network_of, networks_for, read_networks
from swarmkit.plan.model import Applied, Plan, Step
from swarmkit.plan.networks.endpoint_operations import ConnectContainer, DisconnectContainer, endpoints_of, is_on
from swarmkit.plan.networks.endpoint_wish import EndpointWish
from swarmkit.plan.networks.refusals import absence_refusals, address_refusals, endpoint_refusals, link_warnings
from swarmkit.plan.stacks.spec_diff import Change
from swarmkit.reach.engine import Json
from swarmkit.reach.fleet import Fleet
from swarmkit.workflows.network_run import NetworkRun, plan_and_apply, reached_one
from swarmkit.workflows.some_hosts import of_answering, with_silent


def connect(run: NetworkRun, host: str, network: str, container: str, wish: EndpointWish) -> Applied | None:
    """Connect a container of *host* to *network* as *wish* says; None when it is. What cannot be is refused."""

    def plan(fleet: Fleet, known: Sequence[HostNetwork]) -> Plan:
        # A worker tells of an overlay only while a task of it is on it: the managers' are among these.
        found = network_of(network, known)
        live = endpoints_of(fleet[host].engine, container).get(found.name if found else network)
        if found and live is not None and _is_there(live, found):
            return Plan((), tuple(_otherwise(host, found.name, container, wish.differences(live))))
        refusals = (
            *absence_refusals(host, network, found, known),
            *(_left_over(host, network, container) if live is not None else ()),
            *(_refusals(fleet, host, found, wish) if found else ()),
        )
        if found is None or refusals:
            return Plan((), refusals)
        step = Step("connect", "network", "update", host, f"connect {container} to {found.name}", "not on it yet")
        warnings = tuple(link_warnings(wish, host, found))
        return Plan((ConnectContainer(step, host, found.name, container, wish),), warnings=warnings)

    return _apply(run, host, plan)


def _apply(run: NetworkRun, host: str, make_plan: Callable[[Fleet, Sequence[HostNetwork]], Plan]) -> Applied | None:
    """Plan with the networks that a container of *host* may be on, and apply; other hosts may be silent."""
    with reached_one(run, host) as (fleet, silent):

        def plan() -> Plan:
            seen, lost = of_answering(fleet, [host], read_networks)
            return with_silent(make_plan(fleet, networks_for(host, seen)), run.inventory, {**silent, **lost})

        return plan_and_apply(run, fleet, plan)


def _is_there(endpoint: Json, network: HostNetwork) -> bool:
    """Tell whether *endpoint* is on *network*, not on one of its name that is gone; before a start it has no ID."""
    return endpoint.get("NetworkID") in (None, "", network.id)


def _left_over(host: str, network: str, container: str) -> Iterator[Finding]:
    """Yield that a container, which is stopped, names a network that is gone: it could not be started."""
    what = f"{container} is on a network {network} that is gone: it cannot be started"
    yield Finding("D14", "error", host, what, "", f"swarmkit network disconnect {network} {container} --on {host}")


def _refusals(fleet: Fleet, host: str, network: HostNetwork, wish: EndpointWish) -> Iterator[Finding]:
    yield from endpoint_refusals(wish, host, network)
    for word, address in (("--ip", wish.ip), ("--ip6", wish.ip6)):
        if address:
            answered = is_answered(fleet[host].shell, address, network)
            yield from address_refusals(host, address, network, answered=answered, word=word)


def _otherwise(host: str, network: str, container: str, changes: tuple[Change, ...]) -> Iterator[Finding]:
    if changes:
        said = "; ".join(f"{change.path} is {change.old}, not {change.new}" for change in changes)
        remedy = f"swarmkit network disconnect {network} {container} --on {host}, then connect it again"
        yield Finding("D14", "error", host, f"{container} is on {network} in another way", said, remedy)


def disconnect(run: NetworkRun, host: str, network: str, container: str, *, force: bool = False) -> Applied | None:
    """Disconnect a container of *host* from *network*; None when it is not on it. *force*: also one that is gone."""

    def plan(fleet: Fleet, known: Sequence[HostNetwork]) -> Plan:
        found = network_of(network, known)
        name = found.name if found else network
        if not is_on(fleet[host].engine, name, container, gone_too=force):
            return Plan()
        step = Step("disconnect", "network", "update", host, f"disconnect {container} from {name}", "on it now")
        return Plan((DisconnectContainer(step, host, name, container, force),))

    return _apply(run, host, plan)
