"""Keys of a backup: age recipients or a passphrase to seal it, identities or the passphrase to open it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from swarmkit.errors import InputError
from swarmkit.secret import Secret


@dataclass(frozen=True)
class Sealer:
    """Either *passphrase* or *recipients* (``age1...``)."""

    passphrase: Secret | None = None
    recipients: Sequence[str] = ()

    def __post_init__(self) -> None:
        from pyrage import RecipientError, x25519

        if (self.passphrase is None) == (not self.recipients):
            raise InputError("a backup is encrypted: give --passphrase-file or --recipient, not both")
        for text in self.recipients:
            try:
                x25519.Recipient.from_str(text)
            except RecipientError as error:
                raise InputError(f"{text!r} is no age recipient: {error}", to_do="age-keygen makes a pair") from error

    def seal(self, content: bytes) -> bytes:
        import pyrage

        if self.passphrase is not None:
            return bytes(pyrage.passphrase.encrypt(content, self.passphrase.text()))
        keys = [pyrage.x25519.Recipient.from_str(text) for text in self.recipients]
        return bytes(pyrage.encrypt(content, keys))


@dataclass(frozen=True)
class Opener:
    """Either *passphrase* or *identity*, the text of an age key file."""

    passphrase: Secret | None = None
    identity: Secret | None = None

    def __post_init__(self) -> None:
        if (self.passphrase is None) == (self.identity is None):
            raise InputError("the backup is encrypted: give --passphrase-file or --identity, not both")

    def open(self, sealed: bytes, path: Path) -> bytes:
        """Return the content; raises InputError when the key is not the right one or a byte was changed."""
        import pyrage

        try:
            if self.passphrase is not None:
                return bytes(pyrage.passphrase.decrypt(sealed, self.passphrase.text()))
            return bytes(pyrage.decrypt(sealed, self._identities()))
        except pyrage.DecryptError as error:
            raise InputError(
                f"the backup {path} cannot be opened: {error}",
                to_do="nothing was changed; the key is another one, or the file was changed or cut off",
            ) from error

    def _identities(self) -> list[object]:
        from pyrage import IdentityError, x25519

        assert self.identity is not None  # noqa: S101 - checked when it was made
        lines = [line.strip() for line in self.identity.text().splitlines()]
        try:
            return [x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
        except IdentityError:
            # Without its cause, which could show a part of the key.
            raise InputError("the identity file holds no age identity (AGE-SECRET-KEY-1...)") from None
