"""`rotate secrets`: a stack's secrets brought to new content, service by service."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.service import Stack
from swarmkit.errors import InputError
from swarmkit.observed.model import Observed
from swarmkit.observed.observe import observe
from swarmkit.plan.credentials.secret_plans import rotation_plan
from swarmkit.plan.model import Applied, Plan
from swarmkit.reach.fleet import Fleet
from swarmkit.secret import Secret
from swarmkit.workflows.agreed_run import RUN_AGAIN, Change, carry_out
from swarmkit.workflows.terms import Terms

GENERATED_BYTES = 32


@dataclass(frozen=True)
class Rotation:
    """Which secrets of a stack shall have their declared content, and where new content is to be kept."""

    inventory: Inventory
    stack: Stack
    keys: Collection[str]
    new: Mapping[str, Path]

    def plan(self, fleet: Fleet) -> tuple[Plan, Observed]:
        observed = observe(fleet, kernel="never")
        return rotation_plan(self.inventory, self.stack, self.keys, self.new, observed), observed

    def as_kept(self) -> Rotation:
        """Return the rotation once the new content is in its files."""
        return replace(self, new={})


def rotation(inventory: Inventory, stack: Stack, names: Collection[str], contents: Mapping[str, Secret]) -> Rotation:
    """Return the rotation of *names* (all of the stack's when empty), those of *contents* to what is given there.

    Raises InputError for a name that the stack has not, and for content that has no file to be kept in.
    """
    known = {file.key: file for file in stack.secrets}
    if unknown := [name for name in names if name not in known]:
        raise InputError(f"no secret {', '.join(unknown)} in the stack file", to_do=f"there are: {', '.join(known)}")
    if not known:
        raise InputError("the stack file has no secrets")
    new: dict[str, Path] = {}
    for name in contents:
        path = known[name].path
        if path is None:
            what = f"{known[name].place}: the secret {name} is not kept in a file, so its new content cannot be"
            raise InputError(what, to_do="change it where it is, then run this without new content")
        new[name] = path
    changed = [replace(file, content=contents.get(file.key, file.content)) for file in stack.secrets]
    own = [file.key for file in stack.secrets if file.content is not None]
    return Rotation(inventory, replace(stack, secrets=tuple(changed)), tuple(names) or tuple(own), new)


def generated(names: Collection[str]) -> dict[str, Secret]:
    """Return new random content for each of *names*: 43 characters of URL-safe base64, without a newline."""
    return {name: Secret(secrets.token_urlsafe(GENERATED_BYTES).encode()) for name in names}


def rotate_secrets(wanted: Rotation, terms: Terms) -> Applied | None:
    """Rotate what is *wanted*; None when there was nothing to do or nobody agreed.

    Raises RefusedError, LockedError, IncompleteError or NotConvergedError; the old secrets stay until every service
    runs with the new ones.
    """
    again = wanted.as_kept().plan
    go_on = (
        "run the same without --generate and --stdin: with them it is the next rotation" if wanted.new else RUN_AGAIN
    )
    change = Change(wanted.inventory, "rotate secrets", wanted.plan, "not all secrets are rotated", again, go_on)
    return carry_out(terms, change)
