"""`network ...`: list, create and remove, planned, applied and read back."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from swarmkit.declared.inventory.host import Inventory
from swarmkit.doctor.plan_checks import plan_findings
from swarmkit.errors import InputError, SwarmkitError
from swarmkit.observed.ingress import ready_hosts
from swarmkit.observed.ipam_drivers import has_ipam_driver
from swarmkit.observed.lan import has_device
from swarmkit.observed.model import Observed, network_targets
from swarmkit.observed.network_drivers import has_driver
from swarmkit.observed.networks import HostNetwork, networks_of_word, read_networks
from swarmkit.observed.observe import observe, with_kernel_facts
from swarmkit.plan.model import Applied, Plan
from swarmkit.plan.networks.drivers import other_drivers
from swarmkit.plan.networks.ingress import publishing
from swarmkit.plan.networks.lan_by_command import lan_wishes
from swarmkit.plan.networks.planner import in_turn, plan_create, plan_remove
from swarmkit.plan.networks.wish import PARENT_DRIVERS, NetworkWish
from swarmkit.plan.progress import Progress, telling
from swarmkit.plan.warnings import as_warnings
from swarmkit.reach.answering import of_those_that_answer
from swarmkit.reach.fan_out import fan_out
from swarmkit.reach.fleet import Fleet, Unreached, reach_some
from swarmkit.secret import Secret
from swarmkit.verify.prove import prove_networks
from swarmkit.workflows.look import PATIENCE_SECONDS
from swarmkit.workflows.network_run import NetworkRun, plan_and_apply_alone, reached
from swarmkit.workflows.plan_examined import encryption_findings, makes_encrypted
from swarmkit.workflows.some_hosts import of_answering, reach_needed
from swarmkit.workflows.untried_kernels import untried_kernels


@dataclass(frozen=True)
class ListedNetworks:
    networks: tuple[HostNetwork, ...]
    observed: Observed
    silent: Unreached
    """Whose networks are not known, and why each does not answer."""


def list_networks(
    inventory: Inventory, *, on: Collection[str] = (), progress: Progress, sudo_password: Secret | None = None
) -> ListedNetworks:
    """Return the networks of the hosts that answer, and the cluster for the services that are on them.

    Raises UnreachableError when none answers, and why one of those *on* which they are asked for does not.
    """
    progress.phase("connect")
    with reach_needed(inventory, on, sudo_password=sudo_password, on_waiting=telling(progress)) as (fleet, silent):
        progress.phase("observe")

        def read(those: Fleet) -> tuple[tuple[HostNetwork, ...], Observed]:
            return read_networks(those), observe(those, kernel="never")

        (seen, observed), lost = of_answering(fleet, on, read)
        return ListedNetworks(seen, observed, {**silent, **lost})


def prove_encryption(
    inventory: Inventory, *, progress: Progress, sudo_password: Secret | None = None
) -> dict[str, bool]:
    """Return by ID, for each encrypted network that a service is on, whether its encryption is proved."""
    progress.phase("connect")
    with reach_some(inventory, sudo_password=sudo_password, on_waiting=telling(progress)) as (fleet, _):
        progress.phase("verify")
        observed, fleet, _ = of_those_that_answer(fleet, lambda those: observe(those, kernel="never"))
        return prove_networks(fleet, inventory, observed, PATIENCE_SECONDS)


def create(
    run: NetworkRun, wish: NetworkWish, on: Sequence[str], *, overridden: Collection[str] = ()
) -> Applied | None:
    """Make *wish* on the hosts *on* (all without any; an overlay on a manager); None when nothing was done.

    Of the codes *overridden* what hosts and ranges forbid is a warning. Before an encrypted network is made it is
    tried whether the swarm's hosts can carry one.
    """
    with reached(run, on) as (fleet, hosts):

        def plan(observed: Observed) -> Plan:
            chosen = [_manager(observed)] if wish.is_of_swarm else hosts
            _check_driver(fleet, observed, wish, chosen)
            seen, parents = read_networks(fleet), _missing_parents(fleet, wish, chosen)
            lan = lan_wishes(wish, chosen, seen, observed)
            lacking, nodes = _lacking_ipam(fleet, wish, chosen), ready_hosts(observed)
            made = plan_create(wish, chosen, seen, parents, lacking, lan.own, nodes=nodes)
            found = (*lan.findings, *plan_findings(fleet, made, run.inventory, None, observed))
            if makes_encrypted(made):
                from swarmkit.doctor.evidence import gather

                kernels = functools.partial(with_kernel_facts, fleet, observed)
                evidence = gather(fleet, run.inventory, None, look=kernels)
                found += (*encryption_findings(evidence), *untried_kernels(made, evidence.observed))
            errors = [finding for finding in found if finding.severity == "error"]
            refusals = tuple(finding for finding in errors if finding.code not in overridden)
            accepted = as_warnings(finding for finding in errors if finding.code in overridden)
            warnings = (*made.warnings, *accepted, *(finding for finding in found if finding not in errors))
            return Plan((), (*made.refusals, *refusals)) if refusals else replace(made, warnings=warnings)

        return plan_and_apply_alone(run, fleet, "network create", plan)


def remove(run: NetworkRun, names: Sequence[str], on: Sequence[str], *, force: bool = False) -> Applied | None:
    """Remove networks in turn from the hosts *on*, or from all that have them; one in use, and none is removed.

    With *force* one that no host has is no reason to remove none.
    """
    with reached(run, on) as (fleet, hosts):

        def plan(observed: Observed) -> Plan:
            seen = read_networks(fleet)
            meant = _meant(names, hosts, seen)
            wanted = [name for name in meant if meant[name] or not force]
            plans = [
                _removal(name, wanted[:place], meant[name], seen, observed)
                if meant[name]
                else plan_remove(name, hosts, (), {})
                for place, name in enumerate(wanted)
            ]
            return in_turn(plans)

        return plan_and_apply_alone(run, fleet, "network rm", plan, empty_after=False)


def _meant(words: Sequence[str], hosts: Sequence[str], seen: Sequence[HostNetwork]) -> dict[str, list[HostNetwork]]:
    """Return what *words* mean on *hosts*, by name: all of a name, or the one of an ID; nothing where there is none."""
    meant: dict[str, list[HostNetwork]] = {}
    for word in words:
        found = networks_of_word(word, [network for network in seen if network.host in hosts])
        is_name = not found or found[0].name == word
        if not is_name and len({network.id for network in found}) > 1:
            raise InputError(f"the IDs of several networks begin with {word}", to_do="give more of the ID, or the name")
        known = meant.setdefault(word if is_name else found[0].name, [])
        known += [network for network in found if network not in known]
    return meant


def _removal(
    name: str, before: Sequence[str], mine: Sequence[HostNetwork], seen: Sequence[HostNetwork], observed: Observed
) -> Plan:
    """Return what removes *mine*, the swarm's network *name* and hosts' own, when those *before* it are gone."""
    swarms = [network for network in mine if network.scope == "swarm"]
    own = [network for network in mine if network.scope != "swarm"]
    plans = [_removal_from_swarm(name, swarms, seen, observed)] if swarms else []
    if own:
        users = {network.host: list(network.users) for network in own}
        for network in seen:
            is_gone = network.name in before and network.scope == "local"
            if network.config_from == name and network.host in users and not is_gone:
                users[network.host].append(f"network {network.name}")
        plans.append(plan_remove(name, list(users), own, users))
    return in_turn(plans)


def _removal_from_swarm(
    name: str, parts: Sequence[HostNetwork], seen: Sequence[HostNetwork], observed: Observed
) -> Plan:
    """Return what removes the swarm's network *name*, of which hosts have *parts* a while longer."""
    manager = _manager(observed)
    users = {network.host: list(network.users) for network in parts}
    users[manager] = [*users.get(manager, ()), *services_on(name, seen, observed)]
    if observed.cluster and any(network.raw.get("Ingress") for network in parts):
        users[manager] += [f"service {service}, by its ports" for service in publishing(observed.cluster)]
    return plan_remove(name, [manager], [network for network in seen if network.scope == "swarm"], users)


