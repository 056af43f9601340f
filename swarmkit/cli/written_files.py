"""The files that a command writes on request, beside what it prints."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import click

from swarmkit.report.whole_file import PRIVATE, write_whole


class WrittenFiles:
    """Files by option, as ``--html``; refused before the work where they cannot be written, or would go over another.

    *files* are those that were asked for, or None; *read* what the same command reads. Raises click.UsageError with
    all complaints.
    """

    def __init__(self, files: Mapping[str, Path | None], *, read: Iterable[Path]) -> None:
        self._files = {option: path for option, path in files.items() if path is not None}
        self._failed: set[str] = set()
        taken = {_target(path): f"the command reads {path}" for path in read}
        complaints: list[str] = []
        for option, path in self._files.items():
            why = taken.get(_target(path)) or _why_not(path)
            if why:
                complaints.append(f"{option}: {why}")
            taken[_target(path)] = f"{option} writes {path}"
        _raise_if_any(complaints)

    def keep(self, read: Iterable[Path]) -> None:
        """Refuse them where they would go over what the command, as it turned out, reads as well."""
        taken = {_target(path): path for path in read}
        options = {option: taken.get(_target(path)) for option, path in self._files.items()}
        _raise_if_any([f"{option}: the command reads {path}" for option, path in options.items() if path])

    def path(self, option: str) -> Path | None:
        return self._files.get(option)

    def write(self, option: str, text: str, *, mode: int = PRIVATE) -> None:
        """Write *text* to the option's file, whole or not at all; where that fails, say so and go on."""
        path = self._files[option]
        try:
            write_whole(_target(path), text, mode=mode)
        except OSError as error:
            self._failed.add(option)
            click.echo(f"error: {option} {path} is not written: {error.strerror}", err=True)
        else:
            self._failed.discard(option)

    @property
    def are_written(self) -> bool:
        """Tell whether each file holds what it was given last."""
        return not self._failed


def _raise_if_any(complaints: Sequence[str]) -> None:
    if complaints:
        raise click.UsageError("; ".join(complaints))


def _target(path: Path) -> Path:
    """Return what *path* leads to; unlike Path.resolve it takes a loop of links, which opening it then refuses."""
    return Path(os.path.realpath(path))


def _why_not(path: Path) -> str:
    """Say why *path* cannot be written, by making a file without a name in its folder; empty where it can."""
    if path.name in ("", "-"):
        return f"{str(path)!r} is not a file's name"
    target = _target(path)
    try:
        if not stat.S_ISREG(target.stat().st_mode):
            # It would be replaced, not written to: /dev/null too.
            return f"{path} is not an ordinary file"
    except (FileNotFoundError, NotADirectoryError):
        if not target.parent.is_dir():
            return f"there is no folder {target.parent}"
    except OSError as error:
        return f"{path} cannot be written: {error.strerror}"
    try:
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}."):
            return ""
    except OSError as error:
        return f"no file can be made in {target.parent}: {error.strerror}"
