"""Names of variables: our own must be known, those of Ansible that are read here must not be misspelt."""

from __future__ import annotations

from swarmkit.declared.documents.complaints import did_you_mean, shown
from swarmkit.declared.inventory.groups import Groups

HOST_KEYS = (
    "swarm_advertise_addr",
    "swarm_data_path_addr",
    "swarm_labels",
    "swarm_availability",
    "swarm_jump",
    "swarm_host_key",
)
CLUSTER_KEYS = (
    "swarm_cluster",
    "swarm_data_path_port",
    "swarm_address_pools",
    "swarm_address_pool_prefix",
    "swarm_autolock",
    "swarm_overlay_encryption",
    "swarm_encrypt_ingress",
    "swarm_known_hosts",
    "swarm_ssh_config",
)
_ANSIBLE_KEYS = (
    "ansible_host",
    "ansible_port",
    "ansible_user",
    "ansible_become",
    "ansible_ssh_private_key_file",
    "ansible_private_key_file",
    "ansible_ssh_common_args",
    "ansible_ssh_extra_args",
    "ansible_ssh_args",
    "ansible_ssh_host",
    "ansible_ssh_port",
    "ansible_ssh_user",
    "ansible_connection",
    "ansible_become_method",
    "ansible_become_user",
)


def refuse_unknown_names(groups: Groups) -> None:
    """Complain about unknown ``swarm_`` variables and misspelt ``ansible_`` ones; all others pass through."""
    for variables in [group.variables for group in groups.groups.values()] + list(groups.host_variables.values()):
        for name, field in variables.items():
            if name.startswith("swarm_") and name not in HOST_KEYS + CLUSTER_KEYS:
                hint = did_you_mean(name, HOST_KEYS + CLUSTER_KEYS)
                field.refuse("B05", f"unknown variable {shown(name)}", hint or "names that begin with swarm_ are ours")
            elif name.startswith("ansible_") and (hint := _misspelt(name)):
                field.refuse("B05", f"unknown variable {shown(name)}", hint)


def _misspelt(name: str) -> str:
    """Return a hint when *name* is an ``ansible_`` variable one or two letters away from one that is read here."""
    near = [
        word for word in _ANSIBLE_KEYS if word != name and _distance(name[8:], word[8:]) <= min(2, len(word[8:]) // 2)
    ]
    return f"did you mean {near[0]!r}?" if near and name not in _ANSIBLE_KEYS else ""


def _distance(a: str, b: str) -> int:
    """Return how many letters to insert, drop, change or swap with the next turn *a* into *b*."""
    if abs(len(a) - len(b)) > 2:
        return 3
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        older, before, row = before, row, [i]
        for j, y in enumerate(b, 1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and y == a[i - 2]:
                best = min(best, older[j - 2] + 1)
            row.append(best)
    return row[-1]
