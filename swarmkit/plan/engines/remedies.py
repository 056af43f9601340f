"""How a host's engine gets another version or setting, as commands to copy."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from swarmkit.observed.model import HostFacts

_FILE = "/etc/docker/daemon.json"
_PACKAGES = "apt-get update && apt-get install --only-upgrade docker.io (or docker-ce)"


def upgrade_to(facts: HostFacts, version: str) -> str:
    """Return how the host gets the engine *version*: the toolkit takes nodes host by host, drained."""
    aim = f"upgrade its engine to {version}"
    if facts.engine.swarm_state == "active":
        return f"{aim}: swarmkit engine upgrade --version {version} --host {facts.host}"
    return f"{aim}; on {facts.host}: {_PACKAGES}"


def upgrade_beyond(facts: Sequence[HostFacts], versions: str) -> str:
    """Return how each of the hosts gets one of the *versions* or a newer one, whatever its package source offers."""
    nodes = [host.host for host in facts if host.engine.swarm_state == "active"]
    others = [host.host for host in facts if host.engine.swarm_state != "active"]
    ways = [f"swarmkit engine upgrade {' '.join(f'--host {name}' for name in nodes)}"] if nodes else []
    ways += [f"on {', '.join(others)}: {_PACKAGES}"] if others else []
    return f"upgrade to {versions} or newer; {'; '.join(ways)}"


def rootful(host: str) -> str:
    """Return how a host comes by an engine of root's; what the rootless one keeps stays where it is."""
    before = "systemctl --user disable --now docker"
    return f"on {host}, as the user whose engine it is: {before}; as root: systemctl enable --now docker"


def live_restore_off(host: str) -> str:
    """Return how a host's engine lets go of live-restore, which its own file sets on most hosts."""
    return daemon_setting(host, "live-restore", "true", "false")


def containerd_back(host: str) -> str:
    """Return how an engine gets its containerd back, and what tells why it ended."""
    return (
        f"on {host}: systemctl restart containerd; systemctl restart docker; why it ended: "
        "journalctl -u containerd --since -1h"
    )


def daemon_setting(host: str, key: str, before: str, after: str) -> str:
    """Return how the value of *key*, which stands in the engine's own file, gets another one."""
    change = f"""sed -i 's/"{key}": *{before}/"{key}": {after}/' {_FILE}"""
    return f"on {host}: {change} && systemctl restart docker"


def daemon_key(host: str, settings: Mapping[str, object], key: str, value: object) -> str:
    """Return how the engine's own file, which has *settings*, gets *key* with *value* before its other ones.

    One that could not be read may have others: it is not written over.
    """
    entry = f"{json.dumps(key)}: {json.dumps(value)}"
    change = (
        f"sed -i '0,/{{/s|{{|{{{entry}, |' {_FILE}"
        if settings
        else f"test ! -s {_FILE} && echo '{{{entry}}}' | tee {_FILE}"
    )
    return f"on {host}: {change} && systemctl restart docker"


def unit_option(host: str, option: str) -> str:
    """Return where an option of dockerd's, or of its socket's unit, is found, and what makes its removal count."""
    places = "/etc/docker /etc/default/docker /etc/systemd/system/docker.s* /usr/lib/systemd/system/docker.s*"
    search = f"grep -rnF -e {option} {places}"
    return f"on {host}: {search}; take it out there, then: systemctl daemon-reload && systemctl restart docker"
