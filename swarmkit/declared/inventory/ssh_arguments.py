"""``ansible_ssh_common_args`` and its like: jump hosts are taken, what would weaken or bypass checking is refused."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from swarmkit.declared.documents.complaints import shown
from swarmkit.declared.documents.field import Field
from swarmkit.declared.inventory.addresses import parse_jumps
from swarmkit.declared.inventory.host import JumpHost

# They tune OpenSSH's own process; a connection of ours has its own keep-alive, deadlines and sharing.
_HARMLESS = frozenset(
    (
        "batchmode",
        "compression",
        "connectionattempts",
        "connecttimeout",
        "controlmaster",
        "controlpath",
        "controlpersist",
        "loglevel",
        "preferredauthentications",
        "serveralivecountmax",
        "serveraliveinterval",
        "tcpkeepalive",
    )
)
_HARMLESS_FLAGS = frozenset(("-C", "-q", "-4", "-6", "-T", "-v"))
_REFUSED = {
    "proxycommand": ("B05", "ProxyCommand goes through a shell", "write swarm_jump: user@host:port"),
    "userknownhostsfile": ("B22", "the file of trusted keys is not set here", "write swarm_known_hosts in all.vars"),
    "globalknownhostsfile": ("B22", "the file of trusted keys is not set here", "write swarm_known_hosts in all.vars"),
    "forwardagent": ("B05", "agent forwarding lets root of any host use your keys", "remove it; jumps do not need it"),
    "identityfile": ("B05", "key files are not taken from here", "write ansible_ssh_private_key_file"),
    "user": ("B05", "the user is not taken from here", "write ansible_user"),
    "port": ("B05", "the port is not taken from here", "write ansible_port"),
}
_FLAGS = {"-J": "proxyjump", "-A": "forwardagent", "-i": "identityfile", "-F": "configfile", "-l": "user", "-p": "port"}
_WITH_VALUE = frozenset(("-J", "-i", "-F", "-l", "-p", "-o"))


def read_ssh_arguments(field: Field) -> tuple[JumpHost, ...]:
    """Return the jump hosts that the arguments name; complain about what is not taken."""
    if field.is_empty or field.word == "":
        return ()
    text = field.text()
    try:
        words = shlex.split(text or "")
    except ValueError as error:
        field.refuse("B05", f"not a list of arguments ({str(error).lower()})")
        return ()
    jumps: tuple[JumpHost, ...] = ()
    for option, value in _options(words):
        jumps += _take(option, value, field)
    return jumps


def _options(words: list[str]) -> Iterator[tuple[str, str]]:
    rest = iter(words)
    for word in rest:
        flag, value = word[:2], word[2:]
        if flag in _WITH_VALUE and not value:
            value = next(rest, "")
        if flag == "-o":
            name, _, setting = value.replace("=", " ", 1).strip().partition(" ")
            yield name.lower(), setting.strip()
        elif flag in _FLAGS:
            yield _FLAGS[flag], value
        else:
            yield word, ""


def _take(option: str, value: str, field: Field) -> tuple[JumpHost, ...]:
    if option == "proxyjump":
        return () if value.lower() == "none" else parse_jumps(value, field)
    if option == "stricthostkeychecking" and value.lower() not in ("yes", "true"):
        to_do = f"remove it; record the hosts' keys once with: swarmkit trust -i {field.log.file}"
        field.refuse("B22", f"StrictHostKeyChecking={shown(value)[1:-1]}: host keys are always checked", to_do)
    elif option in _REFUSED:
        code, why, to_do = _REFUSED[option]
        field.refuse(code, why, to_do)
    elif option not in _HARMLESS | _HARMLESS_FLAGS | {"stricthostkeychecking"}:
        field.refuse("B05", f"SSH option {shown(option)} is not taken", "only -J host and -o ProxyJump=host are")
    return ()
