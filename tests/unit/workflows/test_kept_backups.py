"""Which backups `--keep N` removes, of files as they lie in a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from swarmkit.errors import SwarmkitError
from swarmkit.workflows.backup import remove_old

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
