"""The Debian packages that the lab needs on this machine; `python -m swarmkit.lab.packages` prints them."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable

TOOLS: dict[str, str] = {
    "ip": "iproute2",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "setpriv": "util-linux",
    "setsid": "util-linux",
    "unshare": "util-linux",
}
"""Tool -> package: what running the lab takes."""

BUILD_TOOLS: dict[str, str] = {
    "mkfs.ext4": "e2fsprogs",
    "mmdebstrap": "mmdebstrap",
    "xz": "xz-utils",
}
"""Tool -> package: what building a disk image takes besides."""

ROOTLESS_TOOLS: dict[str, str] = {"newuidmap": "uidmap"}
"""Tool -> package: what building without root takes besides."""

_NO_TOOL = ("ca-certificates", "debian-archive-keyring", "uidmap")


def all_packages() -> list[str]:
    """Return every package to install, once each."""
    return sorted({*TOOLS.values(), *BUILD_TOOLS.values(), *_NO_TOOL})


def missing_tools(tools: Iterable[str]) -> list[str]:
    """Return those of *tools* that are nowhere to be found; sbin counts even when PATH leaves it out."""
    return [tool for tool in tools if find_tool(tool) is None]


def find_tool(tool: str) -> str | None:
    """Return the path of *tool*, or None."""
    return shutil.which(tool) or shutil.which(tool, path="/usr/sbin:/sbin:/usr/bin:/bin")


if __name__ == "__main__":
    sys.stdout.write("\n".join(all_packages()) + "\n")
