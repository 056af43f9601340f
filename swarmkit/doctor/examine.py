"""All checks over all evidence: errors first, each finding once."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterator

from swarmkit.doctor import between_checks, host_checks
from swarmkit.doctor.evidence import Evidence
from swarmkit.doctor.paths import check_paths
from swarmkit.finding import Finding
from swarmkit.plan.address_sheet import address_sheet
from swarmkit.plan.refusals import host_refusals, kernel_refusals

_OF_ONE_HOST = (
    host_checks.check_disk,
    host_checks.check_kernel_settings,
    host_checks.check_other_ipsec,
    host_checks.check_links,
    host_checks.check_engine,
)
_BETWEEN = (
    between_checks.check_twins,
    between_checks.check_earlier_nodes,
    between_checks.check_mtus,
    between_checks.check_versions,
    between_checks.check_addresses,
    between_checks.check_managers,
    between_checks.check_leftovers,
    between_checks.check_published_ports,
    between_checks.check_load,
)


def examine(
    evidence: Evidence,
    *,
    now: datetime.datetime,
    only: Collection[str] = (),
    skip: Collection[str] = (),
) -> tuple[Finding, ...]:
    """Return what was found, errors first; of *only* these codes, when given, and none of *skip*."""
    found = dict.fromkeys(_all(evidence, now))
    wanted = [finding for finding in found if (not only or finding.code in only) and finding.code not in skip]
    return tuple(sorted(wanted, key=lambda finding: (finding.severity != "error", finding.code)))


def _all(evidence: Evidence, now: datetime.datetime) -> Iterator[Finding]:
    # What another swarm's presence forbids is a matter of the run that works on it, with --adopt or without.
    yield from host_refusals(evidence.inventory, evidence.observed, adopt=True)
    yield from kernel_refusals(evidence.observed)
    yield from address_sheet(evidence.inventory, evidence.observed, evidence.networks).findings
    for host in evidence.hosts.values():
        for check in _OF_ONE_HOST:
            yield from check(host)
        yield from host_checks.check_certificate(host, now)
        yield from host_checks.check_proxy(evidence, host)
    for compare in _BETWEEN:
        yield from compare(evidence)
    yield from check_paths(evidence.paths, evidence.peers, evidence.mtus, evidence.data_path_port)
