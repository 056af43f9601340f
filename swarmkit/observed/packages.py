"""The Debian packages an engine is of, and the newer versions that a host's sources have. Never writes."""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterable
from dataclasses import dataclass

from swarmkit.reach.fan_out import fan_out
from swarmkit.reach.fleet import Fleet

TIMEOUT_SECONDS = 180.0
"""The sources are asked over the network."""
ENGINES = ("docker-ce", "docker.io")
"""Docker's own package, and Debian's."""


@dataclass(frozen=True)
class Package:
    name: str
    installed: str
    candidate: str = ""
    """What apt would install."""
    newer: tuple[str, ...] = ()
    """Newer than what is installed, the newest first."""


@dataclass(frozen=True)
class EnginePackages:
    engine: Package | None
    companions: tuple[Package, ...] = ()
    """Of the same version as the engine: its command line."""
    complaints: str = ""
    """What apt said of the sources."""


def read_packages(fleet: Fleet, names: Iterable[str]) -> dict[str, EnginePackages]:
    """Return the engine's packages of each host; raises what a host's connection raises."""
    script = importlib.resources.files("swarmkit.observed").joinpath("packages.sh").read_text()
    answers = fan_out(names, lambda name: fleet[name].shell.run(script, timeout_seconds=TIMEOUT_SECONDS).stdout)
    found: dict[str, EnginePackages] = {}
    for name, answer in answers.items():
        if isinstance(answer, Exception):
            raise answer
        found[name] = parse_packages(answer)
    return found


def parse_packages(said: str) -> EnginePackages:
    """Return what the script printed; a host without apt, or whose engine is of no package, has no engine here."""
    installed: dict[str, str] = {}
    candidates: dict[str, str] = {}
    newer: dict[str, list[str]] = {}
    complaints: list[str] = []
    for line in said.splitlines():
        word, _, rest = line.partition(" ")
        name, _, version = rest.partition(" ")
        if word == "installed":
            installed[name] = version
        elif word == "candidate":
            candidates[name] = version
        elif word == "newer" and version not in newer.setdefault(name, []):
            newer[name].append(version)
        elif word in ("said", "lacks"):
            complaints.append(rest if word == "said" else f"no {rest}")
    packages = [
        Package(name, version, candidates.get(name, ""), tuple(newer.get(name, ())))
        for name, version in installed.items()
    ]
    engine = next((package for package in packages if package.name in ENGINES), None)
    companions = tuple(package for package in packages if package.name not in ENGINES)
    return EnginePackages(engine, companions, "; ".join(complaints))
