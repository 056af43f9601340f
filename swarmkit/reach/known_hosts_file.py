"""Writing known_hosts files: all at once or not at all, and what is not ours to change stays as it is."""

from __future__ import annotations

import base64
import contextlib
import os
import tempfile
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import paramiko

from swarmkit.errors import SwarmkitError


@dataclass(frozen=True)
class KeyLine:
    """A line to write: *lookup* is the name OpenSSH looks the host up by."""

    lookup: str
    key_type: str
    key: bytes

    def __str__(self) -> str:
        return f"{self.lookup} {self.key_type} {base64.b64encode(self.key).decode()}"


def record_keys(path: Path, additions: Iterable[KeyLine], *, replacing: Collection[str] = ()) -> None:
    """Append *additions* to *path*, atomically and with mode 0600; the rest of the file stays, byte for byte.

    Of the names in *replacing* the lines are removed first that hold exactly this name (or its hash); patterns and
    lines with a marker stay. Raises SwarmkitError when the file cannot be written.
    """
    path = Path(os.path.realpath(path))
    try:
        old = path.read_bytes() if path.exists() else b""
        kept = b"".join(_without(line, replacing) for line in old.splitlines(keepends=True))
        if kept and not kept.endswith(b"\n"):
            kept += b"\n"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _replace(path, kept + "".join(f"{addition}\n" for addition in additions).encode())
    except OSError as error:
        raise SwarmkitError(f"cannot write known_hosts file {path}", str(error.strerror or error)) from error


def _without(line: bytes, names: Collection[str]) -> bytes:
    """Return *line* without *names* among its hosts; nothing, when no host is left."""
    words = line.split(maxsplit=1)
    if len(words) < 2 or line[:1] in b"#@" or line[:1].isspace():
        return line
    patterns = words[0].decode(errors="surrogateescape").split(",")
    left = [pattern for pattern in patterns if not any(_is(pattern, name) for name in names)]
    if len(left) == len(patterns):
        return line
    return ",".join(left).encode(errors="surrogateescape") + line[len(words[0]) :] if left else b""


def _is(pattern: str, name: str) -> bool:
    if pattern.startswith("|1|"):
        with contextlib.suppress(ValueError, AssertionError):
            return bool(paramiko.HostKeys.hash_host(name, pattern) == pattern)
        return False
    return pattern == name


def _replace(path: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=".known_hosts-", dir=path.parent)  # made with mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
