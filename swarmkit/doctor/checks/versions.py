"""Engine versions that fail with these settings, with this stack or with each other; pure."""

from __future__ import annotations

from collections.abc import Iterator

from swarmkit.doctor.checks.engine import daemon_settings
from swarmkit.doctor.evidence import Evidence, HostEvidence
from swarmkit.finding import Finding
from swarmkit.observed.parse import DEFAULT_DATA_PATH_PORT
from swarmkit.plan.engines.remedies import daemon_key, daemon_setting, upgrade_beyond, upgrade_to
from swarmkit.plan.engines.versions import version_tuple


def check_data_path_port(evidence: Evidence) -> Iterator[Finding]:
    """Yield H08: engines that encrypt port 4789 alone, under another data-path port."""
    if evidence.data_path_port == DEFAULT_DATA_PATH_PORT:
        return
    for name, host in evidence.hosts.items():
        version = version_tuple(host.facts.engine.version)
        if version < (23, 0, 7) or (24,) <= version < (24, 0, 3):
            yield Finding(
                "H08", "error", name, "its engine encrypts port 4789 alone, whatever the data-path port",
                f"engine {host.facts.engine.version}, data-path port {evidence.data_path_port}",
                f"leave swarm_data_path_port out, or {upgrade_beyond([host.facts], '23.0.7, 24.0.3')}",
            )  # fmt: skip


def check_mix(evidence: Evidence) -> Iterator[Finding]:
    """Yield H61 and H42: engines of different releases, and such as keep images in different stores."""
    versions = {name: host.facts.engine.version for name, host in evidence.hosts.items()}
    if len({version_tuple(version)[:2] for version in versions.values()}) > 1:
        newest = max(versions.values(), key=version_tuple)
        older = [name for name, version in versions.items() if version_tuple(version)[:2] != version_tuple(newest)[:2]]
        yield Finding(
            "H61", "warning", ", ".join(older), "the engines are of different releases",
            ", ".join(f"{name}: {version}" for name, version in versions.items()),
            "\n".join(upgrade_to(evidence.hosts[name].facts, _numbers(newest)) for name in older),
        )  # fmt: skip
    stores = {name: host.facts.engine.content_store for name, host in evidence.hosts.items()}
    if len(set(stores.values())) > 1:
        told = ", ".join(f"{name}: {'containerd' if new else 'graph driver'}" for name, new in stores.items())
        what = "the engines keep images in different stores: image ids differ between hosts"
        those = [_by_containerd(evidence.hosts[name]) for name, new in stores.items() if not new]
        remedy = "\n".join([*those, "the images there have to be pulled or sent again"])
        yield Finding("H42", "warning", ", ".join(stores), what, told, remedy)


def _by_containerd(host: HostEvidence) -> str:
    settings, store = daemon_settings(host), "containerd-snapshotter"
    features = settings.get("features") or {}
    if store in features:
        return daemon_setting(host.name, store, "false", "true")
    if features:
        change = f"""sed -i 's|"features": *{{|"features": {{"{store}": true, |' /etc/docker/daemon.json"""
        return f"on {host.name}: {change} && systemctl restart docker"
    return daemon_key(host.name, settings, "features", {store: True})


def _numbers(version: str) -> str:
    return version.partition("+")[0].partition("-")[0]


def check_registry_rejects(evidence: Evidence) -> Iterator[Finding]:
    """Yield H69: engines that refuse a task whose image is there, when the registry does not answer."""
    for name, host in evidence.hosts.items():
        if (29, 6) <= version_tuple(host.facts.engine.version) < (29, 7):
            yield Finding(
                "H69", "warning", name, "its engine rejects tasks when the registry is away, though the image is there",
                f"engine {host.facts.engine.version}", upgrade_beyond([host.facts], "29.7.0"),
            )  # fmt: skip


def check_placement(evidence: Evidence) -> Iterator[Finding]:
    """Yield H84: placement preferences on managers whose scheduler forgets tasks."""
    spread = [service.name for service in evidence.stack.services if service.deploy.spread] if evidence.stack else []
    old = [
        host.name
        for host in evidence.inventory.managers
        if version_tuple(evidence.hosts[host.name].facts.engine.version) < (29,)
    ]
    if spread and old:
        yield Finding(
            "H84", "warning", ", ".join(old), "tasks with placement preferences may stay pending",
            f"preferences of {', '.join(spread)}, managers before 29.0",
            "leave deploy.placement.preferences out, or "
            + upgrade_beyond([evidence.hosts[name].facts for name in old], "29.0"),
        )  # fmt: skip
