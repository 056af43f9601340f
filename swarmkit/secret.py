"""A value that must reach neither argv, log, report nor traceback, and the mask for text that may carry one."""

from __future__ import annotations

import re

REDACTED = "[redacted]"

# Join tokens, unlock keys and PEM blocks, wherever they turn up (HAZARDS S11).
_PATTERNS = re.compile(
    r"SWMTKN-1-[0-9a-z]+-[0-9a-z]+|SWMKEY-1-[0-9A-Za-z+/]+|-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----", re.DOTALL
)

_URL_PASSWORD = re.compile(r"(://[^\s/:@?#]*:)[^\s/@]+(?=@)")


class Secret:
    """Hold bytes that print as ``[redacted]``; ``reveal()`` is the only way out, so its callers can be found."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def reveal(self) -> bytes:
        return self._value

    def text(self) -> str:
        return self._value.decode()

    def __len__(self) -> int:
        return len(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return REDACTED

    __str__ = __repr__

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")


def mask(text: str) -> str:
    """Return *text* with swarm tokens, unlock keys, PEM blocks and the passwords of URLs replaced by ``[redacted]``."""
    return _URL_PASSWORD.sub(rf"\1{REDACTED}", _PATTERNS.sub(REDACTED, text))


def holds_swarm_secret(text: str) -> bool:
    """Tell whether *text* has a swarm token, an unlock key or a PEM block."""
    return bool(_PATTERNS.search(text))
