"""Operations of an engine's upgrade: its host emptied, its package exchanged, its node back in its place."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from swarmkit.errors import NotConvergedError, SwarmkitError
from swarmkit.finding import Finding
from swarmkit.observed.model import UPGRADE_LABEL
from swarmkit.observed.packages import read_packages
from swarmkit.plan.context import Context
from swarmkit.plan.engines.restarted_node import step_aside, wait_for_node
from swarmkit.plan.engines.started_engine import start_network_agent
from swarmkit.plan.engines.unit import engine_script
from swarmkit.plan.model import Step
from swarmkit.plan.nodes.swarm_operations import change_node

PACKAGE_TIMEOUT_SECONDS = 900.0


@dataclass(frozen=True)
class SetAside:
    """Drain a node for its upgrade, noting on it that it was active: a run that goes on later knows it."""

    step: Step
    node_id: str

    def run(self, context: Context) -> str:
        change_node(context.manager, self.node_id, availability="drain", labels={UPGRADE_LABEL: "was active"})
        return ""


@dataclass(frozen=True)
class TakeBack:
    """Activate a node that was set aside."""

    step: Step
    node_id: str

    def run(self, context: Context) -> str:
        change_node(context.manager, self.node_id, availability="active", without=(UPGRADE_LABEL,))
        return ""


@dataclass(frozen=True)
class UpgradeEngine:
    """Install the packages, and wait until the engine answers and its node is ready, unlocked where managers lock."""

    step: Step
    packages: tuple[tuple[str, str], ...]
    """Name and version; the engine's first."""

    def run(self, context: Context) -> str:
        host = self.step.target
        reached = context.reached(host)
        before = reached.engine.info()
        node_id = str(before["Swarm"]["NodeID"])
        key = step_aside(context, host, node_id)
        arguments = tuple(f"{name}={version}" for name, version in self.packages)
        result = reached.shell.run(
            engine_script("upgrade-engine.sh"), arguments, timeout_seconds=PACKAGE_TIMEOUT_SECONDS
        )
        if result.exit_code != 0:
            raise SwarmkitError(
                f"{host}: apt could not install {', '.join(arguments)}",
                result.stderr.strip()[-800:],
                f"see on {host}: dpkg --audit; systemctl status docker",
            )
        self._check_installed(context)

        wait = functools.partial(wait_for_node, context, host, node_id, key)
        wait()
        restarted = start_network_agent(reached, wait)
        return f"engine {before['ServerVersion']} -> {reached.engine.info()['ServerVersion']}{restarted}"

    def _check_installed(self, context: Context) -> None:
        name, version = self.packages[0]
        engine = read_packages(context.fleet, [self.step.target])[self.step.target].engine
        if engine is None or (engine.name, engine.installed) != (name, version):
            found = f"{engine.name} {engine.installed}" if engine else "no package of an engine"
            raise SwarmkitError(f"{self.step.target}: apt ended well, but {name} {version} is not installed", found)


@dataclass(frozen=True)
class Check:
    """A proof between two writes: what is not proved stops the run there."""

    step: Step
    prove: Callable[[], Sequence[Finding]] = field(repr=False)

    def run(self, context: Context) -> str:
        del context
        errors = [finding for finding in self.prove() if finding.severity == "error"]
        if errors:
            raise NotConvergedError(
                f"{self.step.target}: not proved: {errors[0].what}",
                "\n".join(f"{error.code} {error.what} {error.evidence}".rstrip() for error in errors),
                errors[0].remedy,
            )
        return "proved"


@dataclass(frozen=True)
class AwaitServices:
    """Wait until the services that a host ran are whole again."""

    step: Step
    services: tuple[str, ...]

    def run(self, context: Context) -> str:
        for service in self.services:
            context.await_service(service, self.step.key)
        return f"{len(self.services)} services run"
