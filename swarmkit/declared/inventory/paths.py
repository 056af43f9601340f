"""Paths of an inventory (``~`` and ``${VAR:-default}`` expanded), key files and host keys."""

from __future__ import annotations

import base64
import binascii
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from swarmkit.declared.documents.complaints import shown
from swarmkit.declared.documents.field import Field
from swarmkit.declared.inventory.addresses import refuse_template

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^{}$]*))?\}|\$([A-Za-z_][A-Za-z0-9_]*)")
_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}=?")
_KEY_TYPES = ("ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521")


def read_path(field: Field, folder: Path, environment: Mapping[str, str] = os.environ) -> Path | None:
    """Return the path, relative ones as seen from *folder*, the inventory's own."""
    text = field.text("B20")
    if text is None:
        return None
    if "{{" in text:
        refuse_template(field)
        return None
    missing = [name for found in _VARIABLE.finditer(text) if not (name := _value(found, environment))]
    if missing:
        unset = _VARIABLE.search(text)
        field.refuse("B20", f"{shown(text)}: the variable is not set", "write ${NAME:-default}" if unset else "")
        return None
    expanded = _VARIABLE.sub(lambda found: _value(found, environment), text)
    path = _home(expanded, environment)
    if path is None:
        field.refuse("B20", f"{shown(text)}: no such home folder")
        return None
    return path if path.is_absolute() else folder.absolute() / path


def _value(found: re.Match[str], environment: Mapping[str, str]) -> str:
    return environment.get(found[1] or found[3], "") or found[2] or ""


def _home(text: str, environment: Mapping[str, str]) -> Path | None:
    if text == "~" or text.startswith("~/"):
        return Path(environment.get("HOME") or Path.home()) / text[2:]
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return None


def check_key_file(field: Field, path: Path) -> None:
    """Complain about a private key that SSH would refuse or that is not one; passphrases are the agent's business."""
    try:
        mode = path.stat().st_mode
        head = path.open("rb").read(200) if stat.S_ISREG(mode) else b""
    except (OSError, ValueError) as error:
        why = (getattr(error, "strerror", None) or "not a path").lower()
        field.refuse("B20", f"cannot read key file {shown(path)}: {why}")
        return
    if not stat.S_ISREG(mode):
        field.refuse("B20", f"key file {shown(path)} is not a file")
    elif head.startswith((b"ssh-", b"ecdsa-", b"sk-", b"---- BEGIN SSH2 PUBLIC")):
        field.refuse("B20", f"{shown(path)} is a public key", "name the private key (without .pub)")
    elif b"PRIVATE KEY" not in head:
        field.refuse("B20", f"{shown(path)} is not a private key")
    elif mode & 0o077:
        field.refuse("B20", f"key file {shown(path)} is readable by others", f"chmod 600 {shown(path)[1:-1]}")


def read_host_key(field: Field) -> str | None:
    """Return a ``SHA256:`` fingerprint or a public key line; MD5 and cut-off ones are refused."""
    text = (field.text("B22") or "").strip()
    if not text:
        return None
    if _FINGERPRINT.fullmatch(text):
        return text.rstrip("=")
    words = text.split()
    if len(words) >= 2 and words[0] in _KEY_TYPES and _is_key_blob(words[1], words[0]):
        return f"{words[0]} {words[1]}"
    to_do = "write SHA256:... as ssh-keygen -lf shows it, or the whole line of the .pub file"
    field.refuse("B22", f"{shown(text)} is not a host key", to_do)
    return None


def _is_key_blob(text: str, key_type: str) -> bool:
    try:
        blob = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return blob[4 : 4 + len(key_type)] == key_type.encode() and len(blob) > len(key_type) + 32
