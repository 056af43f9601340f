"""Names and images that a plan gives to what a stack declares."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING

from nacl.bindings import crypto_pwhash_scryptsalsa208sha256_ll as scrypt

from swarmkit.declared.inventory.host import Host
from swarmkit.declared.stack.image_archive import ImageArchive
from swarmkit.declared.stack.service import SecretFile, Service, Stack
from swarmkit.plan.stacks.container_spec import familiar
from swarmkit.secret import Secret

if TYPE_CHECKING:
    from swarmkit.observed.model import Observed

_lock = threading.Lock()
_LONGEST_BASE = 64 - 13
_digests: dict[tuple[str, Secret], Future[str]] = {}


def begin_names(stack: Stack) -> None:
    """Begin the hashes in the names of the stack's secrets, 40 ms each; who asks for one meanwhile waits for it.

    A hash leaves the interpreter to others: begun early, it is made while they import and connect. By one thread: with
    two, on two cores, the imports and the hosts' logins wait for longer than the hashes gain.
    """

    def name_all() -> None:
        for file in (*stack.secrets, *stack.configs):
            file_name(file)

    threading.Thread(target=name_all, daemon=True).start()


def file_name(file: SecretFile) -> str:
    """Return the name in the swarm of a secret or config: its base and a hash of its content.

    The engine cannot change a secret's content, so new content is a new object. The name can be read by everybody who
    may list secrets, hence scrypt: a short password cannot be guessed from it by the million. Who may list configs
    reads their content as well.
    """
    if file.content is None:
        return file.name
    salt = file.name if file.template_driver is None else f"{file.name}\0{file.template_driver}"
    if file.is_config:
        said = f"{salt}\0".encode() + file.content.reveal()
        return f"{_base(file.name)}-{hashlib.sha256(said).hexdigest()[:12]}"
    return f"{_base(file.name)}-{_digest(salt, file.content)}"


def _base(name: str) -> str:
    """Return *name*, or of one to which a hash would be too much its beginning and a hash of it.

    The engine takes 64 characters (moby/swarmkit controlapi/secret.go).
    """
    if len(name) <= _LONGEST_BASE:
        return name
    return f"{name[: _LONGEST_BASE - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _digest(salt: str, content: Secret) -> str:
    """Return the hash, made once: who asks while another thread makes it waits for that."""
    with _lock:
        begun = _digests.get((salt, content))
        future = _digests.setdefault((salt, content), Future())
    if begun is None:
        try:
            # libsodium makes the hash of hashlib.scrypt in two thirds of its time.
            digest = scrypt(content.reveal(), salt.encode(), n=2**14, r=8, p=1, dklen=6)
            future.set_result(digest.hex())
        except BaseException as error:
            future.set_exception(error)
            raise
    return future.result()


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
    if live_image and live_image.startswith("sha256:") and not hosts:
        # Nobody can be asked what the name means, so what runs stays.
        return live_image
    ids = {tagged(familiar(service.image), observed, host) for host in hosts}
    if live_image and live_image in ids and ids <= {live_image, ""}:
        return live_image
    return ids.pop() or service.image if len(ids) == 1 else service.image


def _name_for(image_id: str, reference: str, hosts: tuple[Host, ...], observed: Observed) -> str:
    """The containerd image store numbers images otherwise, so there the tag has to do (HAZARDS H42)."""
    stores = any(observed.hosts[host.name].engine.content_store for host in hosts)
    return reference if stores else image_id


def tagged(reference: str, observed: Observed, host: Host) -> str:
    """Return the ID of the image that *host* means by *reference*; nothing where it knows none."""
    images = observed.hosts[host.name].engine.images
    return next((image for image, tags in images.items() if reference in tags), "")


def has_image(host: Host, image: str, observed: Observed) -> bool:
    """Tell whether *host* has *image*, an ID or a tag."""
    images = observed.hosts[host.name].engine.images
    return image in images or any(image in tags for tags in images.values())
