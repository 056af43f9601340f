"""`network connect` and `disconnect`: one container of one host, planned, applied and read back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from swarmkit.finding import Finding
from swarmkit.observed.lan import is_answered
from swarmkit.observed.networks import network_of, networks_for, read_networks
from swarmkit.plan.model import Applied, Plan, Step
from swarmkit.plan.network_operations import ConnectContainer, DisconnectContainer, is_on
from swarmkit.plan.network_planner import address_refusals
from swarmkit.reach.fleet import Fleet
from swarmkit.workflows.network_run import NetworkRun, carry_out, reached


def connect(
    run: NetworkRun, host: str, network: str, container: str, *, ip: str, aliases: Sequence[str]
) -> Applied | None:
    """Connect a running container of *host* to *network*; None when it is on it. An *ip* that is in use is refused."""
    endpoint = {
        **({"IPAMConfig": {"IPv4Address": ip}} if ip else {}),
        **({"Aliases": list(aliases)} if aliases else {}),
    }
    with reached(run, [host]) as (fleet, _):

        def plan() -> Plan:
            if is_on(fleet[host].engine, network, container):
                return Plan()
            if taken := tuple(_taken(fleet, host, network, ip)):
                return Plan((), taken)
            step = Step("connect", "network", "update", host, f"connect {container} to {network}", "not on it yet")
            return Plan((ConnectContainer(step, host, network, container, endpoint),))

        return carry_out(run, fleet, plan)


def _taken(fleet: Fleet, host: str, network: str, ip: str) -> Iterator[Finding]:
    found = network_of(network, networks_for(host, read_networks(fleet))) if ip else None
    if found:
        yield from address_refusals(host, ip, found, answered=is_answered(fleet[host].shell, ip, found))


def disconnect(run: NetworkRun, host: str, network: str, container: str, *, force: bool = False) -> Applied | None:
    """Disconnect a container of *host* from *network*; None when it is not on it. *force*: also one that is gone."""
    with reached(run, [host]) as (fleet, _):

        def plan() -> Plan:
            if not is_on(fleet[host].engine, network, container, gone_too=force):
                return Plan()
            step = Step("disconnect", "network", "update", host, f"disconnect {container} from {network}", "on it now")
            return Plan((DisconnectContainer(step, host, network, container, force),))

        return carry_out(run, fleet, plan)
