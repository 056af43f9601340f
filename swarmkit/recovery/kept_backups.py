"""The backups in a folder: which there are, which are too many, and what a backup that was cut off has left there."""

from __future__ import annotations

import os
import re
from pathlib import Path

from swarmkit.errors import SwarmkitError
from swarmkit.recovery.archive_writer import SUFFIX

_BACKUP = rf"(?P<cluster>.+)-(?P<time>\d{{8}}T\d{{6}}Z){re.escape(SUFFIX)}"
_NAME = re.compile(_BACKUP)
_PART = re.compile(rf"\.{_BACKUP}\.(?P<process>\d{{1,9}})\.part")


def backups_in(folder: Path, cluster: str | None = None) -> list[Path]:
    """Return the backups in *folder*, of *cluster* or of all, the newest first."""
    found = [(_NAME.fullmatch(path.name), path) for path in folder.iterdir()]
    named = [(match["time"], path) for match, path in found if match and cluster in (None, match["cluster"])]
    return [path for _, path in sorted(named, reverse=True)]


def remove_old(made: Path, cluster: str, keep: int | None) -> tuple[Path, ...]:
    """Remove the oldest of *cluster*'s backups beside *made*, so that *keep* are left: *made*, and the newest others.

    Returns those removed. Raises SwarmkitError for one that stays.
    """
    others = [path for path in backups_in(made.parent, cluster) if path != made]
    old = others[keep - 1 :] if keep else []
    for path in old:
        try:
            path.unlink()
        except OSError as error:
            why = f"{path}: {error.strerror}"
            raise SwarmkitError(f"the backup {made} is made, an older one stays", why, "remove it by hand") from error
    return tuple(old)


def remove_parts(folder: Path, cluster: str) -> tuple[Path, ...]:
    """Remove from *folder* what backups of *cluster* that were killed have left, and return it.

    Called by the only one that may back *cluster* up. A part whose process lives stays all the same, as does another
    cluster's: in a folder that machines share, that one's process may be on another machine. One that cannot be
    removed is in nobody's way.
    """
    removed = []
    for path in unfinished_in(folder, cluster):
        try:
            path.unlink()
        except OSError:
            continue
        removed.append(path)
    return tuple(removed)


def unfinished_in(folder: Path, cluster: str | None = None) -> list[Path]:
    """Return the parts in *folder*, of *cluster* or of all, whose process does not live on this machine."""
    found = [(_PART.fullmatch(path.name), path) for path in sorted(folder.iterdir())]
    named = [(match, path) for match, path in found if match and cluster in (None, match["cluster"])]
    return [path for match, path in named if not _lives(int(match["process"]))]


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        # Another user's.
        return True
    return True
