"""The hosts' kernel: Debian's User-Mode Linux with the libc it needs, so that it runs on any machine.

Debian forky's kernel runs its processes without ptrace, which halves what starting one costs, but lacks the modules of
the older iptables: they are built in a tree of the same suite. Where that fails (forky moves on, and its kernel and
kernel source may not fit for a time) trixie's kernel, which has them and is slower, takes its place.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

from swarmkit.errors import SwarmkitError
from swarmkit.lab.image import debian

PACKAGE = "user-mode-linux"
SCRIPT = Path(__file__).with_name("kernel.sh")

PACKAGES = (
    PACKAGE,
    *("base-files", "bash", "bc", "bison", "coreutils", "dash", "diffutils", "findutils", "flex", "gcc", "grep"),
    *("libc6-dev", "make", "mawk", "sed"),
)
"""What the kernel's missing modules are built with."""
SUITES = ("forky", "trixie-backports")
"""The kernel's own; and where newer patch levels of its source stay when that has gone on to the next series."""
PLAIN = debian.Recipe("trixie", (PACKAGE,), unpacked=True)

_LOADER = b"/lib64/ld-linux-x86-64.so.2\0"
_OWN_LOADER = b"lib/ld.so"
_LIBRARIES = ("libc.so.6",)


def make_kernel(work: Path, folder: Path, modules: Path, say: Callable[[str], None], ended: threading.Event) -> None:
    """Put the kernel into *folder* and its modules into *modules*, both new; trees are made in *work*.

    Says why when it is the slower one; raises SwarmkitError when there is none at all. Once *ended* is set, no tree is
    begun.
    """
    try:
        _make(work / "kernel", _fast(work), folder, modules, say, ended)
    except SwarmkitError as error:
        if ended.is_set():
            raise
        say(f"hosts will be slower, without the fast kernel ({_reason(error)}); to try again, delete this image")
        _make(work / "plain-kernel", PLAIN, folder, modules, say, ended)
        (folder / "why-not-fast.txt").write_text(f"{error}\n")


def _reason(error: SwarmkitError) -> str:
    """Return the first complaint; those after it only say that all of it ended."""
    lines = [line for line in error.why.splitlines() if "*** " in line or line.startswith("E: ")]
    return lines[0] if lines else error.what


def _fast(work: Path) -> debian.Recipe:
    return debian.Recipe(
        suite=SUITES[0],
        packages=PACKAGES,
        # A copy: the build may run under other user ids, which cannot look into this user's folders.
        hook=Path(shutil.copy(SCRIPT, work / SCRIPT.name)),
        unpacked=True,
        other_suites=SUITES[1:],
        documents=(PACKAGE,),
    )


def _make(
    tree: Path,
    recipe: debian.Recipe,
    folder: Path,
    modules: Path,
    say: Callable[[str], None],
    ended: threading.Event,
) -> None:
    debian.bootstrap(tree, recipe, lambda step: say(f"kernel: {step}"), ended)
    take_out(tree, folder, modules)


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
    shutil.copytree(root / "usr/lib/uml/modules", modules, symlinks=True)
