import datetime
from pathlib import Path

import pyrage
import pytest
from fakes.quick_age import seal_quickly

from swarmkit.errors import InputError
from swarmkit.recovery.key_store import KeyStore, opened, sealed
from swarmkit.recovery.keys import Opener, Sealer
from swarmkit.secret import Secret

PASSPHRASE = Secret(b"correct horse battery staple")
PAIR = pyrage.x25519.Identity.generate()
KEY = Secret(b"SWMKEY-1-canary")
SEALER, OPENER = Sealer(recipients=[str(PAIR.to_public())]), Opener(identity=Secret(f"# mine\n{PAIR}\n".encode()))


@pytest.fixture(scope="module")
def sealed_by_passphrase() -> bytes:
    with pytest.MonkeyPatch.context() as monkeypatch:
        seal_quickly(monkeypatch)
        return sealed(Sealer(PASSPHRASE), KEY)


def test_a_key_is_sealed_and_opened_by_passphrase_and_by_key_pair(tmp_path: Path, sealed_by_passphrase: bytes) -> None:
    for content, opener in ((sealed_by_passphrase, Opener(PASSPHRASE)), (sealed(SEALER, KEY), OPENER)):
        path = tmp_path / "key"
        path.write_bytes(content)
        assert b"canary" not in path.read_bytes()
        assert opened(opener, path) == KEY


def test_the_clusters_own_keys_are_found_the_newest_first(tmp_path: Path) -> None:
    store = KeyStore(tmp_path, "prod")
    for cluster, day in (("prod", 1), ("prod", 3), ("prod-two", 4), ("prod", 2)):
        now = datetime.datetime(2026, 11, day, tzinfo=datetime.UTC)
        path = KeyStore(tmp_path, cluster).new_path(now)
        path.write_bytes(sealed(SEALER, Secret(f"SWMKEY-1-{cluster}-{day}".encode())))
    assert [key.text() for key in store.keys(OPENER)] == [f"SWMKEY-1-prod-{day}" for day in (3, 2, 1)]


def test_a_file_that_a_killed_run_left_empty_hides_no_older_key(tmp_path: Path) -> None:
    store = KeyStore(tmp_path, "prod")
    newest = store.new_path(datetime.datetime(2026, 11, 2, tzinfo=datetime.UTC))
    newest.touch()
    with pytest.raises(InputError, match="no unlock key") as told:
        store.keys(OPENER)
    assert "swarmkit autolock on --store" in str(told.value)
    older = store.new_path(datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC))
    older.write_bytes(sealed(SEALER, Secret(b"SWMKEY-1-older")))
    assert [key.text() for key in store.keys(OPENER)] == ["SWMKEY-1-older"]
    assert store.unfinished() == (newest,)


@pytest.mark.parametrize("readable", [1, 2])
def test_a_key_that_was_sealed_for_another_hides_none_of_the_others(
    tmp_path: Path, readable: int, sealed_by_passphrase: bytes
) -> None:
    store = KeyStore(tmp_path, "prod")
    for day in (1, 2):
        path = store.new_path(datetime.datetime(2026, 11, day, tzinfo=datetime.UTC))
        readable_one = sealed(SEALER, Secret(f"SWMKEY-1-{day}".encode()))
        path.write_bytes(readable_one if day == readable else sealed_by_passphrase)
    assert [key.text() for key in store.keys(OPENER)] == [f"SWMKEY-1-{readable}"]


def test_what_cannot_be_opened_or_is_not_there_is_told(tmp_path: Path) -> None:
    store = KeyStore(tmp_path, "prod")
    with pytest.raises(InputError, match="no unlock key of cluster prod"):
        store.keys(OPENER)
    with pytest.raises(InputError, match="no folder"):
        KeyStore(tmp_path / "none", "prod").new_path(datetime.datetime.now(tz=datetime.UTC))
    with pytest.raises(InputError, match="none, the store of unlock keys, is no folder"):
        KeyStore(tmp_path / "none", "prod").keys(OPENER)
    path = store.new_path(datetime.datetime.now(tz=datetime.UTC))
    path.write_bytes(sealed(SEALER, Secret(b"SWMKEY-1-x")))
    with pytest.raises(InputError, match="cannot be opened"):
        store.keys(Opener(identity=Secret(str(pyrage.x25519.Identity.generate()).encode())))
