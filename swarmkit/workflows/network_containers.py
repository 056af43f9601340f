"""`network connect` and `disconnect`: one container of one host, planned, applied and read back."""

from __future__ import annotations

from collections.abc import Iterator

from swarmkit.finding import Finding
from swarmkit.observed.lan import is_answered
from swarmkit.observed.networks import HostNetwork, network_of, networks_for, read_networks
from swarmkit.plan.endpoint_operations import ConnectContainer, DisconnectContainer, endpoints_of, is_on
from swarmkit.plan.endpoint_wish import EndpointWish
from swarmkit.plan.model import Applied, Plan, Step
from swarmkit.plan.network_refusals import address_refusals, endpoint_refusals, link_warnings
from swarmkit.plan.spec_diff import Change
from swarmkit.reach.fleet import Fleet
from swarmkit.workflows.network_run import NetworkRun, carry_out, reached


def connect(run: NetworkRun, host: str, network: str, container: str, wish: EndpointWish) -> Applied | None:
    """Connect a container of *host* to *network* as *wish* says; None when it is. What cannot be is refused."""
    with reached(run, [host]) as (fleet, _):

        def plan() -> Plan:
            live = endpoints_of(fleet[host].engine, container).get(network)
            if live is not None:
                return Plan((), tuple(_otherwise(host, network, container, wish.differences(live))))
            found = network_of(network, networks_for(host, read_networks(fleet))) if wish.body else None
            if refusals := tuple(_refusals(fleet, host, found, wish)) if found else ():
                return Plan((), refusals)
            step = Step("connect", "network", "update", host, f"connect {container} to {network}", "not on it yet")
            warnings = tuple(link_warnings(wish, host, found)) if found else ()
            return Plan((ConnectContainer(step, host, network, container, wish),), warnings=warnings)

        return carry_out(run, fleet, plan)


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
        yield Finding("H30", "error", host, f"{container} is on {network} in another way", said, remedy)


def disconnect(run: NetworkRun, host: str, network: str, container: str, *, force: bool = False) -> Applied | None:
    """Disconnect a container of *host* from *network*; None when it is not on it. *force*: also one that is gone."""
    with reached(run, [host]) as (fleet, _):

        def plan() -> Plan:
            if not is_on(fleet[host].engine, network, container, gone_too=force):
                return Plan()
            step = Step("disconnect", "network", "update", host, f"disconnect {container} from {network}", "on it now")
            return Plan((DisconnectContainer(step, host, network, container, force),))

        return carry_out(run, fleet, plan)
