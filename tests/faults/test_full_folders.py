"""The folder that a backup is written to gets full: no archive, nothing stands still, and the next one is whole."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from faults.invariants import check, record
from faults.world import World, where_backups_go, witness
from lab.shop_lab import ROOT

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1800), pytest.mark.nightly]
Note = dict[str, object]
_APART = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
# More than what a backup asks for beforehand, less than the images take.
_IN_LITTLE_ROOM = """
mount -t tmpfs -o size=40m,mode=0700 none "$1" || exit
folder=$1; shift
"$@"; code=$?
echo "left there: $(ls -A "$folder")" >&2
exit $code
"""


def test_f15_a_backup_whose_folder_gets_full_leaves_no_file_and_nothing_that_stands(
    shop: World, tmp_path: Path, note: Note
) -> None:
    before = record(shop)
    backups, opened = where_backups_go(tmp_path)
    take = ("backup", "--yes", *shop.declared, "-o", str(backups), *opened)
    with witness("f15b", tmp_path) as seen:
        command = [sys.executable, "-m", "swarmkit", *take, "--with-images"]
        full = subprocess.run(
            [*_APART, "sh", "-c", _IN_LITTLE_ROOM, "sh", str(backups), *command], env=shop.environment, cwd=ROOT,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=900, check=False,
        )  # fmt: skip
        *said, left = full.stderr.rstrip("\n").split("\n")
        shop.runs.append(subprocess.CompletedProcess(take, full.returncode, full.stdout, "\n".join(said)))
        assert full.returncode == 1, full.stdout + full.stderr
        assert "No space left on device" in full.stderr
        assert left == "left there: "

        began = time.time()
        again = shop.swarmkit(*take)
        assert again.returncode == 0, again.stdout + again.stderr
        (archive,) = map(str, backups.iterdir())
        assert shop.swarmkit("backup", "verify", archive, *opened).returncode == 0
        seen.wait_for_order()
        seconds = round(time.time() - began, 1)
        check(shop, before, seen)
    note |= {"fault": "F15B", "recovered": seconds, "silence": seen.longest_silence()}
