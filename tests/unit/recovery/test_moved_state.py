"""A manager's state as that of one with another address: what starts its engine, and what its raft tells all nodes."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

import pytest
from fakes.manager_state import ADDRESS, FILES, KEY, LOG, continued, packed_state, unpacked_state

from swarmkit.errors import SwarmkitError
from swarmkit.recovery import protobuf
from swarmkit.recovery.moved_state import moved_state
from swarmkit.recovery.raft_cipher import cipher_of
from swarmkit.recovery.write_ahead_log import ENTRY, METADATA, castagnoli, rewritten_log, rewritten_snapshot

LOCKED = base64.b64encode(protobuf.write([(1, 1), (2, b"sealed"), (3, b"nonce")])).decode()
CIPHER = cipher_of(KEY)
RAFT_ID = 5009259254029818147
KEY_FILE, FIRST = (
    "swarm/certificates/swarm-node.key",
    "swarm/raft/wal-v3-encrypted/0000000000000000-0000000000000000.wal",
)
SECOND = "swarm/raft/wal-v3-encrypted/0000000000000001-0000000000000003.wal"
SNAPSHOT = "swarm/raft/snap-v3-encrypted/0000000000000001-0000000000000002.snap"


def moved(files: Mapping[str, bytes], to: str = "10.88.0.171") -> dict[str, bytes]:
    return unpacked_state(moved_state(packed_state({**FILES, **files}), "10.88.0.61", to, to))


def address_in(member: bytes) -> str:
    return bytes(dict(protobuf.read(member))[3]).decode()  # type: ignore[arg-type]


def told_by(*logs: bytes) -> list[str]:
    """Return the addresses of managers that the files of a log tell, in their order; its checksums fit."""
    told: list[str] = []

    def look(kind: int, data: bytes) -> bytes:
        fields = dict(protobuf.read(data))
        if kind == METADATA:
            told.append(address_in(data))
        if kind == ENTRY and fields[1] == 1:
            change = dict(protobuf.read(CIPHER.open(fields[4])))  # type: ignore[arg-type]
            told.append(address_in(change[4]))  # type: ignore[arg-type]
        return data

    assert rewritten_log(list(logs), look) == list(logs)
    return told


def entry_of(raft_id: int, address: str) -> bytes:
    member = protobuf.write([(1, raft_id), (2, b"n"), (3, address.encode())])
    change = protobuf.write([(1, 0), (2, 0), (3, raft_id), (4, member)])
    return protobuf.write([(1, 1), (2, 1), (3, 3), (4, CIPHER.seal(change))])


def snapshot_of(*members: tuple[int, str]) -> bytes:
    listed = [(1, protobuf.write([(1, raft_id), (3, address.encode())])) for raft_id, address in members]
    content = protobuf.write([(1, 0), (2, protobuf.write([*listed, (2, 77)])), (3, b"all that is declared")])
    data = protobuf.write([(1, CIPHER.seal(content)), (2, b"where the log was")])
    return protobuf.write([(1, castagnoli(data)), (2, data)])


def test_the_checksum_is_castagnolis() -> None:
    assert castagnoli(b"123456789") == 0xE3069283
    assert castagnoli(b"6789", castagnoli(b"12345")) == 0xE3069283


def test_the_raft_of_a_moved_manager_names_its_new_address() -> None:
    assert told_by(FILES[FIRST]) == [ADDRESS, ADDRESS]
    after = moved({})[FIRST]
    assert told_by(after) == ["10.88.0.171:2377"] * 2
    assert len(after) == len(FILES[FIRST])
    assert ADDRESS.encode() not in after
    assert told_by(moved({}, "fd00::7")[FIRST]) == ["[fd00::7]:2377"] * 2


def test_moved_back_the_log_is_as_it_was_but_for_what_was_sealed_anew() -> None:
    once = moved({})
    back = unpacked_state(moved_state(packed_state(once), "10.88.0.171", "10.88.0.61", "10.88.0.61"))
    assert told_by(back[FIRST]) == [ADDRESS, ADDRESS]
    # Up to the first sealed entry.
    assert back[FIRST][:120] == FILES[FIRST][:120]


def test_the_checksums_go_through_all_files_of_a_log_and_other_managers_stay() -> None:
    own, other = entry_of(RAFT_ID, "10.0.0.5:2377"), entry_of(7, "10.88.0.62:2377")
    second = continued(ENTRY, own)
    after = moved({SECOND: second})
    assert told_by(after[FIRST], after[SECOND]) == ["10.88.0.171:2377"] * 3
    after = moved({SECOND: continued(ENTRY, other)})
    assert told_by(after[FIRST], after[SECOND]) == [*["10.88.0.171:2377"] * 2, "10.88.0.62:2377"]


def test_a_snapshot_names_the_new_address_and_keeps_all_else() -> None:
    after = moved({SNAPSHOT: snapshot_of((RAFT_ID, ADDRESS), (7, "10.88.0.62:2377"))})[SNAPSHOT]
    expected = snapshot_of((RAFT_ID, "10.88.0.171:2377"), (7, "10.88.0.62:2377"))

    def opened(data: bytes) -> bytes:
        fields = dict(protobuf.read(data))
        seen.append((CIPHER.open(fields[1]), fields[2]))  # type: ignore[arg-type]
        return data

    seen: list[tuple[bytes, int | bytes]] = []
    assert [rewritten_snapshot(file, opened) for file in (after, expected)] == [after, expected]
    assert seen[0] == seen[1]


def test_the_engine_starts_with_the_new_address_and_its_agent_looks_for_its_manager_there() -> None:
    node = {"LocalAddr": "10.88.0.61", "AdvertiseAddr": ADDRESS, "DataPathAddr": "10.88.0.61", "RemoteAddr": ""}
    remotes = [{"node_id": "n1", "addr": ADDRESS}, {"node_id": "n2", "addr": "10.88.0.6:2377"}]
    changes = {"swarm/docker-state.json": node, "swarm/state.json": remotes}
    after = moved({name: json.dumps(content).encode() for name, content in changes.items()})
    there = {"LocalAddr": "10.88.0.171", "AdvertiseAddr": "10.88.0.171:2377", "DataPathAddr": "10.88.0.171"}
    assert json.loads(after["swarm/docker-state.json"]) == {**there, "RemoteAddr": ""}
    assert json.loads(after["swarm/state.json"]) == [{"node_id": "n1", "addr": "10.88.0.171:2377"}, remotes[1]]


def test_what_no_engine_reads_any_more_may_be_sealed_with_a_key_that_is_gone() -> None:
    sealed = protobuf.write([(1, 1), (2, b"with another key"), (3, b"n" * 24)])
    older = protobuf.write([(1, 1), (2, 1), (3, 3), (4, sealed)])
    files = {SECOND: continued(ENTRY, older), SNAPSHOT.replace("2.snap", "3.snap"): snapshot_of((RAFT_ID, ADDRESS))}
    after = moved(files)
    assert older in after[SECOND]
    assert ADDRESS.encode() not in after[FIRST][:120]
    with pytest.raises(SwarmkitError) as caught:
        moved({SECOND: files[SECOND]})
    assert "own keys do not open" in caught.value.why


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({FIRST: LOG[:140] + b"?" + LOG[141:]}, "does not fit its checksum"),
        ({FIRST: LOG[:-8]}, "cut off"),
        ({SECOND: continued(ENTRY, entry_of(7, ADDRESS))[:-16]}, "cut off"),
        ({SECOND: continued(ENTRY, entry_of(7, ADDRESS), LOG[:120])}, "does not fit its checksum"),
        ({KEY_FILE: KEY.replace("EiAZ4XNfoZ2Q", "EiAZ4XNfoZ2R").encode()}, "own keys do not open"),
        ({KEY_FILE: KEY.replace("raft-dek", "none").encode()}, "no readable key"),
        ({KEY_FILE: f"raft-dek: {LOCKED}\n".encode()}, "no readable key"),
        ({SNAPSHOT: snapshot_of((RAFT_ID, ADDRESS))[:-1] + b"?"}, "snapshot"),
    ],
)
def test_a_raft_that_cannot_be_read_is_refused_and_what_to_do_is_said(changes: dict[str, bytes], why: str) -> None:
    with pytest.raises(SwarmkitError, match="cannot be given another address") as caught:
        moved(changes)
    assert why in caught.value.why
    assert "swarmkit rebuild" in caught.value.to_do
