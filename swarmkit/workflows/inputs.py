"""Reading what the operator declared, with the complaints of all files at once; contacts nothing."""

from __future__ import annotations

import importlib
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from swarmkit.declared.inventory.reading import load_inventory
from swarmkit.declared.stack.image_archive import ImageArchive, names_registry, read_image_archives, registry_of
from swarmkit.declared.stack.reading_beside import begin_stack
from swarmkit.declared.stack.service import Stack
from swarmkit.errors import Complaint, InputError
from swarmkit.plan.declaration import Declared, RegistryLogins


def read_declared(
    inventory: Path,
    stack: Sequence[Path],
    *,
    stack_name: str | None = None,
    images: Path | None = None,
    allow_even_managers: bool = False,
    adopt: bool = False,
    prune: bool = False,
    recreate_networks: bool = False,
    remove_nodes: bool = False,
    overridden: Collection[str] = (),
    to_deploy: bool = False,
    with_registry_auth: bool = False,
) -> Declared:
    """Read inventory, stack and image archives; raises one InputError with everything wrong in any of them.

    *to_deploy* begins the hashes in the names of secrets, and takes images that neither an archive nor a registry is
    named for from the operator's own engine, if it has them. Several *stack* files are merged. *with_registry_auth*
    reads the operator's logins too.
    """
    errors: list[InputError] = []
    loaded_inventory = loaded_stack = None
    finish_stack = begin_stack(stack, name=stack_name) if stack else None
    try:
        loaded_inventory = load_inventory(inventory, allow_even_managers=allow_even_managers)
    except InputError as error:
        errors.append(error)
    if to_deploy:
        importlib.import_module("swarmkit.workflows.look")
    try:
        loaded_stack = finish_stack() if finish_stack else None
    except InputError as error:
        errors.append(error)
    try:
        archives = read_image_archives(images) if images else {}
    except InputError as error:
        errors.append(error)
    if errors or loaded_inventory is None:
        raise _together(errors, [one for said in (loaded_inventory, loaded_stack) if said for one in said.warnings])
    if loaded_stack is not None and to_deploy:
        from swarmkit.plan.stacks.names import begin_names

        begin_names(loaded_stack)
        archives |= _from_local_engine(loaded_stack, archives)
    return Declared(
        loaded_inventory,
        loaded_stack,
        archives,
        adopt=adopt,
        prune=prune,
        recreate_networks=recreate_networks,
        remove_nodes=remove_nodes,
        overridden=frozenset(overridden),
        logins=_logins(loaded_stack, archives) if with_registry_auth and loaded_stack else None,
    )


def _from_local_engine(stack: Stack, archives: Mapping[str, ImageArchive]) -> dict[str, ImageArchive]:
    wanted = {service.image for service in stack.services if not names_registry(service.image)} - archives.keys()
    if not wanted:
        return {}
    from swarmkit.reach.local_engine import local_images

    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return local_images(sorted(wanted), cache / "swarmkit" / "local-images")


def _logins(stack: Stack, archives: Mapping[str, ImageArchive]) -> RegistryLogins:
    from swarmkit.reach.registry_logins import registry_logins

    pulled = {service.image for service in stack.services} - archives.keys()
    return RegistryLogins(registry_logins({registry_of(image) for image in pulled} - {""}))


def _together(errors: Sequence[InputError], warnings: Sequence[Complaint]) -> InputError:
    """Return one error of all; *warnings* are those of files that can be used."""
    complaints = [complaint for error in errors for complaint in error.complaints]
    warned = [*warnings, *(warning for error in errors for warning in error.warnings)]
    to_do = errors[0].to_do if len(errors) == 1 else ""
    return InputError("\n".join(error.what for error in errors), complaints, to_do, warned)
