"""Build and cache the lab's disk images: one a Docker engine version, with the kernel that boots it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from swarmkit.errors import SwarmkitError
from swarmkit.lab import debian, kernel
from swarmkit.lab.hosts import DEFAULT_ENGINE
from swarmkit.lab.packages import BUILD_TOOLS, ROOTLESS_TOOLS, find_tool
from swarmkit.lab.preflight import require_tools

Tell = Callable[[str], None]

GUEST = Path(__file__).parent / "guest"
SUITES = {"26.1": "trixie", "20.10": "bookworm"}
PACKAGES = (
    "ca-certificates",
    "curl",
    "dbus",
    "docker.io",
    "ebtables",
    "ethtool",
    "iproute2",
    "iptables",
    "iputils-ping",
    "kmod",
    "openssh-server",
    "procps",
    "sudo",
    "systemd-sysv",
    "tcpdump",
)
ENGINE_PACKAGES = {"26.1": ["docker-cli", kernel.PACKAGE], "20.10": []}
DISK_SIZE = "8G"
_WORK_BYTES = 3 << 30
_FORMAT = "1"


@dataclass(frozen=True)
class Image:
    """A finished image: the read-only disk that hosts copy on write, and the folder of its kernel."""

    folder: Path

    @property
    def disk(self) -> Path:
        return self.folder / "disk.ext4"

    @property
    def kernel(self) -> Path:
        return self.folder / "kernel"

    @property
    def modules(self) -> Path:
        """The kernel's modules, kept for building another engine's disk; only beside the default engine's."""
        return self.folder / "modules"


def ensure_image(cache: Path, engine: str, tell: Tell) -> Image:
    """Return the image of *engine*, built now if the cache lacks it; two builders never build at once."""
    image = Image(cache / f"disk-{engine}-{recipe_key(engine)}")
    if image.disk.exists():
        return image
    require_tools(BUILD_TOOLS if os.geteuid() == 0 else {**BUILD_TOOLS, **ROOTLESS_TOOLS})
    donor = image if engine == DEFAULT_ENGINE else ensure_image(cache, DEFAULT_ENGINE, tell)
    cache.mkdir(parents=True, exist_ok=True)
    with _exclusive(cache / "build.lock"):
        if not image.disk.exists():
            _build(image, engine, donor, tell)
    return image


def recipe_key(engine: str) -> str:
    """Return the name of this recipe: whatever changes the image changes the key."""
    parts = [_FORMAT, SUITES[engine], DISK_SIZE, *PACKAGES, *ENGINE_PACKAGES[engine]]
    parts += [file.read_text() for file in sorted(GUEST.iterdir())]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def _build(image: Image, engine: str, donor: Image, tell: Tell) -> None:
    started = time.monotonic()

    def say(what: str) -> None:
        tell(f"image {engine}: {time.monotonic() - started:5.1f} s  {what}")

    say("building the disk image (once)")
    with _scratch(image.folder.parent) as work:
        made = Image(Path(tempfile.mkdtemp(prefix=".new-", dir=image.folder.parent)))
        try:
            debian.bootstrap(work / "root", _recipe(engine, work, donor), say)
            if donor is image:
                kernel.take_out(work / "root", made.kernel, made.modules)
            else:
                shutil.copytree(donor.kernel, made.kernel)
            say("making the file system")
            _make_disk(work, made.disk)
            made.folder.chmod(0o755)
            made.folder.rename(image.folder)
        except BaseException:
            shutil.rmtree(made.folder, ignore_errors=True)
            raise
    say("done")


def _recipe(engine: str, work: Path, donor: Image) -> debian.Recipe:
    # The build may run under other user ids, which cannot look into this user's folders: hand it copies.
    guest = Path(shutil.copytree(GUEST, work / "guest"))
    modules = "" if engine == DEFAULT_ENGINE else str(shutil.copytree(donor.modules, work / "modules", symlinks=True))
    return debian.Recipe(
        suite=SUITES[engine],
        packages=(*PACKAGES, *ENGINE_PACKAGES[engine]),
        hook=guest / "customize.sh",
        environment={"LAB_GUEST": str(guest), "LAB_MODULES": modules},
    )


def _make_disk(work: Path, disk: Path) -> None:
    draft = work / "out" / "disk.ext4"
    draft.parent.mkdir()
    draft.parent.chmod(work.stat().st_mode)
    mkfs = find_tool("mkfs.ext4") or "mkfs.ext4"
    make = debian.as_tree_owner([mkfs, "-q", "-E", "nodiscard", "-d", str(work / "root"), str(draft), DISK_SIZE])
    for command in (make, ["cp", "--sparse=always", str(draft), str(disk)]):
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            raise SwarmkitError("the lab's file system could not be made", result.stderr.strip()[-500:])
    # Copy-on-write files remember their base's time and size: nobody may touch it from here on.
    disk.chmod(0o444)


@contextmanager
def _scratch(cache: Path) -> Iterator[Path]:
    """Yield a folder for the tree: in memory when there is room, there the build is twice as fast."""
    memory = Path("/dev/shm")  # noqa: S108 - a private folder is made in it
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2 * _WORK_BYTES
    work = Path(tempfile.mkdtemp(prefix="swarmkit-lab-build-", dir=memory if roomy else cache))
    # Without root the tree belongs to other user ids than this folder.
    work.chmod(0o755 if os.geteuid() == 0 else 0o777)
    try:
        yield work
    finally:
        # A build killed half-way may leave the machine's /dev or /proc mounted in the tree: stay out of them.
        of_tree = [str(work / "root"), str(work / "out")]
        subprocess.run(debian.as_tree_owner(["rm", "-rf", "--one-file-system", *of_tree]), check=False)
        shutil.rmtree(work, ignore_errors=True)


@contextmanager
def _exclusive(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
