"""What a backup removes beside it: older backups by `--keep N`, and what backups that were killed have left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from swarmkit.cli.backup import ls
from swarmkit.errors import SwarmkitError
from swarmkit.recovery.archive_writer import STATE
from swarmkit.recovery.kept_backups import remove_old, remove_parts

FOREIGN = (
    "shop-eu-20250101T000000Z.swarmkit.age",
    "eu-shop-20250101T000000Z.swarmkit.age",
    "shop-20250101T000000Z.swarmkit.age.old",
    ".shop-20250101T000000Z.swarmkit.age.77.part",
    "shop-20250101.swarmkit.age",
    "notes.txt",
)
"""Names that are another cluster's, or no backup's."""


def name(month: int) -> str:
    return f"shop-2026{month:02}01T000000Z.swarmkit.age"


def folder_of(folder: Path, months: range) -> set[str]:
    """Fill *folder* with a backup of the shop for each of *months*, and with what is none; return all names."""
    names = {*map(name, months), *FOREIGN}
    for one in names:
        (folder / one).write_text(one)
    return names


@pytest.mark.parametrize(("keep", "gone"), [(1, [4, 3, 2, 1]), (2, [3, 2, 1]), (4, [1]), (5, []), (9, []), (None, [])])
def test_the_oldest_of_the_cluster_go_and_nothing_else(tmp_path: Path, keep: int | None, gone: list[int]) -> None:
    names = folder_of(tmp_path, range(1, 6))
    removed = remove_old(tmp_path / name(5), "shop", keep)
    assert [path.name for path in removed] == [name(month) for month in gone]
    assert {path.name for path in tmp_path.iterdir()} == names - {name(month) for month in gone}
    assert all(path.read_text() == path.name for path in tmp_path.iterdir())


def test_a_backup_is_not_removed_by_its_own_run_though_others_are_dated_after_it(tmp_path: Path) -> None:
    folder_of(tmp_path, range(1, 6))
    removed = remove_old(tmp_path / name(2), "shop", 2)
    assert [path.name for path in removed] == [name(4), name(3), name(1)]
    assert {path.name for path in tmp_path.iterdir()} == {name(2), name(5), *FOREIGN}


def test_one_that_cannot_be_removed_is_named_with_the_backup_that_is_made(tmp_path: Path) -> None:
    (tmp_path / name(1)).mkdir()
    (tmp_path / name(2)).touch()
    with pytest.raises(SwarmkitError) as told:
        remove_old(tmp_path / name(2), "shop", 1)
    assert told.value.what == f"the backup {tmp_path / name(2)} is made, an older one stays"
    assert told.value.why.startswith(f"{tmp_path / name(1)}: ")
    assert (tmp_path / name(2)).exists()


WRITING = f"""
import sys
from pathlib import Path
from pyrage import x25519
from swarmkit.recovery.archive_writer import writing
from swarmkit.recovery.keys import Sealer
with writing(Path(sys.argv[1]), Sealer(recipients=[str(x25519.Identity.generate().to_public())])) as writer:
    writer.add({STATE!r}, b"x" * 100_000)
    print("writes", flush=True)
    sys.stdin.read()
"""


def backing_up(path: Path) -> subprocess.Popen[str]:
    """Return a process that is in the middle of writing the backup *path*."""
    command = [sys.executable, "-c", WRITING, str(path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "writes\n"
    return process


def test_the_part_of_a_backup_that_was_killed_goes_and_that_of_one_at_work_stays(tmp_path: Path) -> None:
    killed, at_work = backing_up(tmp_path / name(1)), backing_up(tmp_path / name(2))
    killed.kill()
    killed.communicate()
    part, other = (tmp_path / f".{name(month)}.{one.pid}.part" for month, one in ((1, killed), (2, at_work)))
    assert {*tmp_path.iterdir()} == {part, other}
    listed = CliRunner().invoke(ls, [str(tmp_path)])
    assert listed.stderr.startswith(f"no backup in {tmp_path}\n{part}  ")
    assert "unfinished" in listed.stderr
    assert str(other) not in listed.stderr
    assert remove_parts(tmp_path, "shop") == (part,)
    assert {*tmp_path.iterdir()} == {other}
    at_work.communicate("")
    assert {*tmp_path.iterdir()} == {tmp_path / name(2)}


def test_a_part_of_another_cluster_and_what_is_no_part_stay(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    stays = {
        f".eu-{name(1)}.{ended.pid}.part",
        f"{name(1)}.{ended.pid}.part",
        f".{name(1)}.part",
        f".{name(1)}.{ended.pid}.part.old",
        f".{name(1)}.{os.getpid()}.part",
        f".{name(1)}.1.part",
        name(1),
    }
    for one in (*stays, f".{name(2)}.{ended.pid}.part"):
        (tmp_path / one).touch()
    assert [path.name for path in remove_parts(tmp_path, "shop")] == [f".{name(2)}.{ended.pid}.part"]
    assert {path.name for path in tmp_path.iterdir()} == stays


def test_a_part_that_cannot_be_removed_stops_no_backup(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (tmp_path / f".{name(1)}.{ended.pid}.part").mkdir()
    assert remove_parts(tmp_path, "shop") == ()
