"""Reading what the operator declared, with the complaints of all files at once; contacts nothing."""

from __future__ import annotations

from pathlib import Path

from swarmkit.declared.image_archive import read_image_archives
from swarmkit.declared.inventory import load_inventory
from swarmkit.declared.stack import load_stack
from swarmkit.errors import Complaint, InputError
from swarmkit.plan.planner import Declared


def read_declared(
    inventory: Path,
    stack: Path | None,
    *,
    stack_name: str | None = None,
    images: Path | None = None,
    allow_even_managers: bool = False,
    adopt: bool = False,
    prune: bool = False,
) -> Declared:
    """Read inventory, stack and image archives; raises one InputError with everything wrong in any of them."""
    errors: list[InputError] = []
    loaded_inventory = loaded_stack = None
    try:
        loaded_inventory = load_inventory(inventory, allow_even_managers=allow_even_managers)
    except InputError as error:
        errors.append(error)
    try:
        loaded_stack = load_stack(stack, name=stack_name) if stack else None
    except InputError as error:
        errors.append(error)
    try:
        archives = read_image_archives(images) if images else {}
    except InputError as error:
        errors.append(error)
    if errors or loaded_inventory is None:
        raise _together(errors)
    return Declared(loaded_inventory, loaded_stack, archives, adopt=adopt, prune=prune)


def _together(errors: list[InputError]) -> InputError:
    complaints: list[Complaint] = [complaint for error in errors for complaint in error.complaints]
    if len(errors) == 1:
        return errors[0]
    return InputError("\n".join(error.what for error in errors), complaints)
