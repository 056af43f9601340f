"""How often a swarm's CA was rotated by force, as a manager's raft state has it: a swarm without a leader tells nobody.

An engine that is told to force a new cluster rotates the CA, and the join tokens with it, where the request names
another number than the swarm has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain

from swarmkit.recovery import protobuf
from swarmkit.recovery.raft_cipher import RaftCipher
from swarmkit.recovery.write_ahead_log import ENTRY, STATE, rewritten_log, rewritten_snapshot

_ENTRY_TYPE, _ENTRY_INDEX, _ENTRY_DATA, _COMMIT = 1, 3, 4, 3
"""raftpb.Entry, whose type is 0 for a change of the store, and raftpb.HardState."""
_ACTION, _CLUSTER = 2, 6
"""api.InternalRaftRequest and api.StoreAction (moby/swarmkit api/raft.proto)."""
_SNAPSHOT_DATA, _STORE, _CLUSTERS = 1, 3, 5
"""raftpb.Snapshot, api.Snapshot and api.StoreSnapshot (moby/swarmkit api/snapshot.proto)."""
_ROOT_CA, _LAST_FORCED_ROTATION = 4, 6
"""api.Cluster and api.RootCA (moby/swarmkit api/objects.proto, types.proto)."""


def ca_rotations(files: Mapping[str, bytes], cipher: RaftCipher) -> int:
    """Return the number in the raft's *files*, by their names; raises ValueError where they do not tell it."""
    logs = sorted(name for name in files if name.endswith(".wal"))
    newest = max((name for name in files if name.endswith(".snap")), default="")
    reading = _Reading(cipher, int(newest[-21:-5], 16) if newest else 0)
    if newest:
        rewritten_snapshot(files[newest], reading.snapshot)
    rewritten_log([files[name] for name in logs], reading.record)
    # What was not settled when the others were lost is left out when a new cluster is forced.
    settled = [number for index, number in reading.found.items() if index <= reading.commit]
    if not settled:
        raise ValueError("its raft log does not name its cluster")
    return settled[-1]


class _Reading:
    """Meets all records in their order, and changes none."""

    def __init__(self, cipher: RaftCipher, snapshot_index: int) -> None:
        self._cipher, self._snapshot_index = cipher, snapshot_index
        self.commit = snapshot_index
        self.found: dict[int, int] = {}
        """Index of the raft's log -> the number that the cluster has from then on."""

    def snapshot(self, data: bytes) -> bytes:
        for content in _messages(data, _SNAPSHOT_DATA):
            self._note(self._snapshot_index, _within(self._cipher.open(content), _STORE, _CLUSTERS))
        return data

    def record(self, kind: int, data: bytes) -> bytes:
        fields = dict(protobuf.read(data)) if kind in (STATE, ENTRY) else {}
        if kind == STATE:
            self.commit = max(self.commit, _number(fields, _COMMIT))
        index, content = _number(fields, _ENTRY_INDEX), fields.get(_ENTRY_DATA)
        if kind == ENTRY and index > self._snapshot_index:
            # A leader of a later term wrote its own entries over those that were not settled.
            self.found = {before: number for before, number in self.found.items() if before < index}
            if isinstance(content, bytes) and content and not _number(fields, _ENTRY_TYPE):
                self._note(index, _within(self._cipher.open(content), _ACTION, _CLUSTER))
        return data

    def _note(self, index: int, clusters: Iterator[bytes]) -> None:
        for cluster in clusters:
            for root in _messages(cluster, _ROOT_CA):
                self.found[index] = _number(dict(protobuf.read(root)), _LAST_FORCED_ROTATION)


def _messages(message: bytes, number: int) -> Iterator[bytes]:
    return (value for n, value in protobuf.read(message) if n == number and isinstance(value, bytes))


def _within(message: bytes, outer: int, inner: int) -> Iterator[bytes]:
    return chain.from_iterable(_messages(each, inner) for each in _messages(message, outer))


def _number(fields: Mapping[int, int | bytes], number: int) -> int:
    value = fields.get(number, 0)
    return value if isinstance(value, int) else 0
