"""Build and cache the lab's disk images: one a Docker engine version, with the kernel that boots it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from swarmkit.errors import SwarmkitError
from swarmkit.lab.hosts import DEFAULT_ENGINE
from swarmkit.lab.image import debian, kernel
from swarmkit.lab.image.scratch import scratch
from swarmkit.lab.one_at_a_time import one_at_a_time
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
ENGINE_PACKAGES = {"26.1": ["docker-cli"], "20.10": []}
DISK_SIZE = "8G"
_NO_DISK = "the lab's file system could not be made"
_NO_MODULES = "the kernel's modules could not be installed in the lab's disk"
_FORMAT = "2"


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
    with one_at_a_time(cache / "build.lock", tell, "builds the lab's image, which takes minutes"):
        if not image.disk.exists():
            _build(image, engine, donor, tell)
    return image


def recipe_key(engine: str) -> str:
    """Return the name of this recipe: whatever changes the image changes the key."""
    parts = [_FORMAT, SUITES[engine], DISK_SIZE, *PACKAGES, *ENGINE_PACKAGES[engine]]
    parts += [*kernel.SUITES, *kernel.PACKAGES, kernel.SCRIPT.read_text()]
    parts += [file.read_text() for file in sorted(GUEST.iterdir())]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def _build(image: Image, engine: str, donor: Image, tell: Tell) -> None:
    started = time.monotonic()

    def say(what: str) -> None:
        tell(f"image {engine}: {time.monotonic() - started:5.1f} s  {what}")

    say("building the disk image (once)")
    with scratch(image.folder.parent) as work:
        made = Image(Path(tempfile.mkdtemp(prefix=".new-", dir=image.folder.parent)))
        try:
            modules = _make_trees(image, engine, donor, made, work, say)
            _install_modules(work, modules)
            say("making the file system")
            _make_disk(work, made.disk)
            made.folder.chmod(0o755)
            made.folder.rename(image.folder)
        except BaseException:
            shutil.rmtree(made.folder, ignore_errors=True)
            raise
    say("done")


def _make_trees(image: Image, engine: str, donor: Image, made: Image, work: Path, say: Tell) -> Path:
    """Make the disk's tree in *work* beside the kernel; return where the kernel's modules are."""
    ended = threading.Event()
    with ThreadPoolExecutor() as pool:
        kernel_made = pool.submit(_put_kernel, image, donor, made, work, say, ended)
        try:
            debian.bootstrap(work / "root", _recipe(engine, work), say, ended)
            return kernel_made.result()
        except BaseException:
            ended.set()
            raise


def _put_kernel(image: Image, donor: Image, made: Image, work: Path, say: Tell, ended: threading.Event) -> Path:
    """Make the kernel, or copy the default engine's; return where its modules are."""
    if donor is image:
        kernel.make_kernel(work, made.kernel, made.modules, say, ended)
        return made.modules
    shutil.copytree(donor.kernel, made.kernel)
    return donor.modules


def _recipe(engine: str, work: Path) -> debian.Recipe:
    # The build may run under other user ids, which cannot look into this user's folders: hand it a copy.
    guest = Path(shutil.copytree(GUEST, work / "guest"))
    return debian.Recipe(
        suite=SUITES[engine],
        packages=(*PACKAGES, *ENGINE_PACKAGES[engine]),
        hook=guest / "customize.sh",
        environment={"LAB_GUEST": str(guest)},
    )


def _install_modules(work: Path, modules: Path) -> None:
    # A copy again, for the same reason. Debian keeps these modules out of modprobe's sight: /usr/lib/uml/modules.
    copy, root = shutil.copytree(modules, work / "modules", symlinks=True), str(work / "root")
    _run(_NO_MODULES, debian.as_tree_owner(["cp", "-rT", str(copy), f"{root}/usr/lib/modules"]))
    chroot = find_tool("chroot") or "chroot"
    for release in modules.iterdir():
        _run(_NO_MODULES, debian.as_tree_owner([chroot, root, "depmod", release.name]))


def _make_disk(work: Path, disk: Path) -> None:
    draft = work / "out" / "disk.ext4"
    draft.parent.mkdir()
    draft.parent.chmod(work.stat().st_mode)
    mkfs = find_tool("mkfs.ext4") or "mkfs.ext4"
    make = debian.as_tree_owner([mkfs, "-q", "-E", "nodiscard", "-d", str(work / "root"), str(draft), DISK_SIZE])
    _run(_NO_DISK, make)
    _run(_NO_DISK, ["cp", "--sparse=always", str(draft), str(disk)])
    # Copy-on-write files remember their base's time and size: nobody may touch it from here on.
    disk.chmod(0o444)


def _run(what: str, command: list[str]) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise SwarmkitError(what, result.stderr.strip()[-500:])
