"""Give each lab host an identity of its own: SSH host key, machine-id, the operator's key; and write known_hosts."""

from __future__ import annotations

import shutil
import subprocess
import uuid
from collections.abc import Iterable
from pathlib import Path

from swarmkit.lab.hosts import LabHost
from swarmkit.lab.places import HostPlaces, Places

_HOST_KEY = "ssh_host_ed25519_key"


def prepare_identities(places: Places, hosts: Iterable[LabHost]) -> None:
    """Make what is missing of the operator's key and the hosts' identities, and write known_hosts.

    A host keeps its identity over `lab reset`: the lab generated it, so a fresh disk is handed the same one.
    """
    hosts = list(hosts)
    places.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not places.private_key.exists():
        _generate_key(places.private_key, "swarmkit-lab")
    for host in hosts:
        _prepare_identity(places, places.host(host.name), host)
    _write_known_hosts(places, hosts)


def _prepare_identity(places: Places, files: HostPlaces, host: LabHost) -> None:
    files.seed.mkdir(parents=True, exist_ok=True)
    if not (files.seed / _HOST_KEY).exists():
        _generate_key(files.seed / _HOST_KEY, f"root@{host.name}")
    if not (files.seed / "machine-id").exists():
        (files.seed / "machine-id").write_text(uuid.uuid4().hex + "\n")
    shutil.copy(places.private_key.with_suffix(".pub"), files.seed / "authorized_keys")


def _generate_key(path: Path, comment: str) -> None:
    # Under another name first: a key whose making was interrupted must not be taken for a whole one.
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", draft], check=True)  # noqa: S607
    draft.with_name(draft.name + ".pub").rename(path.with_name(path.name + ".pub"))
    draft.rename(path)


def _write_known_hosts(places: Places, hosts: Iterable[LabHost]) -> None:
    old = places.known_hosts.read_text() if places.known_hosts.exists() else ""
    keys = {host: (places.host(host.name).seed / f"{_HOST_KEY}.pub").read_text() for host in hosts}
    draft = places.known_hosts.with_name("known_hosts.new")
    draft.write_text(merge_known_hosts(old, keys))
    draft.rename(places.known_hosts)


def merge_known_hosts(old: str, keys: dict[LabHost, str]) -> str:
    """Return *old* with the lines of these hosts replaced by their public *keys*; other hosts' lines stay."""
    new = {_known_name(host): " ".join(key.split()[:2]) for host, key in keys.items()}
    kept = [line for line in old.splitlines() if line.strip() and line.split()[0] not in new]
    return "".join(f"{line}\n" for line in [*kept, *(f"{name} {key}" for name, key in new.items())])


def _known_name(host: LabHost) -> str:
    # sshd(8), SSH_KNOWN_HOSTS FILE FORMAT: a port other than 22 is written [host]:port.
    return host.address if host.ssh_port == 22 else f"[{host.address}]:{host.ssh_port}"
