"""A manager's raft state as that of one with another address.

The raft names each of its managers by the address with which it joined, and tells all nodes to look for them there. The
engine changes that entry for none, also not when it is told to force a new cluster with another address (moby/swarmkit
manager/state/raft: loadAndStart takes the members as they are, applyUpdateNode leaves out the node's own): nodes that
join get the old address, form no overlay network with the manager, and do not find it when it was restarted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from swarmkit.recovery import protobuf
from swarmkit.recovery.raft_cipher import RaftCipher
from swarmkit.recovery.write_ahead_log import ENTRY, METADATA, rewritten_log, rewritten_snapshot

_ENTRY_TYPE, _ENTRY_INDEX, _ENTRY_DATA, _CONFIGURATION = 1, 3, 4, 1
"""raftpb.Entry, and the type of one that changes the members."""
_CONTEXT = 4
"""raftpb.ConfChange: the member."""
_RAFT_ID, _ADDRESS = 1, 3
"""api.RaftMember (moby/swarmkit api/raft.proto)."""
_SNAPSHOT_DATA, _MEMBERSHIP, _MEMBER = 1, 2, 1
"""raftpb.Snapshot, api.Snapshot and api.ClusterSnapshot (moby/swarmkit api/snapshot.proto)."""


def moved_raft(files: Mapping[str, bytes], cipher: RaftCipher, address: str) -> dict[str, bytes]:
    """Return the raft's *files*, by their names, in which the manager that they are of has *address*.

    What is older than the newest snapshot stays as it is: no engine reads it, and no key opens it after a rotation of
    the raft's keys, as when managers begin to lock. Raises ValueError where the files are not as they have to be.
    """
    logs = sorted(name for name in files if name.endswith(".wal"))
    newest = max((name for name in files if name.endswith(".snap")), default="")
    moving = _Moving(cipher, address, int(newest[-21:-5], 16) if newest else 0)
    moved = dict(zip(logs, rewritten_log([files[name] for name in logs], moving.record), strict=True))
    if newest:
        moved[newest] = rewritten_snapshot(files[newest], moving.snapshot)
    if not moving.found:
        raise ValueError("its raft does not name it as a member")
    return moved


def at_port_of(old: str, address: str) -> str:
    """Return *address* with the port of the address *old*."""
    host = f"[{address}]" if ":" in address else address
    return f"{host}:{old.rpartition(':')[2]}"


class _Moving:
    def __init__(self, cipher: RaftCipher, address: str, snapshot_index: int) -> None:
        self._cipher, self._address, self._snapshot_index = cipher, address, snapshot_index
        self._raft_id: int | bytes = 0
        """Of the manager whose state it is, which the log's metadata names first."""
        self.found = False

    def record(self, kind: int, data: bytes) -> bytes:
        if kind == METADATA:
            self._raft_id = dict(protobuf.read(data)).get(_RAFT_ID, 0)
            return _changed(data, _ADDRESS, self._moved)
        if kind == ENTRY and self._is_read(dict(protobuf.read(data))):
            return _changed(data, _ENTRY_DATA, self._opened(lambda change: _changed(change, _CONTEXT, self._member)))
        return data

    def _is_read(self, entry: Mapping[int, int | bytes]) -> bool:
        index = entry.get(_ENTRY_INDEX, 0)
        return entry.get(_ENTRY_TYPE) == _CONFIGURATION and isinstance(index, int) and index > self._snapshot_index

    def snapshot(self, data: bytes) -> bytes:
        def members(membership: bytes) -> bytes:
            return _changed(membership, _MEMBER, self._member)

        return _changed(data, _SNAPSHOT_DATA, self._opened(lambda content: _changed(content, _MEMBERSHIP, members)))

    def _opened(self, change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
        def changed(record: bytes) -> bytes:
            content = self._cipher.open(record)
            after = change(content)
            return record if after == content else self._cipher.seal(after)

        return changed

    def _member(self, member: bytes) -> bytes:
        if not self._raft_id or dict(protobuf.read(member)).get(_RAFT_ID) != self._raft_id:
            return member
        self.found = True

        return _changed(member, _ADDRESS, self._moved)

    def _moved(self, old: bytes) -> bytes:
        return at_port_of(old.decode(), self._address).encode()


def _changed(message: bytes, number: int, change: Callable[[bytes], bytes]) -> bytes:
    """Return *message* with its byte strings of that *number* as *change* makes them."""
    fields = protobuf.read(message)
    return protobuf.write((n, change(v) if n == number and isinstance(v, bytes) else v) for n, v in fields)
