"""What a backup is refused for, before anything is touched."""

import gzip
import io
import os
import stat
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.locked_key import KEY, LOCKED
from fakes.manager_state import packed_state
from fakes.quick_age import seal_quickly

from swarmkit.cli.rehearsing.drill import enclosed_inventory
from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.errors import InputError, SwarmkitError
from swarmkit.plan.data import taking
from swarmkit.plan.declaration import Declared
from swarmkit.plan.progress import Silent
from swarmkit.recovery import archive
from swarmkit.recovery.archive_writer import PIECE_BYTES, STATE, UNLOCK_KEY, writing
from swarmkit.recovery.kept_backups import backups_in
from swarmkit.recovery.keys import Opener, Sealer, opened_by_passphrase
from swarmkit.recovery.locked_state import KEY_FILE
from swarmkit.recovery.manifest import ImageEntry, Manifest, NodeEntry, VolumeEntry, key_id
from swarmkit.secret import Secret
from swarmkit.workflows.backup import backup
from swarmkit.workflows.restore import restore
from swarmkit.workflows.restore_scene import Agreed
from swarmkit.workflows.terms import Terms

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


def manifest_of(**changes: object) -> Manifest:
    manifest = Manifest(
        made_at="2026-11-24T10:00:00+00:00",
        cluster="prod",
        cluster_id="c1",
        host="A",
        node_id="n1",
        advertise_addr="10.88.0.11",
        engine_version="26.1.5",
        autolock=False,
        unlock_key_id="",
        stopped_seconds=4.0,
        nodes=(NodeEntry(name="A", id="n1", role="manager", address="10.88.0.11", labels={}),),
        services=(),
        volumes=(),
        images=(),
        files={},
    )
    return manifest.model_copy(update=changes)


def written(path: Path, sealer: Sealer, content: dict[str, bytes], **changes: object) -> Manifest:
    """Write an archive of *content* whose manifest is as true as *changes* leave it."""
    path.unlink(missing_ok=True)
    with writing(path, sealer) as writer:
        for name, data in content.items():
            writer.add(name, data)
        manifest = manifest_of(**{"files": dict(writer.files), **changes})
        writer.finish(manifest)
    return manifest


def refused(path: Path, opener: Opener) -> str:
    with pytest.raises(InputError) as caught:
        archive.read(path, opener)
    return str(caught.value)


VOLUME = VolumeEntry(
    name="shop_data",
    host="C",
    service="shop_database",
    file="volume.shop_data",
    kind="dump",
    restore=("psql",),
    dependents=("shop_backend",),
    driver="local",
    options={},
    labels={},
    taken_at="2026-11-24T10:00:00+00:00",
    interruption_seconds=0.0,
)


def test_what_was_written_is_read_back_and_only_its_owner_may_read_the_file(tmp_path: Path) -> None:
    sealer, opener = pair()
    key = Secret(b"SWMKEY-1-secret")
    files = {STATE: state(*GOOD), UNLOCK_KEY: key.reveal(), "inventory.yaml": b"all: {}", "empty": b""}
    path = tmp_path / "a.age"
    manifest = written(path, sealer, files, autolock=True, unlock_key_id=key_id(key))
    found = archive.read(path, opener)
    assert (found.manifest, found.small, found.unlock_key) == (manifest, files, key)
    assert path.stat().st_mode & 0o777 == 0o600
    assert b"SWMKEY" not in path.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["a.age"]


def test_a_passphrase_does_as_well_and_age_alone_opens_it(tmp_path: Path) -> None:
    import pyrage

    path = tmp_path / "a.age"
    manifest = written(path, Sealer(passphrase=Secret(b"one")), {STATE: state(*GOOD)})
    assert archive.read(path, Opener(passphrase=Secret(b"one"))).manifest == manifest
    block, _, rest = path.read_bytes().partition(b"-----END AGE ENCRYPTED FILE-----\n")
    # age's own, asked again where the machine was busy.
    identity = opened_by_passphrase(block + b"-----END AGE ENCRYPTED FILE-----\n", Secret(b"one")).decode()
    plain = pyrage.decrypt(rest, [pyrage.x25519.Identity.from_str(identity)])
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        assert tar.getnames() == [f"{STATE}.00001", "manifest.json"]


