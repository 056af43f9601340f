"""The User-Mode Linux kernel: taken out of a Debian tree with the libc it needs, so that it runs on any machine."""

from __future__ import annotations

import shutil
from pathlib import Path

from swarmkit.errors import SwarmkitError

PACKAGE = "user-mode-linux"

_LOADER = b"/lib64/ld-linux-x86-64.so.2\0"
_OWN_LOADER = b"lib/ld.so"
_LIBRARIES = ("libc.so.6",)


def take_out(root: Path, folder: Path, modules: Path) -> None:
    """Copy the kernel out of the tree *root* into *folder*, and its modules to *modules*.

    Debian's binary needs the libc of its own suite. Started through that libc's loader it refuses ("Too few physical
    memory": the loader moves the heap), so the loader's path in the binary is replaced by a relative one: the kernel
    is started with *folder* as the working directory.
    """
    (folder / "lib").mkdir(parents=True)
    binary = root / "usr/bin/linux.uml"
    content = binary.read_bytes()
    if content.count(_LOADER) != 1:
        raise SwarmkitError("the User-Mode Linux kernel is not as expected", f"no single loader path in {binary.name}")
    (folder / "linux").write_bytes(content.replace(_LOADER, _OWN_LOADER.ljust(len(_LOADER), b"\0")))
    (folder / "linux").chmod(0o755)
    shutil.copy(root / "usr/lib64/ld-linux-x86-64.so.2", folder / "lib/ld.so")
    for library in _LIBRARIES:
        shutil.copy(root / "usr/lib/x86_64-linux-gnu" / library, folder / "lib" / library)
    shutil.copytree(root / "usr/lib/modules", modules, symlinks=True)
