"""Keys of a backup, and the streams that go through them: sealed and opened by age, never whole in memory.

A file for recipients is a plain age file. One for a passphrase begins with an armored age block that the passphrase
opens and that holds an identity; the age file for that identity follows. So either can be opened with `age` alone.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from swarmkit.errors import InputError, SwarmkitError
from swarmkit.secret import Secret

_ARMOR_BEGIN, _ARMOR_END = b"-----BEGIN AGE ENCRYPTED FILE-----", b"-----END AGE ENCRYPTED FILE-----"
_AGE = b"age-encryption.org/"
_LONGEST_ARMOR_BYTES = 4096
ATTEMPTS = 5
UNWRITTEN_TO_DO = "no file is left: mend that, or take another folder, and run the same again"


def _check_one_of(what: str, one: str, has_one: bool, other: str, has_other: bool) -> None:  # noqa: FBT001 - each beside its name
    if has_one and has_other:
        raise InputError(f"{what} is one of them: {one} or {other}, not both")
    if not (has_one or has_other):
        raise InputError(f"{what} is lacking: give {one} or {other}")


@dataclass(frozen=True)
class Sealer:
    """Either *passphrase* or *recipients* (``age1...``)."""

    passphrase: Secret | None = None
    recipients: Sequence[str] = ()

    def __post_init__(self) -> None:
        from pyrage import RecipientError, x25519

        has_passphrase = self.passphrase is not None
        _check_one_of("what seals it", "--passphrase-file", has_passphrase, "--recipient", bool(self.recipients))
        for text in self.recipients:
            try:
                x25519.Recipient.from_str(text)
            except RecipientError as error:
                raise InputError(f"{text!r} is no age recipient: {error}", to_do="age-keygen makes a pair") from error

    @contextmanager
    def sealing(self, file: BinaryIO) -> Iterator[Sink]:
        """Yield what takes the content and writes it sealed to *file*; all of it is there when the block has ended."""
        import pyrage

        keys = self._recipients(file)
        with _pumped(lambda source: pyrage.encrypt_io(source, file, keys)) as sink:
            yield sink

    def _recipients(self, file: BinaryIO) -> list[Any]:
        import pyrage

        if self.passphrase is None:
            return [pyrage.x25519.Recipient.from_str(text) for text in self.recipients]
        identity = pyrage.x25519.Identity.generate()
        block = pyrage.passphrase.encrypt(str(identity).encode(), self.passphrase.text(), armored=True)
        file.write(block.rstrip() + b"\n")
        return [identity.to_public()]


def readable_once(sealer: Sealer) -> tuple[Sealer, Opener]:
    """Return *sealer* and what opens its file again here, where no recipient's own key is: one that nobody keeps."""
    if sealer.passphrase is not None:
        return sealer, Opener(sealer.passphrase)
    from pyrage import x25519

    identity = x25519.Identity.generate()
    recipients = (*sealer.recipients, str(identity.to_public()))
    return replace(sealer, recipients=recipients), Opener(identity=Secret(str(identity).encode()))


@dataclass
class Sink:
    """Takes a stream's bytes; raises SwarmkitError once what they go through has failed."""

    _pipe: BinaryIO
    _written: int = 0

    def write(self, data: bytes) -> int:
        try:
            self._written += self._pipe.write(data)
        except BrokenPipeError as error:
            raise SwarmkitError("the backup could not be written") from error
        return len(data)

    def tell(self) -> int:
        return self._written


@contextmanager
def _pumped(work: Callable[[BinaryIO], None]) -> Iterator[Sink]:
    """Yield a sink whose bytes *work* reads in a thread of its own; raise what failed there."""
    read_end, write_end = os.pipe()
    failures: list[Exception] = []

    def run() -> None:
        with os.fdopen(read_end, "rb") as source:
            try:
                work(source)
            except Exception as error:  # noqa: BLE001 - raised by the one who waits for the thread
                failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        with contextlib.suppress(BrokenPipeError), os.fdopen(write_end, "wb") as pipe:
            yield Sink(pipe)
    finally:
        thread.join()
        if failures:
            raise SwarmkitError("the backup could not be written", str(failures[0]), UNWRITTEN_TO_DO) from failures[0]


