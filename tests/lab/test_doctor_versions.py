"""Engines of versions that are known to fail, as near to the real thing as there is.

The lab has the engines of Debian, 20.10.24 and 26.1.5, and there is no place to get others from. So a program is in the
place of the engine's socket and changes the number in its answers: the tool works as with such an engine, but what that
engine itself does is not there. To take the program away stands for the upgrade that the remedy tells.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from lab.doctored import Finding, findings, the_one
from lab.other_versions import telling
from lab.spare_lab import SpareLab

pytestmark = pytest.mark.lab

UPGRADE = "on {}: apt-get update && apt-get install --only-upgrade docker.io (or docker-ce)"
DATABASE = """
services:
  db:
    image: 'postgres:16'
    networks: [guarded]
    sysctls: {net.ipv4.tcp_keepalive_time: 300}
    deploy: {replicas: 0}
networks:
  guarded: {driver: overlay, driver_opts: {encrypted: ''}}
"""


def told(found: list[Finding]) -> dict[str, tuple[str, str]]:
    """Return code -> severity and place of what was *found*, each code once."""
    assert len({one["code"] for one in found}) == len(found), found
    return {one["code"]: (one["severity"], one["where"]) for one in found}


def assert_up_refuses(lab: SpareLab, inventory: Path, code: str) -> None:
    refused = lab.swarmkit("up", "--yes", "-i", str(inventory), check=False)
    assert refused.returncode == 1, refused.stdout + refused.stderr
    assert code in refused.stderr
    assert lab.run("X", "docker info -f '{{.Swarm.LocalNodeState}}'").stdout.strip() == "inactive"


def test_an_engine_that_numbers_esp_states_otherwise_is_told_and_up_refuses_until_it_is_another(
    spare_lab: SpareLab, steady_inventory: Path, tmp_path: Path
) -> None:
    stack = tmp_path / "kept.yaml"
    stack.write_text(DATABASE)
    with telling(spare_lab, "Y", "26.1.5", "29.1.3"):
        found = findings(spare_lab, steady_inventory, "-f", str(stack))
        assert told(found) == {"H05": ("error", "Y"), "H43": ("warning", "db"), "H61": ("warning", "X")}
        by_code = {one["code"]: one for one in found}
        assert by_code["H05"]["evidence"] == "X: 26.1.5+dfsg1, Y: 29.1.3+dfsg1"
        assert by_code["H05"]["remedy"] == f"upgrade to 25.0.15, 29.2.1 or newer; {UPGRADE.format('Y')}"
        assert by_code["H61"]["remedy"] == f"upgrade its engine to 29.1.3; {UPGRADE.format('X')}"
        assert_up_refuses(spare_lab, steady_inventory, "H05")
        limits = by_code["H43"]["remedy"].partition("in the stack file, for db: ")[2]
        stack.write_text(DATABASE.replace("    deploy:", f"    {limits}\n    deploy:"))
        assert told(findings(spare_lab, steady_inventory, "-f", str(stack))).keys() == {"H05", "H61"}
        with telling(spare_lab, "X", "26.1.5", "29.1.3"):
            assert findings(spare_lab, steady_inventory) == [], "engines that all number them so understand each other"
    stack.write_text(DATABASE)
    assert findings(spare_lab, steady_inventory, "-f", str(stack)) == []


def test_an_engine_that_rejects_tasks_while_the_registry_is_away_is_told(
    spare_lab: SpareLab, steady_inventory: Path
) -> None:
    with telling(spare_lab, "Y", "26.1.5", "29.6.2"):
        found = findings(spare_lab, steady_inventory)
        assert told(found) == {"H61": ("warning", "X"), "H69": ("warning", "Y")}
        (rejects,) = (one for one in found if one["code"] == "H69")
        assert rejects["evidence"] == "engine 29.6.2+dfsg1"
        assert rejects["remedy"] == f"upgrade to 29.7.0 or newer; {UPGRADE.format('Y')}"


@pytest.mark.nightly
@pytest.mark.parametrize("spare_lab", ["20.10"], indirect=True, scope="session")
def test_an_engine_that_takes_clear_frames_into_encrypted_networks_is_told_and_up_refuses_until_it_is_newer(
    spare_lab: SpareLab, steady_inventory: Path
) -> None:
    with telling(spare_lab, "Y", "20.10.24", "20.10.23"):
        finding = the_one(spare_lab, steady_inventory, "H01")
        assert (finding["severity"], finding["where"]) == ("error", "Y")
        assert "engine 20.10.23+dfsg1 accepts clear frames" in finding["what"]
        assert "CVE-2023-28840" in finding["evidence"]
        assert finding["remedy"] == f"upgrade to 20.10.24, 23.0.3 or newer; {UPGRADE.format('Y')}"
        assert_up_refuses(spare_lab, steady_inventory, "H01")
