"""What a backup is refused for, before anything is touched."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from swarmkit.errors import InputError
from swarmkit.recovery import archive
from swarmkit.recovery.archive import STATE, UNLOCK_KEY, Archive, Manifest
from swarmkit.recovery.keys import Opener, Sealer
from swarmkit.secret import Secret
from swarmkit.workflows.backup import backups_in

GOOD = ("swarm/docker-state.json", "swarm/certificates/swarm-node.crt")


def pair() -> tuple[Sealer, Opener]:
    from pyrage import x25519

    identity = x25519.Identity.generate()
    return Sealer(recipients=[str(identity.to_public())]), Opener(identity=Secret(str(identity).encode()))


def state(*names: str, change: Callable[[tarfile.TarInfo], None] = lambda _: None) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name in names:
            entry = tarfile.TarInfo(name)
            entry.size = 2
            change(entry)
            tar.addfile(entry, io.BytesIO(b"{}"))
    return packed.getvalue()


def made(files: dict[str, bytes], **changes: object) -> Archive:
    manifest = Manifest(
        made_at="2026-11-24T10:00:00+00:00",
        cluster="prod",
        cluster_id="c1",
        host="A",
        node_id="n1",
        advertise_addr="10.88.0.11",
        engine_version="26.1.5",
        autolock=False,
        nodes=("A",),
        services=(),
        files=archive.entries(files),
    )
    return Archive(manifest.model_copy(update=changes), files)


def refused(path: Path, opener: Opener) -> str:
    with pytest.raises(InputError) as caught:
        archive.read(path, opener)
    return str(caught.value)


def test_what_was_written_is_read_back_and_only_its_owner_may_read_the_file(tmp_path: Path) -> None:
    sealer, opener = pair()
    content = made({STATE: state(*GOOD), UNLOCK_KEY: b"SWMKEY-1-secret", "inventory.yaml": b"all: {}"})
    size = archive.write(tmp_path / "a.age", content, sealer)
    assert archive.read(tmp_path / "a.age", opener) == content
    assert (tmp_path / "a.age").stat().st_mode & 0o777 == 0o600
    sealed = (tmp_path / "a.age").read_bytes()
    assert len(sealed) == size
    assert b"SWMKEY" not in sealed
    assert [path.name for path in tmp_path.iterdir()] == ["a.age"]


def test_a_passphrase_does_as_well(tmp_path: Path) -> None:
    content = made({STATE: state(*GOOD)})
    archive.write(tmp_path / "a.age", content, Sealer(passphrase=Secret(b"one")))
    assert archive.read(tmp_path / "a.age", Opener(passphrase=Secret(b"one"))) == content
    assert "cannot be opened" in refused(tmp_path / "a.age", Opener(passphrase=Secret(b"two")))


def test_a_changed_a_cut_off_and_a_foreign_file_are_refused(tmp_path: Path) -> None:
    sealer, opener = pair()
    path = tmp_path / "a.age"
    archive.write(path, made({STATE: state(*GOOD)}), sealer)
    whole = path.read_bytes()
    for broken in (
        whole[:-20],
        whole[: len(whole) // 2],
        b"",
        whole[:300] + bytes([whole[300] ^ 1]) + whole[301:],
        b"not a backup at all",
    ):
        path.write_bytes(broken)
        assert "cannot be opened" in refused(path, opener)
    path.write_bytes(whole)
    assert "cannot be opened" in refused(path, pair()[1])
    assert "cannot read" in refused(tmp_path / "none.age", opener)


def test_files_that_are_not_those_of_the_manifest_are_refused(tmp_path: Path) -> None:
    sealer, opener = pair()
    good = made({STATE: state(*GOOD)})
    for files in ({}, {STATE: state(*GOOD) + b"x"}, {STATE: good.files[STATE], "more": b"x"}):
        archive.write(tmp_path / "a.age", Archive(good.manifest, files), sealer)
        assert "not those of its manifest" in refused(tmp_path / "a.age", opener)
    archive.write(tmp_path / "a.age", made(dict(good.files), format=2), sealer)
    assert "its format is 2" in refused(tmp_path / "a.age", opener)


def link(entry: tarfile.TarInfo) -> None:
    if entry.name.endswith("key"):
        entry.type, entry.linkname, entry.size = tarfile.SYMTYPE, "/etc/shadow", 0


@pytest.mark.parametrize(
    ("packed", "why"),
    [
        (state(*GOOD, "swarm/../../etc/cron.d/x"), "'swarm/../../etc/cron.d/x'"),
        (state(*GOOD, "/etc/passwd"), "'/etc/passwd'"),
        (state(*GOOD, "other/file"), "'other/file'"),
        (state(*GOOD, "swarm/key", change=link), "'swarm/key'"),
        (state(GOOD[0]), "lacks swarm/certificates/swarm-node.crt"),
        (state(*GOOD)[:-30], "cannot be unpacked"),
        (b"", "cannot be unpacked"),
    ],
)
def test_a_state_that_would_leave_its_folder_is_refused(tmp_path: Path, packed: bytes, why: str) -> None:
    sealer, opener = pair()
    archive.write(tmp_path / "a.age", made({STATE: packed}), sealer)
    assert why in refused(tmp_path / "a.age", opener)


def test_keys_are_one_or_the_other_and_told_before_anything_else() -> None:
    with pytest.raises(InputError, match="a backup is encrypted"):
        Sealer()
    with pytest.raises(InputError, match="is no age recipient"):
        Sealer(recipients=["age1nonsense"])
    with pytest.raises(InputError, match="give --passphrase-file or --identity"):
        Opener(Secret(b"a"), Secret(b"b"))
    with pytest.raises(InputError, match="holds no age identity") as caught:
        Opener(identity=Secret(b"AGE-SECRET-KEY-1NONSENSE")).open(b"", Path("a.age"))
    assert "NONSENSE" not in str(caught.value)


def test_backups_are_listed_by_age_and_never_another_clusters(tmp_path: Path) -> None:
    for name in ("shop-20260101T000000Z", "shop-20261101T000000Z", "shop-eu-20260601T000000Z", "notes"):
        (tmp_path / f"{name}.swarmkit.age").touch()
    assert [path.name.split(".")[0] for path in backups_in(tmp_path, "shop")] == [
        "shop-20261101T000000Z",
        "shop-20260101T000000Z",
    ]
    assert len(backups_in(tmp_path)) == 3
