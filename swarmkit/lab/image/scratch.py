"""Where an image is built: a folder that is gone afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from swarmkit.lab.image import debian

_WORK_BYTES = 4 << 30


@contextmanager
def scratch(cache: Path) -> Iterator[Path]:
    """Yield a folder for the tree: in memory when there is room, there the build is twice as fast."""
    memory = Path("/dev/shm")  # noqa: S108 - a private folder is made in it
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2 * _WORK_BYTES
    work = Path(tempfile.mkdtemp(prefix="swarmkit-lab-build-", dir=memory if roomy else cache))
    # Without root the tree belongs to other user ids than this folder.
    work.chmod(0o755 if os.geteuid() == 0 else 0o777)
    try:
        yield work
    finally:
        # A build killed half-way may leave the machine's /dev or /proc mounted in the tree: stay out of them. What is
        # this user's own, the user ids of a tree may not remove.
        me = os.geteuid()
        of_trees = [str(entry) for entry in work.iterdir() if me == 0 or entry.stat().st_uid != me]
        subprocess.run(debian.as_tree_owner(["rm", "-rf", "--one-file-system", *of_trees]), check=False)
        shutil.rmtree(work, ignore_errors=True)
