"""The judge: Docker's command line of version 28, which both of the lab's engines answer.

Its hosts have the command line of their engine, 26.1 and 20.10. Debian's next release has 28 in a package of its own;
the binary needs an older libc than either host has. It is fetched once and kept in the lab's cache.
"""

from __future__ import annotations

import hashlib
import lzma
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from swarmkit.lab import Places
from swarmkit.lab.image.debian import ARCHIVE, machine_mirror

VERSION = "28."
_SUITES = ("forky", "sid")


def docker_cli() -> Path:
    """Return the path of the binary, fetched now if the cache lacks it."""
    kept = Places.from_environment().cache / f"docker-cli-{VERSION}x" / "docker"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        (mirror,) = machine_mirror() or [ARCHIVE]
        with tempfile.TemporaryDirectory(dir=kept.parent) as work:
            package = Path(work) / "docker-cli.deb"
            package.write_bytes(_package(mirror.rstrip("/")))
            subprocess.run(["dpkg-deb", "-x", package, work], check=True)
            shutil.move(Path(work) / "usr/bin/docker", kept)
    return kept


def _package(mirror: str) -> bytes:
    found: list[str] = []
    for suite in _SUITES:
        index = lzma.decompress(_fetch(f"{mirror}/dists/{suite}/main/binary-amd64/Packages.xz")).decode()
        for entry in _entries(index):
            found.append(f"{suite}: {entry['Version']}")
            if entry["Version"].startswith(VERSION):
                content = _fetch(f"{mirror}/{entry['Filename']}")
                assert hashlib.sha256(content).hexdigest() == entry["SHA256"], (
                    f"{entry['Filename']} is not as announced"
                )
                return content
    raise AssertionError(f"Debian has no docker-cli {VERSION}x any more, only {', '.join(found)}: choose another judge")


def _entries(index: str) -> Iterator[dict[str, str]]:
    for paragraph in index.split("\n\n"):
        if paragraph.startswith("Package: docker-cli\n"):
            lines = (line.partition(": ") for line in paragraph.splitlines() if not line.startswith(" "))
            yield {key: value for key, _, value in lines}


def _fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=120) as answer:
        content: bytes = answer.read()
        return content
