"""Secrets have no place in an inventory: found by the variable's name or the value's shape, never shown."""

from __future__ import annotations

import re
from collections.abc import Iterator

from swarmkit.declared.documents.complaints import key_path
from swarmkit.declared.documents.field import Field
from swarmkit.declared.documents.nodes import ListNode, MapNode, Node, ScalarNode
from swarmkit.declared.documents.nodes import plain as plain_value
from swarmkit.declared.inventory.groups import Groups, Variables
from swarmkit.secret import Secret, holds_swarm_secret

_SUDO_ADVICE = "remove it; give sudo's password with --ask-become-pass or a file named by SWARMKIT_BECOME_PASSWORD_FILE"
_SSH_ADVICE = "remove it; SSH logs in with a key: ansible_ssh_private_key_file or the agent"
_ADVICE = {
    "ansible_become_password": _SUDO_ADVICE,
    "ansible_become_pass": _SUDO_ADVICE,
    "ansible_sudo_pass": _SUDO_ADVICE,
    "ansible_sudo_password": _SUDO_ADVICE,
    "ansible_su_pass": _SUDO_ADVICE,
    "ansible_password": _SSH_ADVICE,
    "ansible_ssh_pass": _SSH_ADVICE,
    "ansible_ssh_password": _SSH_ADVICE,
    "ansible_ssh_private_key": _SSH_ADVICE,
    "ansible_ssh_private_key_passphrase": "remove it; load the key into the agent",
    "ansible_private_key_passphrase": "remove it; load the key into the agent",
}
_SECRET_NAME = re.compile(r"pass(word|wd|phrase)?$|secret|token|private_key$|api_?key|unlock_key", re.IGNORECASE)


def refuse_secrets(groups: Groups) -> None:
    """Complain about every login or sudo password and every swarm token, vaulted ones too; never show a value."""
    everywhere = [group.variables for group in groups.groups.values()] + list(groups.host_variables.values())
    for variables in everywhere:
        for name, field in variables.items():
            if name in _ADVICE and not field.is_empty:
                is_vaulted = isinstance(field.node, ScalarNode) and field.node.tag.startswith("!vault")
                what = "a vaulted password is not read here" if is_vaulted else "secrets are not allowed here"
                field.refuse("B21", f"{what} (value not shown)", _ADVICE[name])
            else:
                _refuse_shapes(field)


def _refuse_shapes(field: Field) -> None:
    for node, path in _scalars(field.node, field.path):
        if holds_swarm_secret(node.text):
            to_do = "remove it; tokens and keys are read from the swarm when needed"
            field.log.refuse("B21", node, path, "a swarm token, unlock key or private key (value not shown)", to_do)


def _scalars(node: Node, path: str) -> Iterator[tuple[ScalarNode, str]]:
    if isinstance(node, ScalarNode):
        yield node, path
    elif isinstance(node, ListNode):
        for index, item in enumerate(node.items):
            yield from _scalars(item, f"{path}[{index}]")
    elif isinstance(node, MapNode):
        for key, value in node.items.items():
            yield from _scalars(value, key_path(path, key))


def plain_variables(variables: Variables) -> dict[str, object]:
    """Return the variables as plain values; what is named like a secret comes as one."""
    return {name: _plain(name, field.node) for name, field in variables.items()}


def _plain(name: str, node: Node) -> object:
    if isinstance(node, ScalarNode) and node.value is not None:
        if node.tag.startswith("!vault") or (_SECRET_NAME.search(name) and isinstance(node.value, str)):
            return Secret(node.text.encode("utf-8", "replace"))
        return node.value
    if isinstance(node, MapNode):
        return {key: _plain(key, value) for key, value in node.items.items()}
    if isinstance(node, ListNode):
        return [_plain(name, item) for item in node.items]
    return plain_value(node)
