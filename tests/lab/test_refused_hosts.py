"""What is refused on a real host, before anything changes there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from lab.shop_lab import Lab, Shop

pytestmark = pytest.mark.lab

INVENTORY = """
all:
  vars:
    ansible_user: {user}
    ansible_ssh_private_key_file: {state}/id_ed25519
    swarm_known_hosts: {known_hosts}
    swarm_cluster: lonely
  children:
    managers:
      hosts:
        D:
          ansible_host: {address}
          swarm_advertise_addr: 10.88.0.37
{more}
"""

D = "        D:\n          ansible_host: 127.88.0.37\n          swarm_advertise_addr: 10.88.0.37\n"
"""Makes D a worker of the lab's inventory, which ends with its workers."""


@pytest.fixture(scope="module")
def bare(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The lab with one more host, D, which is in no swarm."""
    folder = tmp_path_factory.mktemp("bare")
    both = folder / "both.yaml"
    base = lab.inventory.read_text()
    both.write_text(base + D)
    lab.up(both)
    yield lab
    lab.swarmkit("lab", "fault", "power-off", "D")


def inventory(
    lab: Lab,
    folder: Path,
    *,
    user: str = "root",
    known_hosts: Path | None = None,
    address: str = "127.88.0.37",
    more: str = "",
) -> Path:
    path = folder / "inventory.yaml"
    trusted = known_hosts or lab.state / "known_hosts"
    path.write_text(INVENTORY.format(user=user, state=lab.state, known_hosts=trusted, address=address, more=more))
    return path


def swarm_state(lab: Lab) -> str:
    return lab.run("D", "docker info --format '{{.Swarm.LocalNodeState}}'").strip()


@pytest.mark.parametrize(("code", "module", "users"), [("H04", "esp4", ""), ("H20", "ip_vs", "xt_ipvs ip_vs_rr")])
def test_a_host_whose_kernel_lacks_a_module_is_refused_and_stays_untouched(
    bare: Lab, tmp_path: Path, code: str, module: str, users: str
) -> None:
    lost = f"for one in {users} {module}; do rmmod $one 2>/dev/null; done; test ! -d /sys/module/{module}"
    bare.run("D", f"echo 'install {module} /bin/false' > /etc/modprobe.d/lost.conf; {lost}")
    try:
        refused = bare.swarmkit("up", "--yes", "-i", inventory(bare, tmp_path))
    finally:
        bare.run("D", "rm /etc/modprobe.d/lost.conf")
    assert refused.returncode == 1
    assert code in refused.stderr
    assert module in refused.stderr
    assert swarm_state(bare) == "inactive"


def test_an_engine_that_writes_firewall_rules_at_that_moment_is_no_missing_kernel_feature(
    bare: Lab, tmp_path: Path
) -> None:
    bare.run("D", "systemd-run -q flock /run/xtables.lock sleep 3")
    planned = bare.swarmkit("plan", "-i", inventory(bare, tmp_path))
    assert planned.returncode == 0, planned.stdout + planned.stderr
    assert "H20" not in planned.stdout + planned.stderr


def test_a_changed_host_key_stops_the_run_before_anything_is_sent(bare: Lab, tmp_path: Path) -> None:
    lines = (bare.state / "known_hosts").read_text().splitlines()
    key_of_a = next(line for line in lines if line.startswith("127.88.0.31 ")).split(None, 1)[1]
    wrong = tmp_path / "known_hosts"
    wrong.write_text(f"127.88.0.37 {key_of_a}\n")
    logins_before = bare.run("D", "journalctl -u ssh --no-pager | grep -c 'Accepted publickey' || true")
    stopped = bare.swarmkit("up", "--yes", "-i", inventory(bare, tmp_path, known_hosts=wrong))
    logins_after = bare.run("D", "journalctl -u ssh --no-pager | grep -c 'Accepted publickey' || true")
    assert stopped.returncode == 3
    assert "host key has changed" in stopped.stderr
    assert f"{wrong}:1" in stopped.stderr
    assert "SHA256:" in stopped.stderr
    # Only our own two look-ups of the log have logged in.
    assert int(logins_after) - int(logins_before) <= 1
    assert swarm_state(bare) == "inactive"


def test_an_unknown_host_is_not_trusted_until_it_is_recorded(bare: Lab, tmp_path: Path) -> None:
    fresh = tmp_path / "known_hosts"
    path = inventory(bare, tmp_path, known_hosts=fresh)
    unknown = bare.swarmkit("plan", "-i", path)
    assert unknown.returncode == 3
    assert "swarmkit trust" in unknown.stderr
    trusted = bare.swarmkit("trust", "-i", path, "--yes")
    assert trusted.returncode == 0, trusted.stderr
    assert bare.swarmkit("plan", "-i", path).returncode == 0


def test_an_unreachable_host_ends_the_run_with_3_and_its_name(bare: Lab, tmp_path: Path) -> None:
    result = bare.swarmkit("up", "--yes", "-i", inventory(bare, tmp_path, address="127.88.0.99"))
    assert result.returncode == 3
    assert "D" in result.stderr
    assert "127.88.0.99" in result.stderr


def test_a_host_behind_a_jump_host_is_reached_with_both_keys_checked(bare: Lab, tmp_path: Path) -> None:
    lines = (bare.state / "known_hosts").read_text().splitlines()
    key_of_d = next(line for line in lines if line.startswith("127.88.0.37 ")).split(None, 1)[1]
    known = tmp_path / "known_hosts"
    jump = "          swarm_jump: root@127.88.0.31"
    path = inventory(bare, tmp_path, known_hosts=known, address="10.88.0.37", more=jump)
    known.write_text(f"10.88.0.37 {key_of_d}\n")
    unknown_jump = bare.swarmkit("plan", "-i", path)
    assert unknown_jump.returncode == 3
    known.write_text("\n".join([*lines, f"10.88.0.37 {key_of_d}"]) + "\n")
    reached = bare.swarmkit("plan", "-i", path)
    assert reached.returncode == 0, reached.stderr


def test_up_without_a_stack_makes_the_swarm_and_down_dissolves_it(bare: Lab, tmp_path: Path) -> None:
    path = inventory(bare, tmp_path)
    made = bare.swarmkit("up", "--yes", "-i", path)
    assert made.returncode == 0, made.stdout + made.stderr
    assert swarm_state(bare) == "active"
    unconfirmed = bare.swarmkit("down", "-i", path, "--stack", "none")
    assert unconfirmed.returncode == 2
    assert swarm_state(bare) == "active"
    removed = bare.swarmkit("down", "-i", path, "--stack", "none", "--confirm", "lonely")
    assert removed.returncode == 0, removed.stdout + removed.stderr
    assert swarm_state(bare) == "inactive"
    again = bare.swarmkit("down", "-i", path, "--stack", "none", "--confirm", "lonely")
    assert again.returncode == 0


def test_a_swarm_that_swarmkit_has_not_made_is_refused_without_adopt(bare: Lab, tmp_path: Path) -> None:
    path = inventory(bare, tmp_path)
    bare.run("D", "docker swarm init --advertise-addr 10.88.0.37")
    try:
        refused = bare.swarmkit("up", "--yes", "-i", path)
        adopted = bare.swarmkit("up", "--yes", "-i", path, "--adopt", "--no-verify")
        known = bare.swarmkit("plan", "-i", path, "--detailed-exitcode")
    finally:
        bare.run("D", "docker swarm leave --force")
    assert refused.returncode == 1
    assert "H49" in refused.stderr
    assert "--adopt" in refused.stderr
    assert adopted.returncode == 0, adopted.stderr
    assert known.returncode == 0, known.stdout + known.stderr


def test_a_host_that_is_in_another_swarm_is_refused_and_both_swarms_stay_as_they_were(
    bare: Lab, deployed_shop: Shop, tmp_path: Path
) -> None:
    path = tmp_path / "both.yaml"
    path.write_text(bare.inventory.read_text() + D)

    def as_it_is() -> list[str]:
        swarm = "docker info --format '{{.Swarm.Cluster.ID}} {{.Swarm.NodeID}} {{.Swarm.Cluster.Version}}'"
        return [bare.run(host, f"{swarm}; docker node ls -q; docker config ls -q") for host in "AD"]

    bare.run("D", "docker swarm init --advertise-addr 10.88.0.37")
    try:
        before = as_it_is()
        refused = bare.swarmkit("up", "--yes", "-i", path, *deployed_shop.arguments[2:])
        after = as_it_is()
    finally:
        bare.run("D", "docker swarm leave --force")
    assert refused.returncode == 1, refused.stdout + refused.stderr
    assert "H49" in refused.stderr
    assert "the hosts are managers of different swarms" in refused.stderr
    assert "docker swarm leave --force" in refused.stderr
    assert after == before


def test_sudo_with_a_password_works_and_without_one_says_what_to_give(bare: Lab, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("swarmkit\n")
    password.chmod(0o600)
    path = inventory(bare, tmp_path, user="ops", more="          ansible_become: true")
    refused = bare.swarmkit("plan", "-i", path)
    assert refused.returncode != 0
    assert "--ask-become-pass" in refused.stderr
    environment = {**bare.environment, "SWARMKIT_BECOME_PASSWORD_FILE": str(password)}
    password.write_text("wrong\n")
    wrong = replace(bare, environment=environment).swarmkit("plan", "-i", path)
    assert wrong.returncode == 3
    assert "sudo did not take the password" in wrong.stderr
    assert "no Docker engine answers" not in wrong.stderr
    password.write_text("swarmkit\n")
    allowed = replace(bare, environment=environment).swarmkit("plan", "-i", path)
    assert allowed.returncode == 0, allowed.stderr
    assert "initialise the swarm" in allowed.stdout


def test_sudo_without_a_password_works(bare: Lab, tmp_path: Path) -> None:
    path = inventory(bare, tmp_path, user="deploy", more="          ansible_become: true")
    allowed = bare.swarmkit("plan", "-i", path)
    assert allowed.returncode == 0, allowed.stderr
