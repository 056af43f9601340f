"""Make a Debian tree with mmdebstrap, from the mirror that this machine itself uses."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from swarmkit.errors import SwarmkitError

ARCHIVE = "http://deb.debian.org/debian"
DEADLINE_SECONDS = 1800.0
"""For one tree: a slow mirror needs minutes, one that stands still all night."""
_KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


@dataclass(frozen=True)
class Recipe:
    """What a tree is made of; *hook* gets the tree's path as its argument once the packages are in.

    A tree that is only *unpacked* is none to run: its packages are not configured, not even the essential ones are in.
    """

    suite: str
    packages: tuple[str, ...]
    hook: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    unpacked: bool = False
    other_suites: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    """Packages whose /usr/share/doc is kept."""


def bootstrap(root: Path, recipe: Recipe, say: Callable[[str], None], ended: threading.Event) -> None:
    """Make the tree *root*; raises SwarmkitError with mmdebstrap's last words.

    An interrupt here sets *ended*; when another thread has set it, nothing is begun: raises KeyboardInterrupt.
    """
    if ended.is_set():
        raise KeyboardInterrupt
    lines: list[str] = []
    late = threading.Event()
    with subprocess.Popen(
        _command(root, recipe),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={**os.environ, **recipe.environment},
        # What it has begun does not end with it: it is told as a group.
        process_group=0,
    ) as process:
        timer = threading.Timer(DEADLINE_SECONDS, _end_late, (process, late))
        timer.start()
        try:
            for line in process.stdout or ():
                lines.append(line.rstrip())
                if line.startswith("I: ") and line.rstrip().endswith("..."):
                    say(line[3:].rstrip(".\n"))
        except BaseException:
            ended.set()
            # It unmounts first what it has mounted in the tree, which is removed next.
            _end(process)
            process.wait()
            raise
        finally:
            timer.cancel()
    if late.is_set():
        why = f"no end after {DEADLINE_SECONDS:.0f} s; its last words: {lines[-1] if lines else 'none'}"
        raise SwarmkitError(
            f"Debian {recipe.suite} could not be bootstrapped", why, "does the Debian mirror stand still?"
        )
    if process.returncode:
        why = "\n".join(line for line in lines if line.strip())[-1500:]
        raise SwarmkitError(f"Debian {recipe.suite} could not be bootstrapped", why, "is a Debian mirror reachable?")


def _end_late(process: subprocess.Popen[str], late: threading.Event) -> None:
    late.set()
    _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    """End the program and all that it has begun; its first process cleans up, and ends when the others have."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)


def _command(root: Path, recipe: Recipe) -> list[str]:
    excluded = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")
    when = "extract" if recipe.unpacked else "customize"
    return [
        "mmdebstrap",
        # Without root: in a user namespace, with the ids that /etc/subuid gives this user.
        f"--mode={'root' if os.geteuid() == 0 else 'unshare'}",
        f"--variant={'extract' if recipe.unpacked else 'minbase'}",
        '--aptopt=Acquire::Languages "none"',
        # A mirror that stands still is no danger to a lab without a network; a signature has to be right all the same.
        '--aptopt=Acquire::Check-Valid-Until "false"',
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in excluded),
        *(f"--dpkgopt=path-include=/usr/share/doc/{package}/*" for package in recipe.documents),
        f"--include={','.join(recipe.packages)}",
        *([f"--{when}-hook={recipe.hook}"] if recipe.hook else []),
        recipe.suite,
        str(root),
        *_sources(recipe),
    ]


def _sources(recipe: Recipe) -> list[str]:
    mirror = machine_mirror()
    if not recipe.other_suites:
        return mirror
    # mmdebstrap names the keys itself for a plain mirror only, and Ubuntu's apt does not trust Debian's.
    archive = mirror[0] if mirror else f"[signed-by={_KEYS}] {ARCHIVE}" if _KEYS.is_file() else ARCHIVE
    return [f"deb {archive} {suite} main" for suite in (recipe.suite, *recipe.other_suites)]


def as_tree_owner(command: list[str]) -> list[str]:
    """Return *command* as one that may do anything to a bootstrapped tree, without root too."""
    return command if os.geteuid() == 0 else ["mmdebstrap", "--unshare-helper", *command]


def machine_mirror() -> list[str]:
    """Return the Debian mirror of this machine's apt as a list of one, or an empty list: mmdebstrap has a default."""
    command = ["apt-get", "indextargets", "--format", "$(ORIGIN)|$(LABEL)|$(REPO_URI)"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return []
    return choose_mirror(result.stdout)


def choose_mirror(targets: str) -> list[str]:
    """Return the first archive among apt's *targets* that calls itself Debian: not its security archive, not Ubuntu."""
    for line in targets.splitlines():
        origin, label, uri = (*line.split("|"), "", "")[:3]
        if (origin, label) == ("Debian", "Debian"):
            return [uri]
    return []
