"""Images as docker-archive files, as ``docker save`` and ``buildah push docker-archive:`` write them."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swarmkit.errors import InputError

DOCKER_HUB = "docker.io"


@dataclass(frozen=True)
class ImageArchive:
    path: Path
    image_id: str
    """``sha256:...`` of the image's configuration: what engines with a graph driver name the image by."""
    tags: tuple[str, ...]
    size_bytes: int


def read_image_archives(folder: Path) -> dict[str, ImageArchive]:
    """Return the archives in *folder* by tag; raises InputError naming every file that is not one."""
    if not folder.is_dir():
        to_do = "name a folder of archives; into one that exists: docker save IMAGE -o FOLDER/NAME.tar"
        raise InputError(f"cannot read images from {folder}: no such folder", to_do=to_do)
    archives: dict[str, ImageArchive] = {}
    broken = []
    for path in sorted(folder.glob("*.tar*")):
        try:
            archive = read_image_archive(path)
        except (tarfile.TarError, KeyError, ValueError, OSError, IndexError) as error:
            broken.append(f"{path}: not a docker-archive file ({error})")
            continue
        archives.update(dict.fromkeys(archive.tags, archive))
    if broken:
        raise InputError("\n".join(broken), to_do="make it with: docker save IMAGE -o FILE")
    return archives


def read_image_archive(path: Path) -> ImageArchive:
    """Read the manifest of the docker-archive *path*."""
    with tarfile.open(path) as tar:
        manifest = _json_of(tar, "manifest.json")[0]
    digest = str(manifest["Config"]).removeprefix("blobs/sha256/").removesuffix(".json")
    if len(digest) != 64:
        raise ValueError("its configuration is not named by a digest")
    return ImageArchive(path, f"sha256:{digest}", tuple(manifest.get("RepoTags") or ()), path.stat().st_size)


def exposed_ports(archive: ImageArchive) -> Mapping[str, object]:
    """Return the ports that the image says it listens on, by ``8080/tcp``, as its configuration has them."""
    with tarfile.open(archive.path) as tar:
        configuration = _json_of(tar, str(_json_of(tar, "manifest.json")[0]["Config"]))
    return (configuration.get("config") or {}).get("ExposedPorts") or {}


def _json_of(tar: tarfile.TarFile, name: str) -> Any:
    member = tar.extractfile(name)
    if member is None:
        raise ValueError(f"{name} is not a file")
    return json.load(member)


def names_registry(reference: str) -> bool:
    """Tell whether an image reference begins with a registry's host, by the distribution project's rule."""
    first, slash, _ = reference.partition("/")
    return bool(slash) and ("." in first or ":" in first or first == "localhost")


def registry_of(reference: str) -> str:
    """Return the registry that an image *reference* is pulled from; nothing for an image's ID, which none knows."""
    if reference.startswith("sha256:"):
        return ""
    first = reference.partition("/")[0]
    return first if names_registry(reference) and first != f"index.{DOCKER_HUB}" else DOCKER_HUB
