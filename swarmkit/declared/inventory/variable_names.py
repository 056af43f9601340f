"""Names of variables: our own must be known, those of Ansible and of the lab that are read must not be misspelt."""

from __future__ import annotations

from swarmkit.declared.documents.complaints import did_you_mean, shown
from swarmkit.declared.inventory.groups import Groups

HOST_KEYS = (
    "swarm_advertise_addr",
    "swarm_data_path_addr",
    "swarm_labels",
    "swarm_availability",
    "swarm_state",
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
_LAB_KEYS = ("lab_engine", "lab_memory")
_OF_ADDRESSES = ("swarm_address", "swarm_addr", "swarm_ip")
"""What one takes for the variable of a host's address; there is none of these names."""


def refuse_unknown_names(groups: Groups) -> None:
    """Complain about unknown ``swarm_`` variables, misspelt ``ansible_`` and ``lab_`` ones; all others pass through."""
    for variables in [group.variables for group in groups.groups.values()] + list(groups.host_variables.values()):
        for name, field in variables.items():
            if name.startswith("swarm_") and name not in HOST_KEYS + CLUSTER_KEYS:
                field.refuse("B05", f"unknown variable {shown(name)}", _meant(name))
            elif hint := _misspelt(name, "ansible_", _ANSIBLE_KEYS) or _misspelt(name, "lab_", _LAB_KEYS):
                field.refuse("B05", f"unknown variable {shown(name)}", hint)


def _meant(name: str) -> str:
    hint = did_you_mean(name, HOST_KEYS + CLUSTER_KEYS + _OF_ADDRESSES)
    if any(repr(word) in hint for word in _OF_ADDRESSES):
        return "a host is reached at its ansible_host; what it tells its peers is swarm_advertise_addr"
    return hint or "names that begin with swarm_ are ours"


def _misspelt(name: str, prefix: str, known: tuple[str, ...]) -> str:
    """Return a hint when *name* is a variable with *prefix* one or two letters away from one that is read."""
    if not name.startswith(prefix) or name in known:
        return ""
    start = len(prefix)
    near = [word for word in known if _distance(name[start:], word[start:]) <= min(2, len(word[start:]) // 2)]
    return f"did you mean {near[0]!r}?" if near else ""


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
