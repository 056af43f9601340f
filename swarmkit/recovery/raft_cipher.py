"""The cipher of a manager's raft log: records sealed with the keys that its key file's headers hold."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field

from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from swarmkit.recovery import protobuf

# Fields and algorithms of MaybeEncryptedRecord (moby/swarmkit api/raft.proto); an algorithm of 0 is left out.
_ALGORITHM, _DATA, _NONCE = 1, 2, 3
SECRETBOX = 1


@dataclass(frozen=True)
class RaftCipher:
    """Opens a record with the first of *keys* that fits, and seals with the first."""

    keys: tuple[bytes, ...] = field(repr=False)

    def open(self, record: bytes) -> bytes:
        """Return what is in *record*; raises ValueError where no key opens it."""
        algorithm, data, nonce = parts(record)
        if algorithm != SECRETBOX:
            raise ValueError(f"a record of cipher {algorithm} (2 is that of FIPS mode)")
        for key in self.keys:
            try:
                return SecretBox(key).decrypt(data, nonce)
            except CryptoError:
                continue
        raise ValueError("a record that the state's own keys do not open")

    def seal(self, data: bytes) -> bytes:
        sealed = SecretBox(self.keys[0]).encrypt(data)
        return protobuf.write([(_ALGORITHM, SECRETBOX), (_DATA, sealed.ciphertext), (_NONCE, sealed.nonce)])


def cipher_of(pem: str) -> RaftCipher:
    """Return the cipher of the node whose key file is *pem*, which must not be locked."""
    headers = dict(re.findall(r"^(raft-dek(?:-pending)?): (\S+)$", pem, re.MULTILINE))
    # The current key first: an engine with a pending one opens what either has sealed.
    records = [base64.b64decode(headers[name]) for name in ("raft-dek", "raft-dek-pending") if name in headers]
    found = [parts(record) for record in records]
    if not found or any(algorithm for algorithm, _, _ in found):
        raise ValueError("a key file that holds no readable key of the raft log")
    return RaftCipher(tuple(key for _, key, _ in found))


def clear_record(data: bytes) -> bytes:
    """Return the record of *data* that is not sealed."""
    return protobuf.write([(_DATA, data)])


def parts(record: bytes) -> tuple[int, bytes, bytes]:
    """Return a record's algorithm, its data and its nonce; raises ValueError where it is none."""
    fields = dict(protobuf.read(record))
    algorithm, data, nonce = fields.get(_ALGORITHM, 0), fields.get(_DATA, b""), fields.get(_NONCE, b"")
    if not isinstance(algorithm, int) or not isinstance(data, bytes) or not isinstance(nonce, bytes):
        raise ValueError("a record of another form")
    return algorithm, data, nonce
