"""The operator's own Docker engine, as a source of images that no registry and no folder has."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import docker
import docker.errors
import requests
from docker.utils import kwargs_from_env

from swarmkit.declared.stack.image_archive import ImageArchive, read_image_archive
from swarmkit.errors import SwarmkitError

_SOCKET = Path("/var/run/docker.sock")
_TIMEOUT_SECONDS = 600


def local_images(references: Iterable[str], folder: Path) -> dict[str, ImageArchive]:
    """Save those of *references* that the local engine has into *folder* and return them by reference.

    The engine is the one of DOCKER_HOST, else of the default socket; without one, nothing is found. An image that was
    saved before is not saved again: its file is named by its ID. Raises SwarmkitError when saving breaks off.
    """
    wanted = list(references)
    if not wanted or not (os.environ.get("DOCKER_HOST") or _SOCKET.exists()):
        return {}
    try:
        client = docker.APIClient(**kwargs_from_env(), timeout=_TIMEOUT_SECONDS)
    except (docker.errors.DockerException, requests.RequestException):
        return {}
    try:
        saved = {reference: _saved(client, reference, folder) for reference in wanted}
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        raise SwarmkitError("an image cannot be read from the local engine", str(error), "see: docker info") from error
    finally:
        client.close()
    return {reference: archive for reference, archive in saved.items() if archive}


def _saved(client: docker.APIClient, reference: str, folder: Path) -> ImageArchive | None:
    found = [image for image in client.images(name=reference) if reference in (image.get("RepoTags") or ())]
    if not found:
        return None
    image_id = str(found[0]["Id"])
    path = folder / f"{image_id.removeprefix('sha256:')}.tar"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = path.with_suffix(f".{os.getpid()}.part")
        with part.open("wb") as file:
            for chunk in client.get_image(reference):
                file.write(chunk)
        part.rename(path)
    return read_image_archive(path)
