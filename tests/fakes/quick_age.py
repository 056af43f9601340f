"""Sealing by a passphrase that age opens as ever and that costs no second: its own works for one, on purpose.

The format is https://age-encryption.org/v1, of content that fits into one of its chunks.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import textwrap

import pyrage
import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

LOG_N = 4
"""age itself takes 18 or so: two to the power of it is the work."""
_CHUNK_BYTES = 64 * 1024


def seal_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have whatever seals by a passphrase do it with little work; to open it takes a like little."""
    monkeypatch.setattr(pyrage.passphrase, "encrypt", encrypt)


def encrypt(content: bytes, passphrase: str, armored: bool = False) -> bytes:
    """Return the age file of *content*, as ``pyrage.passphrase.encrypt`` does."""
    assert len(content) < _CHUNK_BYTES
    file_key, salt, nonce = os.urandom(16), os.urandom(16), os.urandom(16)
    work = {"salt": b"age-encryption.org/v1/scrypt" + salt, "n": 2**LOG_N, "r": 8, "p": 1, "dklen": 32}
    wrapped = ChaCha20Poly1305(hashlib.scrypt(passphrase.encode(), **work)).encrypt(bytes(12), file_key, None)
    header = f"age-encryption.org/v1\n-> scrypt {_base64(salt)} {LOG_N}\n{_base64(wrapped)}\n---".encode()
    mac = hmac.digest(_derived(file_key, b"header"), header, "sha256")
    payload = ChaCha20Poly1305(_derived(file_key, b"payload", nonce)).encrypt(bytes(11) + b"\x01", content, None)
    sealed = header + f" {_base64(mac)}\n".encode() + nonce + payload
    return _in_armor(sealed) if armored else sealed


def _derived(file_key: bytes, what_for: bytes, salt: bytes = b"") -> bytes:
    return HKDF(SHA256(), 32, salt, what_for).derive(file_key)


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode().rstrip("=")


def _in_armor(sealed: bytes) -> bytes:
    lines = textwrap.wrap(base64.b64encode(sealed).decode(), 64)
    return "\n".join(["-----BEGIN AGE ENCRYPTED FILE-----", *lines, "-----END AGE ENCRYPTED FILE-----", ""]).encode()
