"""A bridge of the swarm: on the sheet of addresses, and with a range that no manager keeps."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from fakes.running import plan_on, run_once
from fakes.swarm import FakeFleet
from unit.verify.verify_world import World

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.reading import load_stack
from swarmkit.observed.model import Observed, Route
from swarmkit.observed.networks import HostNetwork
from swarmkit.plan.declaration import Declared
from swarmkit.plan.networks.address_sheet import address_sheet

BRIDGE = "l5yaqkx26ncrpll4tdiqsyb13"


def test_a_swarms_bridge_is_no_clash_with_its_own_device_on_a_host_that_tells_no_range_of_it() -> None:
    world = World()

    def findings(device: str) -> list[str]:
        routes = (Route("172.20.0.0/16", device),)
        hosts = {
            name: dataclasses.replace(facts, system=dataclasses.replace(facts.system, routes=routes))
            for name, facts in world.observed.hosts.items()
        }
        ranged: dict[str, Any] = {"IPAM": {"Config": [{"Subnet": "172.20.0.0/16"}]}}
        seen = [HostNetwork("A", BRIDGE, "s_br", "bridge", "swarm", {}, {}),
                HostNetwork("B", BRIDGE, "s_br", "bridge", "swarm", ranged, {})]  # fmt: skip
        return [one.code for one in address_sheet(world.inventory, Observed(hosts, None), seen).findings]

    assert findings(f"br-{BRIDGE[:12]}") == []
    assert findings("br-0123456789ab") == ["H28"]


def test_the_range_of_a_bridge_which_managers_drop_is_warned_of_and_no_difference_ever_after(
    fleet: FakeFleet, tmp_path: Path
) -> None:
    path = tmp_path / "stack.yaml"
    path.write_text(
        "services: {web: {image: 'web:1', networks: [own]}}\n"
        "networks:\n  own:\n    driver: bridge\n    ipam: {config: [{subnet: 10.66.0.0/24}]}\n"
    )
    inventory = Inventory(Path("i"), "prod", tuple(one.host for one in fleet.values()))
    run_once(fleet, Declared(inventory))
    declared = Declared(inventory, load_stack(path, name="s", environment={}))
    (warning,) = [one for one in declared.stack.warnings if one.code == "B25"]  # type: ignore[union-attr]
    assert (warning.line, warning.path) == (5, "networks.own.ipam")
    run_once(fleet, declared)
    plan = plan_on(fleet, declared)
    assert plan.is_empty
    assert not plan.refusals
