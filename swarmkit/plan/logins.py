"""How remedies are told for a host: on which, and as its login can run them; pure.

Checks and proofs tell commands as root runs them. Here, and nowhere else, they get the ``sudo`` of a login that is not
root, in the inventory's words: a user, or ``ansible_become``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import replace

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.finding import Finding

_OF_ROOT = (
    r"systemctl (?!--user|status)|ip6?tables(?:-save|-restore)? |nft |ufw |firewall-cmd|ip (?:addr|link|route|xfrm) "
    r"|ss -lnp|modprobe |depmod\b|sysctl |ethtool -K|apt(?:-get)? |dnf |apk |update-grub|grub2-mkconfig"
    r"|hostnamectl|timedatectl set|chronyc -a|date -s|systemd-machine-id-setup|ssh-keygen -A|sshd -t|sed -i|chmod "
    r'|mkdir -p /|tee |rm -?\w* ?/|journalctl |xargs |timeout \d+ sh -c [\'"](?:until|while) docker|reboot\b|dpkg '
)
_OF_ENGINE = r"docker (?:swarm|service|node|network|volume|image|system|stats|unpause|pull|container|rm|config|secret) "
_OF_MANAGERS = re.compile(r"(?:^|(?<=: ))docker (?:service|node|config|secret|network (?:rm|create)|swarm ca) ")
_ALL = "on every other node"
_QUOTED = re.compile(r"(?<!\w)(?:'[^'\n]*'|\"[^\"\n]*\")")
_BEFORE = r"(?:^|(?<=[\n;|&{:,(] )|(?<=\n)|(?<=\bthen )|(?<=\bor )|(?<=\brun )|(?<=\bdo )|(?<=\bsee ))"
_COMMAND = re.compile(rf"{_BEFORE}(?P<sudo>sudo )?(?:(?P<root>{_OF_ROOT})|(?P<engine>{_OF_ENGINE}))")


def for_logins(findings: Iterable[Finding], inventory: Inventory, manager: str) -> tuple[Finding, ...]:
    """Return *findings* with remedies as they are copied to a host: *manager* takes what any manager does."""
    return tuple(_told(finding, inventory, manager) for finding in findings)


def _told(finding: Finding, inventory: Inventory, manager: str) -> Finding:
    if not finding.remedy:
        return finding
    remedy = _at_a_manager(finding.remedy, inventory, manager) if manager else finding.remedy
    return replace(finding, remedy=as_its_logins(remedy, finding.where, inventory))


def _at_a_manager(remedy: str, inventory: Inventory, manager: str) -> str:
    """Return *remedy* with the host of a command that only managers take, where it names none before."""
    command = _OF_MANAGERS.search(remedy)
    known = [host.name for host in inventory.hosts]
    if not command or _on(known).search(remedy, 0, command.start()):
        return remedy
    return f"{remedy[: command.start()]}on {manager}: {remedy[command.start() :]}"


def as_its_logins(remedy: str, where: str, inventory: Inventory) -> str:
    """Return *remedy* with ``sudo`` before root's commands for hosts whose login is not root, and without for others.

    A command is one of the host that was named last before it; at first of those of *where*, or of the managers.
    """
    known = {host.name: host for host in inventory.hosts}
    return _by_logins(remedy, known, _named(where, known) or list(inventory.managers))


def as_named_logins(to_do: str, inventory: Inventory) -> str:
    """Return *to_do*, of an error, likewise; a command before any host may be one of this machine, and stays."""
    return _by_logins(to_do, {host.name: host for host in inventory.hosts}, [])


def _by_logins(remedy: str, known: dict[str, Host], at_first: list[Host]) -> str:
    marks = [(found.end(), _named(found[0], known)) for found in _on(known).finditer(remedy)]
    quoted = [found.span() for found in _QUOTED.finditer(remedy)]

    def prefix(found: re.Match[str]) -> str:
        begin = found.start()
        if any(start < begin < end for start, end in quoted):
            return found[0]
        hosts = next((named for end, named in reversed(marks) if end <= begin), at_first)
        if not hosts:
            return found[0]
        rest = found[0].removeprefix("sudo ")
        return f"sudo {rest}" if any(_needs_sudo(host, rest) for host in hosts) else rest

    return _COMMAND.sub(prefix, remedy)


def _on(known: Collection[str]) -> re.Pattern[str]:
    name = "|".join(re.escape(one) for one in sorted(known, key=len, reverse=True))
    return re.compile(rf"\bon (?:{name})(?:(?:, | and | or )(?:{name}))*(?![\w.-])|\b{_ALL}")


def _named(text: str, known: dict[str, Host]) -> list[Host]:
    if text == _ALL:
        return list(known.values())
    words = set(re.findall(r"[\w.-]+", text))
    return [host for name, host in known.items() if name in words]


def _needs_sudo(host: Host, command: str) -> bool:
    """Tell whether the login of *host* runs *command* by sudo; one of Docker's group speaks to the engine itself.

    A login that the inventory does not name may be anybody's.
    """
    return host.become or (host.user != "root" and not command.startswith("docker "))
