"""What a service may say about its containers besides image, command and attachments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Logging:
    driver: str = ""
    """Empty: the engine's own driver, with these options."""
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Dns:
    servers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class CredentialSpec:
    """A Windows account for the containers; exactly one of the three."""

    config: str = ""
    """Key under the stack's ``configs``."""
    file: str = ""
    registry: str = ""


@dataclass(frozen=True)
class Ulimit:
    name: str
    soft: int
    hard: int
