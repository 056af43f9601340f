"""The files of secrets and configs: read once, held as Secret, measured against what the engine takes."""

from __future__ import annotations

import stat
from pathlib import Path

from swarmkit.declared.documents.complaints import shown
from swarmkit.declared.documents.field import Field
from swarmkit.secret import Secret

# Less than this (moby/swarmkit controlapi/secret.go MaxSecretSize, config.go MaxConfigSize).
MAXIMUM_SIZE = {"secret": 500 * 1024, "config": 1000 * 1024}


def read_content(field: Field, folder: Path, *, what: str) -> Secret | None:
    """Return the file's bytes, or None after a complaint; a relative path is seen from *folder*."""
    text = field.text("B39")
    if text is None:
        return None
    path = folder / text
    field.log.named.append(path)
    try:
        mode = path.stat().st_mode
        content = path.open("rb").read(MAXIMUM_SIZE[what] + 1) if stat.S_ISREG(mode) else None
    except (OSError, ValueError) as error:
        why = (getattr(error, "strerror", None) or "not a path").lower()
        field.refuse("B39", f"cannot read {what} file {shown(path)}: {why}")
        return None
    if content is None:
        field.refuse("B39", f"{what} file {shown(path)} is not a file")
    elif not content:
        field.refuse("B39", f"{what} file {shown(path)} is empty", "the engine takes no empty one")
    elif not is_too_large(field, content, f"{what} file {shown(path)}", what=what):
        if what == "secret":
            _warn(field, path, content, mode)
        return Secret(content)
    return None


def is_too_large(field: Field, content: bytes, subject: str, *, what: str) -> bool:
    """Tell whether the engine would refuse *content* for its size, after a complaint."""
    if len(content) < MAXIMUM_SIZE[what]:
        return False
    limit = f"less than {MAXIMUM_SIZE[what] // 1024} KiB"
    field.refuse("B39", f"{subject} is too large", f"the engine takes {limit}")
    return True


def _warn(field: Field, path: Path, content: bytes, mode: int) -> None:
    if mode & 0o004:
        field.warn("B39", f"secret file {shown(path)} is readable by everybody", "chmod 600")
    if b"\r\n" in content:
        field.warn("B39", f"secret file {shown(path)} has Windows line ends, which become part of the secret")
    elif content.endswith(b"\n") and content.count(b"\n") == 1:
        field.warn("B39", f"secret file {shown(path)} ends with a newline, which becomes part of the secret")
