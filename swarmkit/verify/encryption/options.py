"""Whether networks were made encrypted, held against what is declared of them; pure."""

from __future__ import annotations

from collections.abc import Iterator

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.service import Network, Stack
from swarmkit.finding import Finding
from swarmkit.observed.model import STACK_LABEL, NetworkState
from swarmkit.verify import codes
from swarmkit.verify.live import Live

_OPTION = 'driver_opts: {encrypted: ""}'


def prove_options(live: Live, inventory: Inventory, stack: Stack | None) -> Iterator[Finding]:
    """Prove that each network that shall be encrypted was made so, and tell which others are in clear, and why."""
    declared = {network.name: network for network in stack.networks} if stack else {}
    for network in live.networks.values():
        if network.encrypted:
            continue
        wish = declared.get(network.declared_name)
        if wish and _is_required(wish, inventory):
            what = f"network {network.name} is not encrypted and shall be; an existing network cannot be changed"
            remedy = "make it anew under its services: swarmkit up --recreate-networks"
            if wish.external:
                remedy = f"the stack file only uses it; {_anew(network)}"
            yield Finding(codes.ENCRYPTED_OPTION, "error", network.name, what, remedy=remedy)
        else:
            what = f"network {network.name} is not encrypted: its traffic crosses between hosts in clear"
            why, remedy = _why_in_clear(network, wish, stack)
            yield Finding(codes.ENCRYPTED_OPTION, "warning", network.name, what, why, remedy)


def _is_required(wish: Network, inventory: Inventory) -> bool:
    return wish.encrypted or (inventory.overlay_encryption == "required" and not wish.plaintext_reason)


def _why_in_clear(network: NetworkState, wish: Network | None, stack: Stack | None) -> tuple[str, str]:
    """Return what is known of why it is in clear, and what to do; nothing, where it is declared so for a reason."""
    if wish and wish.plaintext_reason:
        return wish.plaintext_reason, ""
    if wish and not wish.external:
        return "not asked for", f"{_OPTION} in the stack file, swarmkit up --recreate-networks"
    remedy = f"if it shall be encrypted: {_anew(network)}"
    if wish:
        return "not asked for: the stack file only uses it", remedy
    if stack:
        return "the stack file does not name it", remedy
    return "whether it is declared so is not known without -f", f"verify with its stack file, -f FILE; {remedy}"


def _anew(network: NetworkState) -> str:
    """Return how a network is made anew that no stack file at hand makes."""
    if stack := network.labels.get(STACK_LABEL):
        return f"{_OPTION} in the file of the stack {stack}, swarmkit up --recreate-networks"
    name = network.name
    return f"with no service on it, swarmkit network rm {name} && swarmkit network create {name} -d overlay --encrypted"
