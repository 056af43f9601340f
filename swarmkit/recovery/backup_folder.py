"""The folder that a backup goes to: what is wrong with it is told before any host is asked."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from swarmkit.errors import InputError
from swarmkit.finding import Finding
from swarmkit.recovery.kept_backups import backups_in

LEAST_FREE_BYTES = 32 * 1024 * 1024
"""A swarm's state alone, with the log and snapshots of a swarm that changes much."""
_MEGABYTE = 1_000_000


def check_folder(folder: Path) -> None:
    """Raise InputError where no backup can or should be written to."""
    if not folder.is_dir():
        raise InputError(f"no folder {folder} for the backup", to_do=f"make it: mkdir -m 700 {folder}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"the folder {folder} cannot be written to")
    if folder.stat().st_mode & 0o002:
        raise InputError(f"everybody may write into the folder {folder}", to_do=f"take another, or: chmod o-w {folder}")
    resolved = folder.resolve()
    if repository := next((up for up in (resolved, *resolved.parents) if (up / ".git").exists()), None):
        raise InputError(
            f"the folder {folder} is in the git repository {repository}",
            to_do="take another: a backup holds every secret of the swarm, and a commit of it cannot be taken back",
        )
    check_room(folder, LEAST_FREE_BYTES, "a backup")


def check_room(folder: Path, bytes_needed: int, what: str, to_do: str = "make room there, or take another") -> None:
    """Raise InputError where *folder* has not *bytes_needed* free for *what*."""
    free = shutil.disk_usage(folder).free
    if free < bytes_needed:
        raise InputError(f"the folder {folder} has {_told(free)} free, {what} needs {_told(bytes_needed)}", to_do=to_do)


def little_room(folder: Path, cluster: str) -> Iterator[Finding]:
    """Yield a warning where less is free than *cluster*'s newest backup took; how large this one is, nobody knows."""
    newest = next(iter(backups_in(folder, cluster)), None)
    free = shutil.disk_usage(folder).free
    if newest and free < (size := newest.stat().st_size):
        yield Finding(
            "B52", "warning", str(folder), f"it has {_told(free)} free, and {newest.name} took {_told(size)}",
            "a backup that does not fit leaves no file", "make room there, or take another folder",
        )  # fmt: skip


def _told(size: int) -> str:
    return f"{size / _MEGABYTE:.0f} MB" if size >= _MEGABYTE else f"{size / 1000:.0f} kB"
