"""A locked manager's state made readable without its unlock key.

An engine that starts with a locked state has to be unlocked, and its answer to that waits for a leader: a manager whose
peers are gone has none, and takes no other request meanwhile, not even to force a new cluster (moby
daemon/cluster/swarm.go, UnlockSwarm). So the lock is taken off first; the manager locks again by itself when it leads,
since the swarm's own state still says so and holds the same unlock key.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
import tarfile

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from swarmkit.errors import InputError
from swarmkit.recovery.raft_cipher import SECRETBOX, clear_record, parts
from swarmkit.secret import Secret

KEY_FILE = "swarm/certificates/swarm-node.key"
_PREFIX = "SWMKEY-1-"
_LOCKED = "ENCRYPTED PRIVATE KEY"
_PEM = re.compile(rf"-----BEGIN {_LOCKED}-----\n(?P<headers>.*?)\n\n(?P<body>.*?)-----END {_LOCKED}-----\n?", re.DOTALL)


def unlocked_state(state: bytes, unlock_key: Secret) -> bytes:
    """Return the tar.gz *state* of a locked manager as that of one which needs no key to start.

    Raises InputError when *unlock_key* is not the one the state was locked with. A state that is not locked is returned
    as it is.
    """
    packed = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(state), mode="r:gz") as old,
        tarfile.open(fileobj=packed, mode="w:gz") as new,
    ):
        for member in old:
            content = old.extractfile(member)
            data = content.read() if content else b""
            if member.name == KEY_FILE:
                if _LOCKED.encode() not in data:
                    return state
                data = unlocked_key_file(data.decode(), unlock_key).encode()
                member.size = len(data)
            new.addfile(member, io.BytesIO(data))
    return packed.getvalue()


def unlocked_key_file(pem: str, unlock_key: Secret) -> str:
    """Return a node's key file without encryption: the key itself, and the raft's keys in its headers.

    The version of the unlock key becomes 0, older than any: so the manager takes the swarm's unlock key for a new one
    and locks again (moby/swarmkit manager/deks.go, compareKEKs).
    """
    found = _PEM.fullmatch(pem)
    secret = _key_bytes(unlock_key)
    if found is None:
        raise InputError("the manager's locked key is not in a form that is known")
    try:
        key = load_der_private_key(base64.b64decode(found["body"]), password=secret)
        headers = dict(line.split(": ", 1) for line in found["headers"].splitlines())
        opened = {name: _opened(name, value, secret) for name, value in headers.items()}
    except (ValueError, CryptoError) as error:
        raise InputError(
            f"the unlock key does not open the state ({type(error).__name__})",
            to_do="the backup is damaged, or the key was rotated while it was taken: use another backup",
        ) from None
    begin, _, body = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode().partition("\n")
    return "\n".join([begin, *(f"{name}: {value}" for name, value in opened.items()), "", body])


def _key_bytes(unlock_key: Secret) -> bytes:
    text = unlock_key.text().strip().removeprefix(_PREFIX)
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        raise InputError("the unlock key is none", to_do="it must read SWMKEY-1-...") from None


def _opened(name: str, value: str, key: bytes) -> str:
    if name == "kek-version":
        return "0"
    if name not in ("raft-dek", "raft-dek-pending"):
        return value
    algorithm, sealed, nonce = parts(base64.b64decode(value))
    if algorithm != SECRETBOX:
        raise InputError("the backup's manager locks by another cipher (FIPS mode)", to_do="restore it by hand")
    return base64.b64encode(clear_record(SecretBox(key).decrypt(sealed, nonce))).decode()
