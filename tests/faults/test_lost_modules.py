"""A host whose kernel lacks what its swarm needs: refused before it joins, and no success where that is overridden."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from faults.invariants import check, record, wait_for_leader
from faults.world import World, witness

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1800), pytest.mark.nightly]
Note = dict[str, object]
MODULES = {"esp4": "H04", "xt_bpf": "H04", "ip_vs": "H20", "vxlan": "H04"}
"""Module -> the finding that its absence is."""
STATE = "docker info --format '{{.Swarm.LocalNodeState}}'"


@pytest.mark.parametrize("module", MODULES)
def test_f17_a_host_whose_kernel_lost_a_module_is_refused_and_overridden_ends_in_no_success(
    shop: World, module: str, tmp_path: Path, note: Note
) -> None:
    before, code = record(shop), MODULES[module]
    with witness(f"f17-{module}", tmp_path) as seen:
        seen.wait_for_order()
        # The backend's host comes back bare, under a kernel that has not all of it.
        assert shop.swarmkit("lab", "reset", "T").returncode == 0
        shop.fault("lose-module", "T", module)

        refused = shop.up()
        assert refused.returncode == 1, refused.stdout + refused.stderr
        assert [word for word in (code, "T", module) if word not in refused.stderr] == [], refused.stderr
        assert shop.lab.run("T", STATE).strip() == "inactive"

        overridden = shop.up("--override", code, "--timeout", "60")
        assert overridden.returncode == 4, overridden.stdout + overridden.stderr
        assert f"overridden by --override {code}" in overridden.stdout + overridden.stderr
        assert "shop_backend" in overridden.stderr, overridden.stderr

        shop.fault("heal")
        healed = time.time()
        if module == "ip_vs":
            # An engine looks for it once: without a restart, a backend that asks for its database stays unhealthy.
            # Beside an old manager of the same address it would be down for good after one: `up` has taken its seat.
            shop.lab.run("T", "systemctl restart docker")
            wait_for_leader(shop)
        replaced = shop.swarmkit("node", "replace", "T", "--yes", "-i", str(shop.lab.inventory))
        assert replaced.returncode == 0, replaced.stdout + replaced.stderr
        seconds = shop.recovered(healed)
        seen.wait_for_order()
        check(shop, before, seen, rejoined={"T"})
    note |= {"fault": "F17", "phase": module, "recovered": seconds, "silence": seen.longest_silence()}
