"""Engines that cannot be a node's, alone or together; pure."""

from __future__ import annotations

from collections.abc import Iterator

from swarmkit.declared.inventory.host import Host
from swarmkit.finding import Finding
from swarmkit.observed.model import HostFacts, Observed
from swarmkit.plan.engines.remedies import live_restore_off, rootful, upgrade_beyond
from swarmkit.plan.engines.versions import numbers_otherwise, version_tuple


def engine_refusals(host: Host, facts: HostFacts) -> Iterator[Finding]:
    """Yield what forbids the engine of *host* to be a node's: Windows, rootless, live-restore."""
    engine = facts.engine
    if engine.operating_system != "linux":
        yield Finding(
            "H14", "error", host.name, "a Windows host cannot carry an encrypted overlay",
            f"its engine says: OSType {engine.operating_system}", f"take it out of the inventory ({host.place})",
        )  # fmt: skip
    if engine.rootless:
        yield Finding(
            "H41", "error", host.name, "its engine is rootless: overlay networks need a rootful one",
            "docker info has name=rootless in SecurityOptions", rootful(host.name),
        )  # fmt: skip
    if engine.live_restore:
        yield Finding(
            "H40", "error", host.name, "live-restore is on, which a swarm forbids",
            "docker info has LiveRestoreEnabled true", live_restore_off(host.name),
        )  # fmt: skip


def version_refusals(observed: Observed) -> Iterator[Finding]:
    """Yield the engines of a version that lets clear frames in, or that cannot exchange encrypted ones with others."""
    versions = {name: facts.engine.version for name, facts in observed.hosts.items()}
    for name, version in versions.items():
        parts = version_tuple(version)
        if parts < (20, 10, 24) or (23,) <= parts < (23, 0, 3):
            yield Finding(
                "H01", "error", name, f"engine {version} accepts clear frames into encrypted overlays",
                "CVE-2023-28840, -28841, -28842", upgrade_beyond([observed.hosts[name]], "20.10.24, 23.0.3"),
            )  # fmt: skip
    odd = [name for name, version in versions.items() if numbers_otherwise(version_tuple(version))]
    if odd and len(odd) < len(versions):
        yield Finding(
            "H05", "error", ", ".join(odd),
            "engines 29.0.0 to 29.2.0, and 25.0.14, cannot exchange encrypted traffic with others",
            ", ".join(f"{name}: {version}" for name, version in versions.items()),
            upgrade_beyond([observed.hosts[name] for name in odd], "25.0.15, 29.2.1"),
        )  # fmt: skip
