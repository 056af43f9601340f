"""How often a swarm's CA was rotated, read from the raft log and the snapshot of a manager without a leader."""

from __future__ import annotations

import pytest
from fakes.manager_state import KEY, LOG, continued

from swarmkit.recovery import protobuf
from swarmkit.recovery.raft_cipher import cipher_of
from swarmkit.recovery.raft_rotations import ca_rotations
from swarmkit.recovery.write_ahead_log import ENTRY, STATE, castagnoli

CIPHER = cipher_of(KEY)
SNAPSHOT = "swarm/raft/snap-v3-encrypted/0000000000000001-0000000000000009.snap"


def cluster(rotations: int) -> bytes:
    return protobuf.write([(1, b"c1"), (4, protobuf.write([(2, b"root"), *([(6, rotations)] if rotations else [])]))])


def change(index: int, *clusters: int) -> tuple[int, bytes]:
    """Return an entry that changes the cluster, and something else, in one transaction."""
    actions = [(2, protobuf.write([(1, 2), (6, cluster(rotations))])) for rotations in clusters]
    request = protobuf.write([(1, 7), (2, protobuf.write([(1, 1), (4, b"a task")])), *actions])
    return ENTRY, protobuf.write([(1, 0), (2, 1), (3, index), (4, CIPHER.seal(request))])


def settled(index: int) -> tuple[int, bytes]:
    return STATE, protobuf.write([(1, 1), (2, 1), (3, index)])


def log(*records: tuple[int, bytes]) -> dict[str, bytes]:
    """Return the files of the raft log that goes on with *records*, each in a file of its own."""
    files = [LOG]
    for kind, data in records:
        files.append(continued(kind, data, *files))
    return {f"swarm/raft/wal-v3-encrypted/{number:016x}-0.wal": file for number, file in enumerate(files)}


def snapshot(rotations: int) -> bytes:
    store = protobuf.write([(1, b"a node"), (5, cluster(rotations))])
    content = protobuf.write([(1, 0), (2, b""), (3, store)])
    data = protobuf.write([(1, CIPHER.seal(content)), (2, b"where the log was")])
    return protobuf.write([(1, castagnoli(data)), (2, data)])


def test_the_newest_settled_number_counts() -> None:
    assert ca_rotations(log(change(3, 0), settled(3)), CIPHER) == 0
    assert ca_rotations(log(change(3, 0), change(4, 1), change(5), settled(5)), CIPHER) == 1


def test_what_was_not_settled_or_was_written_over_does_not_count() -> None:
    assert ca_rotations(log(change(3, 1), settled(3), change(4, 2)), CIPHER) == 1
    assert ca_rotations(log(change(3, 1), settled(3), change(4, 2), change(4), settled(4)), CIPHER) == 1


def test_a_snapshot_tells_it_and_the_log_after_it_more() -> None:
    assert ca_rotations({**log(), SNAPSHOT: snapshot(2)}, CIPHER) == 2
    assert ca_rotations({**log(change(8, 1), change(10, 3), settled(10)), SNAPSHOT: snapshot(2)}, CIPHER) == 3


def test_a_state_that_names_no_cluster_or_cannot_be_opened_is_refused() -> None:
    with pytest.raises(ValueError, match="does not name its cluster"):
        ca_rotations(log(), CIPHER)
    damaged = log(change(3, 1), settled(3))
    name = max(damaged)
    damaged[name] = damaged[name][:-9] + b"x" + damaged[name][-8:]
    with pytest.raises(ValueError, match=r"its checksum|cut off|no record"):
        ca_rotations(damaged, CIPHER)