@dataclass(frozen=True)
class Opener:
    """Either *passphrase* or *identity*, the text of an age key file."""

    passphrase: Secret | None = None
    identity: Secret | None = None

    def __post_init__(self) -> None:
        has_passphrase = self.passphrase is not None
        _check_one_of("what opens it", "--passphrase-file", has_passphrase, "--identity", self.identity is not None)

    @contextmanager
    def opening(self, path: Path) -> Iterator[BinaryIO]:
        """Yield the content of the file at *path* as a stream, which the block may leave before its end.

        Raises InputError when the key is not the right one; and, at the end at the latest, when a byte was changed.
        """
        import pyrage

        read_end, write_end = os.pipe()
        failures: list[Exception] = []

        def run() -> None:
            # A reader that has enough closes its end.
            with contextlib.suppress(BrokenPipeError), os.fdopen(write_end, "wb") as content, path.open("rb") as sealed:
                try:
                    pyrage.decrypt_io(sealed, content, self._identities(sealed))
                except BrokenPipeError:
                    raise
                except (pyrage.DecryptError, SwarmkitError, OSError) as error:
                    failures.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            with os.fdopen(read_end, "rb") as content:
                yield content
        finally:
            thread.join()
            if failures:
                raise _unopened(path, failures[0]) from failures[0]

    def _identities(self, sealed: BinaryIO) -> list[object]:
        """Return what opens the rest of *sealed*, after the block for a passphrase if it begins with one."""
        start = sealed.readline(_LONGEST_ARMOR_BYTES)
        if start.rstrip() != _ARMOR_BEGIN:
            if not start.startswith(_AGE):
                raise InputError(
                    "it is no file of age, by which every backup is encrypted",
                    to_do="nothing was changed; give the file that swarmkit backup has written",
                )
            if self.identity is None:
                raise InputError("it is not sealed by a passphrase: give --identity")
            sealed.seek(0)
            return _parsed(self.identity)
        if self.passphrase is None:
            raise InputError("it is sealed by a passphrase: give --passphrase-file")
        block = start
        while not block.rstrip().endswith(_ARMOR_END):
            line = sealed.readline(_LONGEST_ARMOR_BYTES)
            block += line
            if not line or len(block) > _LONGEST_ARMOR_BYTES:
                raise InputError("the block for its passphrase is cut off")
        return _parsed(Secret(opened_by_passphrase(block, self.passphrase)))


def _unopened(path: Path, error: Exception) -> InputError:
    why = error.what if isinstance(error, SwarmkitError) else str(error)
    to_do = error.to_do if isinstance(error, SwarmkitError) else ""
    return InputError(
        f"the backup {path} cannot be opened: {why}",
        to_do=to_do or "nothing was changed; the key is another one, or the file was changed or cut off",
    )


def _parsed(identity: Secret) -> list[object]:
    from pyrage import IdentityError, x25519

    lines = [line.strip() for line in identity.text().splitlines()]
    try:
        return [x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except IdentityError:
        # Without its cause, which could show a part of the key.
        raise InputError("the identity file holds no age identity (AGE-SECRET-KEY-1...)") from None


def opened_by_passphrase(content: bytes, passphrase: Secret) -> bytes:
    """Open *content*, again where the machine was busy.

    age refuses to work much longer than it did for sealing, and finds out how long by a measurement of its own at each
    call, which a moment of load spoils.
    """
    import pyrage

    for _ in range(ATTEMPTS - 1):
        try:
            return bytes(pyrage.passphrase.decrypt(content, passphrase.text()))
        except pyrage.DecryptError as error:
            if "work parameter" not in str(error):
                raise
    return bytes(pyrage.passphrase.decrypt(content, passphrase.text()))
