"""The engine's unit on a host: the scripts that stop and start it, and a restart."""

from __future__ import annotations

import importlib.resources

from swarmkit.reach.fleet import ReachedHost
from swarmkit.reach.ssh import CommandResult

RESTART_TIMEOUT_SECONDS = 120.0


def engine_script(name: str, content: str = "") -> str:
    """Return the script of that name after what they all begin with; *content*, in lines, stands where it has room."""
    return _text("engine.sh") + _text(name).replace("@CONTENT@\n", content)


def restart_engine(reached: ReachedHost) -> CommandResult:
    """Restart the engine, though it was started often in this minute; whether it answers then is not asked."""
    return reached.shell.run(f"{_text('engine.sh')}restart_engine", timeout_seconds=RESTART_TIMEOUT_SECONDS)


def restart_engine_for_its_agent(reached: ReachedHost) -> CommandResult:
    """Restart the engine so that its network agent, which did not start, most likely does; see engine.sh for why."""
    command = f"{_text('engine.sh')}restart_engine_for_its_agent"
    return reached.shell.run(command, timeout_seconds=RESTART_TIMEOUT_SECONDS)


def _text(name: str) -> str:
    return importlib.resources.files("swarmkit.plan.engines").joinpath(name).read_text()
