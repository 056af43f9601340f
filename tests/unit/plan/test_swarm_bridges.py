"""A bridge of the swarm on the sheet of addresses: its device is no stranger's, on whatever host it stands."""

from __future__ import annotations

import dataclasses
from typing import Any

from unit.verify.verify_world import World

from swarmkit.observed.model import Observed, Route
from swarmkit.observed.networks import HostNetwork
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