def services_on(name: str, seen: Sequence[HostNetwork], observed: Observed) -> list[str]:
    """Return the names of the services that are attached to the swarm's network *name*."""
    ids = {network.id for network in seen if network.name == name and network.scope == "swarm"}
    services = observed.cluster.services if observed.cluster else ()
    return [f"service {service.name}" for service in services if ids & network_targets(service.spec)]


def _manager(observed: Observed) -> str:
    if observed.cluster is None:
        why = observed.cluster_error or "no host of the inventory is in a swarm"
        raise SwarmkitError("an overlay network needs a swarm", why, "swarmkit up")
    return observed.cluster.told_by


def _check_driver(fleet: Fleet, observed: Observed, wish: NetworkWish, hosts: Sequence[str]) -> None:
    """Raise InputError for a driver that one of *hosts* has not; what is config-only has none."""

    def has(host: str) -> bool:
        told = observed.hosts[host].engine.network_drivers
        return has_driver(fleet[host], wish.driver, told, for_swarm=wish.is_of_swarm)

    if not wish.config_only and (lacking := _those_without(hosts, has)):
        plugins = {driver for host in lacking for driver in observed.hosts[host].engine.network_drivers}
        raise InputError(
            f"there is no network driver {wish.driver} on {', '.join(lacking)}",
            to_do=other_drivers(wish.driver, plugins),
        )


def _missing_parents(fleet: Fleet, wish: NetworkWish, hosts: Sequence[str]) -> dict[str, str]:
    """Return host -> parent device that it lacks; of ``eth0.50`` Docker makes the VLAN, so eth0 is asked for."""
    if wish.driver not in PARENT_DRIVERS or not wish.parent:
        return {}
    return dict.fromkeys(_those_without(hosts, lambda host: has_device(fleet[host].shell, wish.parent)), wish.parent)


def _lacking_ipam(fleet: Fleet, wish: NetworkWish, hosts: Sequence[str]) -> list[str]:
    """Return the hosts that lack the driver of addresses; one of the swarm's networks may come to any of them."""
    if not wish.ipam_driver:
        return []
    swarms = wish.is_of_swarm
    carriers = list(fleet) if swarms else hosts
    return _those_without(carriers, lambda host: has_ipam_driver(fleet[host], wish.ipam_driver, for_swarm=swarms))


def _those_without(hosts: Sequence[str], has: Callable[[str], bool]) -> list[str]:
    """Return those of *hosts* that *has* says no for; raises what the first one that failed said."""
    answers = fan_out(hosts, has)
    for answer in answers.values():
        if isinstance(answer, Exception):
            raise answer
    return [host for host, answer in answers.items() if not answer]
