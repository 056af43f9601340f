"""What a plan is made from on the operator's side. Light to import: it is read before any host is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.image_archive import ImageArchive, registry_of
from swarmkit.declared.stack.service import Stack
from swarmkit.secret import Secret

if TYPE_CHECKING:
    from swarmkit.plan.data.planning import DeclaredData


@dataclass(frozen=True)
class RegistryLogins:
    """The operator's credentials for the registries of the stack's images, to be sent with each service."""

    headers: Mapping[str, Secret]
    """Registry -> the API's header X-Registry-Auth."""
    sent: frozenset[str] = frozenset()
    """Services that this run has sent them with: what the swarm has of them nobody can read."""

    def of(self, image: str) -> Secret | None:
        return self.headers.get(registry_of(image))


@dataclass(frozen=True)
class Declared:
    """All that an operator declares for one run."""

    inventory: Inventory
    stack: Stack | None = None
    archives: Mapping[str, ImageArchive] = field(default_factory=dict)
    adopt: bool = False
    """Accept a swarm that swarmkit has not made."""
    prune: bool = False
    """Remove services of the stack that the file no longer has."""
    remove_nodes: bool = False
    """Drain and remove nodes that the inventory no longer has."""
    recreate_networks: bool = False
    """Make networks of the stack anew whose options cannot be changed, and move the services."""
    data: DeclaredData | None = None
    """What goes into the volumes of a fresh cluster; None: volumes are nobody's business."""
    overridden: frozenset[str] = frozenset()
    """Codes of refusals that become warnings, at the operator's word."""
    logins: RegistryLogins | None = None
    """None: the swarm keeps the credentials that it has."""
