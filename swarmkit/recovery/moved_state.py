"""A manager's state as that of one with another address.

An engine that starts with an address which its host does not have makes no network agent, also not when a new cluster
is forced with another address later: its tasks are rejected then (seen on 26.1). So the state gets the new one before,
in what the engine starts with and in the raft, by which all other nodes learn where their manager is.
"""

from __future__ import annotations

import io
import json
import tarfile

from swarmkit.errors import SwarmkitError
from swarmkit.recovery.locked_state import KEY_FILE
from swarmkit.recovery.raft_address import at_port_of, moved_raft
from swarmkit.recovery.raft_cipher import cipher_of

NODE_FILE, REMOTES_FILE, RAFT_FOLDER = "swarm/docker-state.json", "swarm/state.json", "swarm/raft/"
"""What the engine starts its node with, the managers that its agent knows, and what the managers agreed on."""


def moved_state(state: bytes, old: str, advertise: str, data_path: str) -> bytes:
    """Return the tar.gz *state* of a manager at *old* as that of one that advertises *advertise*.

    The state must not be locked. Raises SwarmkitError where its raft cannot be read.
    """
    packed = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(state), mode="r:gz") as before,
        tarfile.open(fileobj=packed, mode="w:gz") as after,
    ):
        files = {member.name: _content(before, member) for member in before}
        files |= _raft(files, old, advertise)
        files[NODE_FILE] = _node(files[NODE_FILE], old, advertise, data_path)
        if REMOTES_FILE in files:
            files[REMOTES_FILE] = _remotes(files[REMOTES_FILE], old, advertise)
        for member in before:
            member.size = len(files[member.name])
            after.addfile(member, io.BytesIO(files[member.name]))
    return packed.getvalue()


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    content = archive.extractfile(member)
    return content.read() if content else b""


def _raft(files: dict[str, bytes], old: str, advertise: str) -> dict[str, bytes]:
    raft = {name: content for name, content in files.items() if name.startswith(RAFT_FOLDER)}
    try:
        return moved_raft(raft, cipher_of(files[KEY_FILE].decode()), advertise)
    except (KeyError, ValueError) as error:
        raise SwarmkitError(
            "the state in the backup cannot be given another address",
            str(error),
            f"restore it to a host with the address {old}, or make a new cluster with its data: swarmkit rebuild",
        ) from None


def _node(content: bytes, old: str, advertise: str, data_path: str) -> bytes:
    node = json.loads(content)
    for key in ("LocalAddr", "AdvertiseAddr"):
        if node.get(key):
            node[key] = str(node[key]).replace(old, advertise)
    if node.get("DataPathAddr"):
        node["DataPathAddr"] = data_path
    return json.dumps(node).encode()


def _remotes(content: bytes, old: str, advertise: str) -> bytes:
    remotes = json.loads(content)
    for remote in remotes:
        if remote["addr"] == at_port_of(remote["addr"], old):
            remote["addr"] = at_port_of(remote["addr"], advertise)
    return json.dumps(remotes).encode()
