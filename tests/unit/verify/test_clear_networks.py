"""What is said of a network in clear: what its stack file declares of it, and no more than is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from unit.verify.verify_world import World

from swarmkit.declared.stack.service import Network, Stack
from swarmkit.finding import Finding
from swarmkit.verify.encryption.options import prove_options
from swarmkit.verify.live import read_live

OF_SHOP = {"com.docker.stack.namespace": "shop"}


def said(*declared: Network, file: bool = True, policy: Any = "as-declared", **network: Any) -> Finding:
    """Return V08 of the shop's network, in clear."""
    world = World()
    world.networks[0] |= {"Options": {}, "Labels": OF_SHOP} | network
    observed, inventory = world.observed, replace(world.inventory, overlay_encryption=policy)
    assert observed.cluster
    stack = Stack(inventory.source, "shop", (), declared) if file else None
    live = read_live(world.fleet["A"].engine, observed.cluster, observed, stack)
    (finding,) = prove_options(live, inventory, stack)
    return finding


def test_without_a_stack_file_it_is_not_said_that_encryption_was_not_asked_for() -> None:
    """It was, of a network that its file declares in clear with a reason too; and to encrypt it was the advice."""
    finding = said(file=False, policy="required")
    assert (finding.severity, finding.evidence) == ("warning", "whether it is declared so is not known without -f")
    assert finding.remedy.startswith("verify with its stack file, -f FILE; if it shall be encrypted: driver_opts")


def test_one_in_clear_for_a_reason_has_the_reason_and_no_remedy() -> None:
    finding = said(Network("shop", "shop_shop", plaintext_reason="it is measured"), policy="required")
    assert (finding.severity, finding.evidence, finding.remedy) == ("warning", "it is measured", "")


def test_one_that_the_stack_file_makes_and_does_not_encrypt_gets_the_option_there() -> None:
    finding = said(Network("shop", "shop_shop"))
    assert (finding.severity, finding.evidence) == ("warning", "not asked for")
    assert finding.remedy == 'driver_opts: {encrypted: ""} in the stack file, swarmkit up --recreate-networks'


def test_one_that_the_stack_file_does_not_name_is_told_as_that() -> None:
    finding = said(Network("other", "shop_other"), policy="required")
    assert (finding.severity, finding.evidence) == ("warning", "the stack file does not name it")
    assert finding.remedy.startswith("if it shall be encrypted: ")


BY_HAND = "swarmkit network rm shop_shop && swarmkit network create shop_shop -d overlay --encrypted"
OTHER = 'driver_opts: {encrypted: ""} in the file of the stack other, swarmkit up --recreate-networks'


@pytest.mark.parametrize(
    ("labels", "anew"),
    [({}, f"with no service on it, {BY_HAND}"), ({"com.docker.stack.namespace": "other"}, OTHER)],
)
def test_an_external_one_is_made_anew_where_it_was_made(labels: dict[str, str], anew: str) -> None:
    """`up --recreate-networks`, which was advised, makes no external network."""
    external = Network("shop", "shop_shop", external=True)
    asked, required = (said(external, policy=policy, Labels=labels) for policy in ("as-declared", "required"))
    assert (asked.severity, asked.remedy) == ("warning", f"if it shall be encrypted: {anew}")
    assert (required.severity, required.remedy) == ("error", f"the stack file only uses it; {anew}")
