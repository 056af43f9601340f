"""Whether a twin would have the images that it needs: it has no way to a registry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from swarmkit.errors import InputError

if TYPE_CHECKING:
    from swarmkit.declared.stack.image_archive import ImageArchive
    from swarmkit.plan.declaration import Declared
    from swarmkit.recovery.archive import Archive


def check_declared(declared: Declared) -> None:
    """Raise InputError when the image of a service that would be rebuilt is nowhere here."""
    services = declared.stack.services if declared.stack else ()
    if lacking := sorted({service.image for service in services} - declared.archives.keys()):
        raise _refused(lacking)


def check_restored(archive: Archive, images: Mapping[str, ImageArchive]) -> None:
    """Raise InputError when a service that *archive* would bring back has its image nowhere here.

    Those of services that belong to no stack are told by no file of the backup: they lack where there is no image.
    """
    from swarmkit.plan.stacks.container_spec import familiar

    held = {familiar(name) for name in images} | {image.image_id for image in images.values()}
    lacking = sorted({name for name in _running(archive) if familiar(name) not in held})
    if lacking or (archive.manifest.services and not images):
        raise _refused(lacking or [f"an image of {', '.join(archive.manifest.services)}"])


def _running(archive: Archive) -> Iterator[str]:
    """Yield the images of the stacks as they ran, but for services without a task."""
    from ruamel.yaml import YAML

    for name, content in archive.small.items():
        if name.startswith("running-"):
            for service in (YAML(typ="safe", pure=True).load(content.decode()).get("services") or {}).values():
                if (service.get("deploy") or {}).get("replicas") != 0:
                    yield str(service["image"]).replace("$$", "$")


def _refused(lacking: Sequence[str]) -> InputError:
    return InputError(
        f"the twin reaches no registry, and there is no file of {', '.join(lacking)}",
        to_do="give files of docker save in a folder: --images DIR; a backup taken --with-images holds them",
    )
