"""Host keys: known_hosts files as OpenSSH writes them, and the policy that refuses everything else.

Parsed here and not by paramiko, whose reader stops at a ``@revoked`` or ``@cert-authority`` line and at a key type it
does not know (HAZARDS S03).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import paramiko

from swarmkit.errors import UnreachableError


@dataclass(frozen=True)
class KnownHost:
    """One line of a known_hosts file."""

    patterns: tuple[str, ...]
    key_type: str
    key: bytes
    place: str
    revoked: bool = False

    def matches(self, lookup: str) -> bool:
        """Tell whether the line speaks of *lookup* (``host`` or ``[host]:port``); ``!`` patterns exclude."""
        if any(_pattern_matches(pattern[1:], lookup) for pattern in self.patterns if pattern.startswith("!")):
            return False
        return any(_pattern_matches(pattern, lookup) for pattern in self.patterns)


def _pattern_matches(pattern: str, lookup: str) -> bool:
    if pattern.startswith("|1|"):
        return _hash_matches(pattern, lookup)
    # Only * and ? are special (sshd(8), SSH_KNOWN_HOSTS); the brackets of [host]:port are not.
    wanted = "".join({"*": ".*", "?": "."}.get(letter) or re.escape(letter) for letter in pattern)
    return re.fullmatch(wanted, lookup, re.IGNORECASE) is not None


def _hash_matches(pattern: str, lookup: str) -> bool:
    """Compare with an entry that ``HashKnownHosts`` wrote: |1|salt|hmac-sha1(salt, name), both base64."""
    try:
        salt, digest = (base64.b64decode(part, validate=True) for part in pattern.split("|")[2:4])
    except ValueError:
        return False
    return hmac.compare_digest(hmac.digest(salt, lookup.encode(), "sha1"), digest)


def fingerprint(key: bytes) -> str:
    """Return the SHA256 fingerprint of a public key blob, as ssh-keygen prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


def lookup_name(address: str, port: int) -> str:
    """Return the name under which OpenSSH stores the key of *address* and *port*."""
    return address if port == 22 else f"[{address}]:{port}"


def read_known_hosts(path: Path) -> tuple[KnownHost, ...]:
    """Return the usable lines of *path*; an absent file has none, a certificate authority's line is passed over."""
    try:
        text = path.read_text(errors="replace")
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise UnreachableError(f"cannot read known_hosts file {path}", str(error.strerror)) from error
    entries = (_parse_line(line, f"{path}:{number}") for number, line in enumerate(text.splitlines(), 1))
    return tuple(entry for entry in entries if entry is not None)


def _parse_line(line: str, place: str) -> KnownHost | None:
    words = line.split()
    if not words or words[0].startswith("#"):
        return None
    marker = words.pop(0) if words[0].startswith("@") else ""
    if marker not in ("", "@revoked") or len(words) < 3:
        return None
    try:
        key = base64.b64decode(words[2], validate=True)
    except ValueError:  # binascii.Error is one; a letter beyond ASCII is the plain one
        return None
    return KnownHost(tuple(words[0].split(",")), words[1], key, place, revoked=marker == "@revoked")


@dataclass(frozen=True)
class TrustedKeys:
    """What is known of one host's keys: trusted ones, revoked ones, and where that is written."""

    lookup: str
    file: Path
    trusted: tuple[KnownHost, ...]
    revoked: tuple[KnownHost, ...]
    pinned: str | None = None
    """Fingerprint from the inventory; when set it must match too."""
    inventory: Path | None = None
    """The file that names the host: what `swarmkit trust` is to be given."""

    def trust_command(self, *words: str) -> str:
        """Return the command that records the key, to copy: with the operator's own inventory."""
        source = ("-i", str(self.inventory)) if self.inventory else ()
        return shlex.join(("swarmkit", "trust", *source, *words))


def trusted_keys(
    lookup: str,
    file: Path,
    entries: Iterable[KnownHost],
    host_key: str | None = None,
    *,
    inventory: Path | None = None,
) -> TrustedKeys:
    """Return what *entries* and the inventory's *host_key* (fingerprint or key line) say of *lookup*."""
    mine = [entry for entry in entries if entry.matches(lookup)]
    trusted = [entry for entry in mine if not entry.revoked]
    pinned = None
    if host_key and host_key.startswith("SHA256:"):
        pinned = host_key.rstrip("=")
    elif host_key:
        key_type, blob = host_key.split()[:2]
        key = base64.b64decode(blob)
        pinned = fingerprint(key)
        trusted.append(KnownHost((lookup,), key_type, key, "the inventory's swarm_host_key"))
    revoked = tuple(entry for entry in mine if entry.revoked)
    return TrustedKeys(lookup, file, tuple(trusted), revoked, pinned, inventory)


def refusal(host: str, keys: TrustedKeys, key_type: str, key: bytes) -> UnreachableError | None:
    """Return why the key a host presented is not trusted, or None when it is."""
    seen = fingerprint(key)
    if any(entry.key == key for entry in keys.revoked):
        return UnreachableError(f"{host}: its host key {seen} is revoked", f"{keys.revoked[0].place} says @revoked")
    if keys.pinned and keys.pinned != seen:
        return UnreachableError(
            f"{host}: host key differs from the one in the inventory",
            f"expected {keys.pinned}, seen {seen}",
            f"if you rebuilt the host, correct swarm_host_key of {host} in the inventory",
        )
    if keys.pinned or any(entry.key == key for entry in keys.trusted):
        return None
    if not keys.trusted:
        return UnreachableError(
            f"{host}: no trusted host key",
            f"{keys.file} has no entry for {keys.lookup}; the host presents {key_type} {seen}",
            f"check the fingerprint, then run: {keys.trust_command(host)}",
        )
    expected = ", ".join(f"{fingerprint(entry.key)} ({entry.place})" for entry in keys.trusted)
    return UnreachableError(
        f"{host}: host key has changed, nothing was sent",
        f"expected {expected}; seen {key_type} {seen}",
        f"if you rebuilt the host, run: {keys.trust_command('--replace', host)}",
    )


class StrictPolicy(paramiko.MissingHostKeyPolicy):
    """Refuse every key that is not trusted, before authentication; called by paramiko for each key it does not know."""

    def __init__(self, host: str, keys: TrustedKeys) -> None:
        self._host, self._keys = host, keys

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:  # noqa: ARG002
        error = refusal(self._host, self._keys, key.get_name(), key.asbytes())
        if error:
            raise error
