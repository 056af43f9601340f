"""Whether a host can give addresses as a network asks for it. Reads only."""

from __future__ import annotations

from swarmkit.reach.fleet import ReachedHost

BUILT_IN = ("default", "null")
TIMEOUT_SECONDS = 30.0
# Where an engine looks for plugins that it does not manage itself (moby pkg/plugins/discovery_unix.go).
_HAS_LEGACY = """
for folder in /run/docker/plugins /etc/docker/plugins /usr/lib/docker/plugins; do
    for file in "$folder/$1.sock" "$folder/$1/$1.sock" "$folder/$1.spec" "$folder/$1.json"; do
        test -e "$file" && exit 0
    done
done
exit 1
"""


def has_ipam_driver(reached: ReachedHost, name: str, *, for_swarm: bool) -> bool:
    """Tell whether the engine has *name*, and with *for_swarm* a swarm takes it: it knows no null, no file's plugin."""
    if name in BUILT_IN:
        return name == "default" or not for_swarm
    wanted = {"capability": ["ipamdriver"], "enabled": ["true"]}
    if any(plugin["Name"] in (name, f"{name}:latest") for plugin in reached.engine.find("plugins", wanted)):
        return True
    return not for_swarm and is_of_file(reached, name)


def is_of_file(reached: ReachedHost, name: str) -> bool:
    """Tell whether the host has *name* as a plugin that the engine does not manage, and starts when it is asked for."""
    return reached.shell.run(_HAS_LEGACY, (name,), timeout_seconds=TIMEOUT_SECONDS).exit_code == 0
