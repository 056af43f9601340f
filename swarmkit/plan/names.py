"""Names and images that a plan gives to what a stack declares."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping

from swarmkit.declared.host import Host
from swarmkit.declared.image_archive import ImageArchive
from swarmkit.declared.service import SecretFile, Service
from swarmkit.observed.model import Observed
from swarmkit.plan.container_spec import familiar
from swarmkit.secret import Secret


def file_name(file: SecretFile) -> str:
    """Return the name in the swarm of a secret or config: its base and a hash of its content.

    The engine cannot change a secret's content, so new content is a new object. The name can be read by everybody who
    may list secrets, hence scrypt: a short password cannot be guessed from it by the million.
    """
    salt = file.name if file.template_driver is None else f"{file.name}\0{file.template_driver}"
    return file.name if file.content is None else f"{file.name}-{_digest(salt, file.content)}"


@functools.cache
def _digest(salt: str, content: Secret) -> str:
    return hashlib.scrypt(content.reveal(), salt=salt.encode(), n=2**14, r=8, p=1, dklen=6).hex()


def image_name(
    service: Service,
    live_image: str | None,
    hosts: tuple[Host, ...],
    observed: Observed,
    archives: Mapping[str, ImageArchive],
) -> str:
    """Return what the service's spec names its image by.

    An archive's image ID, so that no host asks a registry; without an archive what runs now if it is this image, the
    digest that docker's own tool found for it, or its ID wherever a host has the tag; else the ID that all *hosts* have
    under the tag; else the reference as written, for the registry it names.
    """
    if service.image in archives:
        return _name_for(archives[service.image].image_id, service.image, hosts, observed)
    if live_image == familiar(service.image):
        return service.image
    if live_image and live_image.startswith(f"{familiar(service.image)}@sha256:"):
        return live_image
    ids = {_tagged(familiar(service.image), observed, host) for host in hosts}
    if live_image and live_image in ids and ids <= {live_image, ""}:
        return live_image
    return ids.pop() or service.image if len(ids) == 1 else service.image


def _name_for(image_id: str, reference: str, hosts: tuple[Host, ...], observed: Observed) -> str:
    """The containerd image store numbers images otherwise, so there the tag has to do (HAZARDS H42)."""
    stores = any(observed.hosts[host.name].engine.content_store for host in hosts)
    return reference if stores else image_id


def _tagged(reference: str, observed: Observed, host: Host) -> str:
    images = observed.hosts[host.name].engine.images
    return next((image for image, tags in images.items() if reference in tags), "")


def has_image(host: Host, image: str, observed: Observed) -> bool:
    """Tell whether *host* has *image*, an ID or a tag."""
    images = observed.hosts[host.name].engine.images
    return image in images or any(image in tags for tags in images.values())