def test_what_another_passphrase_or_a_pair_cannot_open_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seal_quickly(monkeypatch)
    path = tmp_path / "a.age"
    manifest = written(path, Sealer(passphrase=Secret(b"one")), {STATE: state(*GOOD)})
    assert "cannot be opened" in refused(path, Opener(passphrase=Secret(b"two")))
    assert "give --passphrase-file" in refused(path, pair()[1])
    assert archive.read(path, Opener(passphrase=Secret(b"one"))).manifest == manifest


def test_a_file_larger_than_memory_shall_hold_goes_through_in_pieces(tmp_path: Path) -> None:
    sealer, opener = pair()
    path, data = tmp_path / "a.age", bytes(range(256)) * (PIECE_BYTES // 100)
    with writing(path, sealer) as writer:
        writer.add(STATE, state(*GOOD))
        with writer.adding(VOLUME.file) as put:
            for start in range(0, len(data), 100_000):
                put(data[start : start + 100_000])
        writer.finish(manifest_of(files=dict(writer.files), volumes=(VOLUME,)))
    found = archive.read(path, opener)
    assert VOLUME.file not in found.small
    assert b"".join(found.stream(VOLUME.file)) == data
    assert found.manifest.files[VOLUME.file].bytes == len(data) > 2 * PIECE_BYTES


def broken_off(path: Path) -> None:
    with writing(path, pair()[0]) as writer:
        writer.add(STATE, b"x" * 100_000)
        raise SwarmkitError("the dump broke off")


def test_nothing_is_left_of_a_backup_that_failed(tmp_path: Path) -> None:
    with pytest.raises(SwarmkitError, match="the dump broke off"):
        broken_off(tmp_path / "a.age")
    with pytest.raises(SwarmkitError, match="could not be written"):
        broken_off(tmp_path / "no" / "a.age")
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_file_is_never_written_over(tmp_path: Path) -> None:
    path, sealer = tmp_path / "a.age", pair()[0]
    path.write_text("mine")
    with pytest.raises(SwarmkitError, match="there is a file"), writing(path, sealer) as writer:
        writer.finish(manifest_of())
    assert path.read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["a.age"]


def test_a_changed_a_cut_off_and_a_foreign_file_are_refused(tmp_path: Path) -> None:
    sealer, opener = pair()
    path = tmp_path / "a.age"
    written(path, sealer, {STATE: state(*GOOD), "inventory.yaml": b"x" * 300_000})
    whole = path.read_bytes()
    for broken in (
        whole[:-20],
        whole[: len(whole) // 2],
        b"",
        whole[:300] + bytes([whole[300] ^ 1]) + whole[301:],
        whole[:-300] + bytes([whole[-300] ^ 1]) + whole[-299:],
        b"not a backup at all",
        state(*GOOD),
    ):
        path.write_bytes(broken)
        assert "cannot be opened" in refused(path, opener)
    path.write_bytes(whole)
    assert "cannot be opened" in refused(path, pair()[1])
    assert "no such file" in refused(tmp_path / "none.age", opener)
    assert "no regular file" in refused(tmp_path, opener)


def test_what_is_no_backup_at_all_is_told_as_that_whatever_key_is_given(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    for content in (b"", b"notes\n", bytes(range(256))):
        path.write_bytes(content)
        for opener in (pair()[1], Opener(passphrase=Secret(b"one"))):
            assert "it is no file of age" in refused(path, opener)
    assert refused(tmp_path, pair()[1]) == f"cannot read the backup {tmp_path}: it is no regular file"
    assert refused(tmp_path / "none", pair()[1]) == f"cannot read the backup {tmp_path}/none: no such file"


def test_a_backup_without_its_inventory_is_refused_for_a_twin(tmp_path: Path) -> None:
    sealer, opener = pair()
    written(tmp_path / "a.age", sealer, {STATE: state(*GOOD)})
    with pytest.raises(InputError, match="holds no inventory"):
        enclosed_inventory(archive.read(tmp_path / "a.age", opener), tmp_path)


def test_files_that_are_not_those_of_the_manifest_are_refused(tmp_path: Path) -> None:
    sealer, opener = pair()
    path, good = tmp_path / "a.age", {STATE: state(*GOOD)}
    true = written(path, sealer, good).files
    for files in ({}, {STATE: state(*GOOD, "swarm/more")}, {**good, "more": b"x"}):
        written(path, sealer, files, files=true)
        assert "not those of its manifest" in refused(path, opener)
    for changes, why in (
        ({"format": 1}, "its format is 1"),
        ({"autolock": True, "unlock_key_id": "0"}, "unlock key"),
        ({"volumes": (VOLUME,)}, "it lacks volume.shop_data"),
        ({"images": (ImageEntry(reference="a:1", file="image.1"),)}, "it lacks image.1"),
    ):
        written(path, sealer, good, **changes)
        assert why in refused(path, opener)


@pytest.mark.parametrize("name", ["../x.00001", "swarm.tar.gz", "swarm.tar.gz.00003", "a/b.00001"])
def test_an_archive_of_another_tool_is_refused(tmp_path: Path, name: str) -> None:
    sealer, opener = pair()
    with (tmp_path / "a.age").open("wb") as file, sealer.sealing(file) as sink:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            tar.addfile(tarfile.TarInfo(name), io.BytesIO())
        sink.write(packed.getvalue())
    assert "which no backup does" in refused(tmp_path / "a.age", opener)


@pytest.mark.parametrize("kind", [tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.LNKTYPE])
def test_named_pipes_and_device_nodes_are_a_volumes_own_as_links_are(tmp_path: Path, kind: bytes) -> None:
    """A mail spool has the first, the folder of an engine in a container the second."""

    def change(entry: tarfile.TarInfo) -> None:
        if entry.name == "./pickup":
            entry.type, entry.linkname, entry.size = kind, "./data", 0

    sealer, opener = pair()
    volume = VOLUME.model_copy(update={"kind": "files", "restore": ()})
    files = {STATE: state(*GOOD), VOLUME.file: gzip.decompress(state("./data", "./pickup", change=change))}
    written(tmp_path / "a.age", sealer, files, volumes=(volume,))
    assert archive.read(tmp_path / "a.age", opener).manifest.volumes == (volume,)


def test_a_volumes_files_that_would_leave_it_are_refused_and_its_links_are_not(tmp_path: Path) -> None:
    sealer, opener = pair()
    volume = VOLUME.model_copy(update={"kind": "files", "restore": ()})
    path = tmp_path / "a.age"
    for names, good in ((("./data", "./key"), True), (("../../etc/cron.d/x",), False), (("/etc/passwd",), False)):
        with gzip.open(io.BytesIO(state(*names, change=link))) as unpacked:
            files = {STATE: state(*GOOD), VOLUME.file: unpacked.read()}
        written(path, sealer, files, volumes=(volume,))
        if good:
            archive.read(path, opener)
        else:
            assert f"volume.shop_data in it holds {names[0]!r}" in refused(path, opener)


def test_files_with_holes_and_attributes_are_read_as_a_hosts_tar_packs_them(tmp_path: Path) -> None:
    """By extended headers: the name of a file with holes is in those, and its own header has another."""
    (tmp_path / "files").mkdir()
    for name in ("a-hole", "b", "c-hole", "d"):
        with (tmp_path / "files" / name).open("wb") as file:
            file.write(name.encode())
            if "hole" in name:
                file.truncate(30_000_000)
                file.seek(0, os.SEEK_END)
                file.write(b"end")
        os.setxattr(tmp_path / "files" / name, "user.note", b"kept")
    packed = subprocess.run(["sh", "-c", taking._TAR, "sh", tmp_path / "files"], capture_output=True, check=True).stdout
    assert len(packed) < 1_000_000
    sealer, opener = pair()
    volume = VOLUME.model_copy(update={"kind": "files", "restore": ()})
    written(tmp_path / "a.age", sealer, {STATE: state(*GOOD), VOLUME.file: packed}, volumes=(volume,))
    read = archive.read(tmp_path / "a.age", opener)
    with tarfile.open(fileobj=io.BytesIO(b"".join(read.stream(VOLUME.file)))) as tar:
        assert tar.getnames() == [".", "./a-hole", "./b", "./c-hole", "./d"]
    # A name that leads out of it, in such a header of the same length.
    outside = packed.replace(b"GNU.sparse.name=./c-hole", b"GNU.sparse.name=../../ex")
    assert outside != packed
    files = {STATE: state(*GOOD), VOLUME.file: outside}
    written(tmp_path / "b.age", sealer, files, volumes=(volume,))
    assert "in it holds '../../ex'" in refused(tmp_path / "b.age", opener)


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
    # An archive holds the time it was made: workers that collect side by side would find other names.
    ids=["above", "absolute", "elsewhere", "link", "lacking", "cut", "empty"],
)
def test_a_state_that_would_leave_its_folder_is_refused(tmp_path: Path, packed: bytes, why: str) -> None:
    sealer, opener = pair()
    written(tmp_path / "a.age", sealer, {STATE: packed})
    assert why in refused(tmp_path / "a.age", opener)


def test_keys_are_one_or_the_other_and_told_before_anything_else(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"give --passphrase-file or --recipient$"):
        Sealer()
    with pytest.raises(InputError, match=r"give --passphrase-file or --identity$"):
        Opener()
    with pytest.raises(InputError, match="is no age recipient"):
        Sealer(recipients=["age1nonsense"])
    with pytest.raises(InputError, match="--passphrase-file or --identity, not both"):
        Opener(Secret(b"a"), Secret(b"b"))
    written(tmp_path / "a.age", pair()[0], {STATE: state(*GOOD)})
    said = refused(tmp_path / "a.age", Opener(identity=Secret(b"AGE-SECRET-KEY-1NONSENSE")))
    assert "holds no age identity" in said
    assert "NONSENSE" not in said


def test_backups_are_listed_by_age_and_never_another_clusters(tmp_path: Path) -> None:
    for name in ("shop-20260101T000000Z", "shop-20261101T000000Z", "shop-eu-20260601T000000Z", "notes"):
        (tmp_path / f"{name}.swarmkit.age").touch()
    assert [path.name.split(".")[0] for path in backups_in(tmp_path, "shop")] == [
        "shop-20261101T000000Z",
        "shop-20260101T000000Z",
    ]
    assert len(backups_in(tmp_path)) == 3


INVENTORY = Inventory(Path("i.yaml"), "test", (Host("A", "192.0.2.1", "manager"),))
"""Of another cluster than the backups here, on a host that nobody may ask."""


def test_a_backup_of_another_cluster_is_refused_before_any_host_is_asked(tmp_path: Path) -> None:
    sealer, opener = pair()
    written(tmp_path / "a.age", sealer, {STATE: state(*GOOD)})
    content = archive.read(tmp_path / "a.age", opener)
    with pytest.raises(InputError, match="is of cluster 'prod', the inventory says 'test'"):
        restore(INVENTORY, content, Agreed(), Terms(Silent(), lambda _: True))


def test_a_folder_that_a_backup_may_be_committed_from_or_everybody_may_write_to_is_refused(tmp_path: Path) -> None:
    repository, open_to_all = tmp_path / "code", tmp_path / "open"
    (repository / ".git").mkdir(parents=True)
    (repository / "backups").mkdir()
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    for folder, why in (
        (repository / "backups", f"is in the git repository {repository}"),
        (open_to_all, "everybody may write"),
        (tmp_path / "none", "no folder"),
    ):
        with pytest.raises(InputError, match=why):
            backup(
                Declared(INVENTORY), Terms(Silent(), lambda _: True), enclosed={}, folder=folder, sealer=pair()[0],
                keep=None, with_images=False,
            )  # fmt: skip


def test_a_backup_has_its_name_on_the_disk_before_an_older_one_goes_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut right after it would leave its part alone, and the next backup removes that."""
    synced: list[tuple[bool, list[str]]] = []

    def noted(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        synced.append((is_folder, [path.suffix for path in tmp_path.iterdir()]))

    monkeypatch.setattr("swarmkit.recovery.archive_writer.os.fsync", noted)
    written(tmp_path / "a.age", pair()[0], {STATE: state(*GOOD)})
    assert synced == [(False, [".part"]), (True, [".age"])]


def test_a_locked_state_that_its_key_does_not_open_is_not_verified(tmp_path: Path) -> None:
    """Its data can be used all the same, by a rebuild: it is read."""
    sealer, opener = pair()
    key_file = (KEY_FILE, LOCKED.encode())

    def verified(key: Secret) -> None:
        files = {STATE: packed_state(dict([*((name, b"{}") for name in GOOD), key_file])), UNLOCK_KEY: key.reveal()}
        written(tmp_path / "a.age", sealer, files, autolock=True, unlock_key_id=key_id(key))
        archive.check_lock(archive.read(tmp_path / "a.age", opener))

    verified(KEY)
    with pytest.raises(InputError, match="the unlock key does not open the state"):
        verified(Secret(b"SWMKEY-1-" + b"A" * 43))
