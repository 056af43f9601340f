"""Where the lab keeps things: state (keys, disks, the supervisor's socket) and cache (disk images), by XDG."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Places:
    """The two folders of one lab; another *state* is another lab, and labs may share one *cache*."""

    state: Path
    cache: Path

    @classmethod
    def from_environment(cls) -> Places:
        """Return the user's folders (XDG Base Directory Specification)."""
        return cls(
            state=_xdg("XDG_STATE_HOME", ".local/state") / "swarmkit" / "lab",
            cache=_xdg("XDG_CACHE_HOME", ".cache") / "swarmkit" / "lab",
        )

    @property
    def private_key(self) -> Path:
        return self.state / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        return self.state / "known_hosts"

    @property
    def supervisor_log(self) -> Path:
        return self.state / "supervisor.log"

    def host_names(self) -> list[str]:
        """Return the hosts that have a folder, whether they run or not."""
        return sorted(folder.name for folder in (self.state / "hosts").glob("*") if folder.is_dir())

    def host(self, name: str) -> HostPlaces:
        return HostPlaces(self.state / "hosts" / name)


@dataclass(frozen=True)
class HostPlaces:
    """The folder of one host: its identity, its disk, what its kernel printed."""

    folder: Path

    @property
    def seed(self) -> Path:
        """The only folder the guest can mount: its identity."""
        return self.folder / "seed"

    @property
    def disk(self) -> Path:
        return self.folder / "disk.cow"

    @property
    def disk_base(self) -> Path:
        """Names the image that the disk is a copy-on-write file of."""
        return self.folder / "disk.base"

    @property
    def console(self) -> Path:
        return self.folder / "console.log"


def _xdg(variable: str, default: str) -> Path:
    # "All paths set in these environment variables must be absolute [...] consider the path invalid and ignore it."
    value = os.environ.get(variable, "")
    return Path(value) if value.startswith("/") else Path.home() / default
