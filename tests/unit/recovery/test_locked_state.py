"""A locked manager's state, made readable without its unlock key."""

import base64
import io
import tarfile

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from fakes.locked_key import KEY, LOCKED

from swarmkit.errors import InputError
from swarmkit.recovery.locked_state import KEY_FILE, unlocked_key_file, unlocked_state
from swarmkit.secret import Secret


def state(key_file: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, text in (("swarm/docker-state.json", "{}"), (KEY_FILE, key_file)):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(text), 0o600
            tar.addfile(entry, io.BytesIO(text.encode()))
    return packed.getvalue()


def test_the_key_needs_no_password_and_the_raft_key_is_in_clear() -> None:
    opened = unlocked_key_file(LOCKED, KEY)
    begin, version, dek, empty, *body = opened.splitlines()
    assert version == "kek-version: 0"
    record = base64.b64decode(dek.removeprefix("raft-dek: "))
    assert (record[:2], len(record)) == (b"\x12\x20", 34)  # a data field of 32 bytes and no algorithm
    assert empty == ""
    load_pem_private_key("\n".join([begin, *body]).encode(), password=None)


def test_another_unlock_key_is_refused_and_none_is_told() -> None:
    with pytest.raises(InputError, match="does not open the state") as caught:
        unlocked_key_file(LOCKED, Secret(b"SWMKEY-1-" + b"A" * 43))
    assert "AAAA" not in str(caught.value)


def test_only_the_key_file_of_a_state_is_changed() -> None:
    opened = unlocked_state(state(LOCKED), KEY)
    with tarfile.open(fileobj=io.BytesIO(opened)) as tar:
        assert tar.getnames() == ["swarm/docker-state.json", KEY_FILE]
        assert tar.getmember(KEY_FILE).mode == 0o600
        content = tar.extractfile(KEY_FILE)
        assert content is not None
        assert content.read().decode() == unlocked_key_file(LOCKED, KEY)


def test_a_state_that_is_not_locked_stays_as_it_is() -> None:
    whole = state("-----BEGIN PRIVATE KEY-----\nkek-version: 0\n\nx\n-----END PRIVATE KEY-----\n")
    assert unlocked_state(whole, KEY) == whole
