"""Proofs of reachability: each service reaches by name what it shares a network with; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from swarmkit.finding import Finding
from swarmkit.verify import codes
from swarmkit.verify.live import Live, LiveService
from swarmkit.verify.probe.look import HostLook
from swarmkit.verify.probe.probes import Ask, Connect, NotConnect, Path
from swarmkit.verify.probe.probing import Result
from swarmkit.verify.silence import NONE, Silence
from swarmkit.verify.ways.data_path import DataPath


def prove_names(results: Iterable[Result], silence: Silence = NONE) -> Iterator[Finding]:
    """Prove that each name gave the addresses it should, one finding for each path."""
    for path, of_path in _by_path(result for result in results if isinstance(result.probe, Ask)).items():
        wrong = [result for result in of_path if not result.holds]
        where = _where(path)
        if wrong:
            finding = Finding(
                codes.NAME,
                "error",
                where,
                f"{path.source} on {path.host} does not resolve {path.target} as it should",
                evidence="; ".join(map(str, wrong)),
                remedy=_of_names(path, wrong),
            )
            yield silence.following(finding) if silence.explains(wrong) else finding
        else:
            evidence = "; ".join(map(str, of_path))
            what = f"{path.source} on {path.host} resolves {path.target} on {path.network}"
            yield Finding(codes.NAME, "ok", where, what, evidence=evidence)


def _of_names(path: Path, wrong: Iterable[Result]) -> str:
    if not any(result.is_answered for result in wrong):
        # A resolver answers what it does not know, too: here it is the asker's own that says nothing.
        own = f"docker service update --force {path.source} (its resolver there answers nothing)"
        return f"{own}; if no container of {path.host} is answered, on {path.host}: systemctl restart docker"
    # Names can stay wrong after a partition, in all released engines (HAZARDS 0.1 #10).
    return f"docker service update --force {path.target}"


def prove_connections(
    results: Iterable[Result], live: Live, data_path: DataPath, silence: Silence = NONE
) -> Iterator[Finding]:
    """Prove that each connection stands, by VIP and by task address, one finding for each path."""
    hosts = _hosts_by_address(live)
    parted = {one.name for one in live.networks.values() if sum(":" not in subnet for subnet in one.subnets) > 1}
    tried = list(results)
    misnamed = _by_path(result for result in tried if isinstance(result.probe, Ask) and not result.holds)
    for path, of_path in _by_path(result for result in tried if isinstance(result.probe, Connect)).items():
        wrong = [result for result in of_path if not result.holds]
        where = _where(path)
        if wrong:
            finding = Finding(
                codes.CONNECTION,
                "error",
                where,
                f"{path.source} on {path.host} does not reach {path.target} on {path.network}",
                evidence="; ".join(map(str, wrong)),
                remedy=f"first do what V04 says of this way: {_of_names(path, misnamed[path])}"
                if path in misnamed  # A VIP leads to the tasks of the same records (moby libnetwork/agent.go).
                else _remedy(path, of_path, is_parted=path.network in parted)
                or _of_data_path(path, wrong, hosts, data_path),
            )
            yield silence.following(finding) if silence.explains(wrong) else finding
        else:
            evidence = "; ".join(map(str, of_path))
            what = f"{path.source} on {path.host} reaches {path.target} on {path.network}"
            yield Finding(codes.CONNECTION, "ok", where, what, evidence=evidence)


def prove_sources(live: Live, looks: Mapping[str, HostLook]) -> Iterator[Finding]:
    """Name the tasks from which nothing could be probed, so that silence is never taken for proof."""
    for service in live.services:
        for task in service.tasks:
            seen = looks.get(task.host)
            if seen is None or task.id in seen.pids or not _is_probed(service, live):
                continue
            yield Finding(
                codes.CONNECTION,
                "error",
                f"{service.name} on {task.host}",
                f"nothing could be probed from {service.name} on {task.host}: {seen.lost.get(task.id, 'unknown')}",
                remedy=f"docker service ps --no-trunc {service.name}",
            )


def _is_probed(service: LiveService, live: Live) -> bool:
    return bool(service.networks & live.networks.keys())


def _by_path(results: Iterable[Result]) -> dict[Path, list[Result]]:
    found: dict[Path, list[Result]] = {}
    for result in results:
        if result.is_asked and not isinstance(result.probe, NotConnect) and result.probe.path:
            found.setdefault(result.probe.path, []).append(result)
    return found


def _where(path: Path) -> str:
    return f"{path.source}@{path.host} -> {path.target}"


def _hosts_by_address(live: Live) -> dict[tuple[str, str], str]:
    """Return by network and address of a task where it runs."""
    return {
        (live.networks[network].name, address): task.host
        for service in live.services
        for task in service.tasks
        for network, addresses in task.addresses.items()
        if network in live.networks
        for address in addresses
    }


def _remedy(path: Path, results: list[Result], *, is_parted: bool) -> str:
    """Return what helps where task addresses answer and a VIP does not, else nothing."""
    by_vip = [result.holds for result in results if isinstance(result.probe, Connect) and result.probe.label == "VIP"]
    by_task = [result.holds for result in results if isinstance(result.probe, Connect) and result.probe.label != "VIP"]
    if by_vip and not any(by_vip) and all(by_task):
        if is_parted:
            return f"give {path.network} one subnet: the VIP may be in another than this host's end of it (B50)"
        # Without IPVS, VIPs are dead and task addresses work (HAZARDS H20).
        load = f"on {path.host}: modprobe ip_vs && systemctl restart docker"
        return f"{load}; where that is refused, swarmkit doctor --only H20 tells why"
    return ""


def _of_data_path(path: Path, wrong: list[Result], hosts: Mapping[tuple[str, str], str], data_path: DataPath) -> str:
    """Return what helps where tasks themselves do not answer: by what is known of the ways between the hosts."""
    logs = f"docker service logs --tail 20 {path.target}; if findings name the host too, first do what they say"
    tried = [result.probe.address for result in wrong if isinstance(result.probe, Connect)]
    found = (hosts.get((path.network, address)) for address in tried)
    pairs = [(path.host, host) for host in dict.fromkeys(found) if host and host != path.host]
    if opened := data_path.remedy(pairs):
        return opened
    if not pairs:
        return logs
    between = ", ".join(host for _, host in pairs)
    return f"{logs}; swarmkit doctor tries udp/{data_path.port} and ESP between {path.host} and {between}"
