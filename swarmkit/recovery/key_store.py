"""A folder of unlock keys, each in an age file of its own; none is replaced: a backup needs the key of its own day."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from pathlib import Path

from swarmkit.errors import InputError
from swarmkit.recovery.keys import Opener, Sealer, opened_by_passphrase
from swarmkit.secret import Secret

SUFFIX = ".unlock-key.age"
NEWEST = 3
"""How many keys are tried: opening one that is sealed by a passphrase takes a second on purpose."""
_NAME = re.compile(rf"(?P<cluster>.+)-(?P<time>\d{{8}}T\d{{6}}Z){re.escape(SUFFIX)}")


@dataclass(frozen=True)
class KeyStore:
    """The unlock keys of one cluster in *folder*; other clusters' keys may lie beside them."""

    folder: Path
    cluster: str

    def new_path(self, now: datetime.datetime) -> Path:
        """Return the file of a key that is made *now*; raises InputError when there is no folder for it."""
        if not self.folder.is_dir():
            raise InputError(f"no folder {self.folder} for the key", to_do=f"make it: mkdir -m 700 {self.folder}")
        return self.folder / f"{self.cluster}-{now:%Y%m%dT%H%M%SZ}{SUFFIX}"

    def paths(self) -> list[Path]:
        """Return the files of the cluster's keys, the newest first."""
        found = [(_NAME.fullmatch(path.name), path) for path in self.folder.glob(f"*{SUFFIX}")]
        named = [(match["time"], path) for match, path in found if match and match["cluster"] == self.cluster]
        return [path for _, path in sorted(named, reverse=True)]

    def unfinished(self) -> tuple[Path, ...]:
        """Return the files without a key: each run makes its file before it changes the key, and fills it after."""
        return tuple(path for path in self.paths() if is_unfinished(path))

    def keys(self, opener: Opener) -> list[Secret]:
        """Return those of the cluster's newest keys that *opener* opens, the newest first.

        What was sealed for another recipient before hides none of them. Raises InputError when there is none, or none
        can be opened.
        """
        if not self.folder.is_dir():
            raise InputError(f"{self.folder}, the store of unlock keys, is no folder that is there")
        unfinished = self.unfinished()
        paths = [path for path in self.paths() if path not in unfinished][:NEWEST]
        if not paths:
            raise InputError(
                f"no unlock key of cluster {self.cluster} in {self.folder}",
                to_do=f"{len(unfinished)} files are empty, of runs that were cut off: while a manager is unlocked, "
                "keep the key with swarmkit autolock on --store" if unfinished else "",
            )  # fmt: skip
        found: list[Secret] = []
        refused: list[InputError] = []
        for path in paths:
            try:
                found.append(opened(opener, path))
            except InputError as error:
                refused.append(error)
        if not found:
            raise refused[0]
        return found


def is_unfinished(path: Path) -> bool:
    """Tell whether a key's file is there and holds none."""
    return path.is_file() and path.stat().st_size == 0


def sealed(sealer: Sealer, key: Secret) -> bytes:
    """Return *key* as an age file: what `age -d` opens."""
    import pyrage

    content = key.reveal() + b"\n"
    if sealer.passphrase is not None:
        return bytes(pyrage.passphrase.encrypt(content, sealer.passphrase.text()))
    recipients = [pyrage.x25519.Recipient.from_str(text) for text in sealer.recipients]
    return bytes(pyrage.encrypt(content, recipients))


def opened(opener: Opener, path: Path) -> Secret:
    """Return the key in *path*; raises InputError when what opens it is another key, or the file was changed."""
    import pyrage

    try:
        content = path.read_bytes()
        if opener.passphrase is not None:
            return Secret(opened_by_passphrase(content, opener.passphrase).strip())
        lines = [line.strip() for line in (opener.identity or Secret(b"")).text().splitlines()]
        identities = [pyrage.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
        return Secret(bytes(pyrage.decrypt(content, identities)).strip())
    except pyrage.IdentityError:
        # Without its cause, which could show a part of the key.
        raise InputError("the identity file holds no age identity (AGE-SECRET-KEY-1...)") from None
    except (OSError, pyrage.DecryptError) as error:
        raise InputError(
            f"the unlock key {path} cannot be opened: {error}",
            to_do="nothing was changed; what should open it is another key, or the file was changed",
        ) from error
