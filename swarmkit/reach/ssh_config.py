"""From an inventory's host to the SSH hops that lead to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import paramiko

from swarmkit.declared.inventory.host import SSH_PORT, Host, Inventory, JumpHost
from swarmkit.errors import InputError
from swarmkit.reach.host_keys import KnownHost, lookup_name, read_known_hosts, trusted_keys
from swarmkit.reach.ssh_connect import Hop


@dataclass(frozen=True)
class SshSettings:
    """What all hosts share: the known hosts and, if the inventory names one, the operator's ssh_config."""

    known_hosts_file: Path
    known_hosts: tuple[KnownHost, ...]
    config: paramiko.SSHConfig | None
    inventory: Path | None = None


def read_ssh_settings(inventory: Inventory) -> SshSettings:
    """Read known_hosts, and the ssh_config if the inventory names one; nothing is contacted."""
    known_hosts_file = inventory.known_hosts or Path("~/.ssh/known_hosts").expanduser()
    config = None
    if inventory.ssh_config is not None:
        try:
            config = paramiko.SSHConfig.from_path(str(inventory.ssh_config))
        except (OSError, paramiko.SSHException) as error:
            raise InputError(f"cannot read swarm_ssh_config {inventory.ssh_config}: {error}") from error
    return SshSettings(known_hosts_file, read_known_hosts(known_hosts_file), config, inventory.source)


def hops_to(host: Host, settings: SshSettings) -> tuple[Hop, ...]:
    """Return the hops to *host*, its own last; what the inventory says wins over ssh_config.

    Raises InputError for a ProxyCommand: it would go through a shell, and its host key could not be checked.
    """
    target = _options(host.address, settings)
    if "proxycommand" in target:
        raise InputError(
            f"{host.name}: ssh_config gives {host.address} a ProxyCommand",
            to_do="use ProxyJump, or swarm_jump in the inventory: the host keys of all hops are checked then",
        )
    jumps = host.jumps or parse_jumps(str(target.get("proxyjump", "")))
    # The host's own key is offered to its jump hosts too, as operators with one key a fleet expect.
    hops = [_hop(jump.address, jump.address, jump.port, jump.user, host.key_file, settings) for jump in jumps]
    own = _hop(host.name, host.address, host.port, host.user, host.key_file, settings, host.host_key)
    return (*hops, own)


def parse_jumps(text: str) -> tuple[JumpHost, ...]:
    """Return the hops of ``[user@]host[:port][,...]``; empty or ``none`` gives none."""
    return tuple(_parse_jump(part.strip()) for part in text.split(",") if part.strip() not in ("", "none"))


def _parse_jump(text: str) -> JumpHost:
    user, _, place = text.removeprefix("ssh://").rpartition("@")
    address, _, port = place.rpartition(":") if place.count(":") == 1 else (place, "", "")
    if not (port.isdecimal() or (not port and place == address)) or not address:
        raise InputError(f"ProxyJump {text!r} in ssh_config is not [user@]host[:port]")
    return JumpHost(address, int(port) if port else None, user or None)


def _options(address: str, settings: SshSettings) -> dict[str, str | list[str]]:
    return dict(settings.config.lookup(address)) if settings.config else {}


def _hop(
    name: str,
    address: str,
    port: int | None,
    user: str | None,
    key_file: Path | None,
    settings: SshSettings,
    host_key: str | None = None,
) -> Hop:
    options = _options(address, settings)
    real_address = str(options.get("hostname", address))
    real_port = port or int(str(options.get("port", SSH_PORT)))
    files: Sequence[str] = [str(key_file)] if key_file else list(options.get("identityfile", []))
    alias = str(options.get("hostkeyalias", "")) or lookup_name(address, real_port)
    known = (settings.known_hosts_file, settings.known_hosts)
    keys = trusted_keys(alias, *known, host_key, inventory=settings.inventory)
    return Hop(
        name=name,
        address=real_address,
        port=real_port,
        user=user or (str(options["user"]) if "user" in options else None),
        key_files=tuple(path for path in (Path(file).expanduser() for file in files) if key_file or path.exists()),
        keys=keys,
    )
