"""Nodes that change their role, leave, and come back: on real hosts of the tests' third lab."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from lab.shop_lab import ROOT, Lab

from swarmkit.reach.retry import wait_until

pytestmark = pytest.mark.lab

NUMBERS = {"P": 61, "Q": 62, "R": 63}
ALL = Path(__file__).parent / "node_life_inventory.yaml"


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Hosts P, Q and R, booted and bare; ended after the last test."""
    state = tmp_path_factory.mktemp("life")
    made = Lab(state / "swarmkit" / "lab", {**os.environ, "XDG_STATE_HOME": str(state)}, ALL)
    try:
        made.up()
        yield made
    finally:
        made.swarmkit("lab", "down")


def inventory(lab: Lab, folder: Path, managers: str, workers: str = "", labels: str = "") -> Path:
    """Write an inventory of some of the three hosts; R has *labels*."""

    def hosts(names: str) -> dict[str, dict[str, object]]:
        return {
            name: {"ansible_host": f"127.88.0.{NUMBERS[name]}", "swarm_advertise_addr": f"10.88.0.{NUMBERS[name]}"}
            | ({"swarm_labels": {"role": labels}} if name == "R" and labels else {})
            for name in names
        }

    variables = {
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(lab.state / "id_ed25519"),
        "swarm_known_hosts": str(lab.state / "known_hosts"),
        "swarm_cluster": "life",
        "swarm_address_pools": ["10.20.0.0/16"],
    }
    children = {"managers": {"hosts": hosts(managers)}, "workers": {"hosts": hosts(workers)}}
    path = folder / f"{managers}-{workers}.yaml"
    path.write_text(json.dumps({"all": {"vars": variables, "children": children}}))
    return path


def nodes(lab: Lab, asked: str) -> dict[str, str]:
    """Return host name -> role, as the manager *asked* says."""
    said = lab.run(asked, "docker node ls --format '{{.Hostname}} {{.ManagerStatus}}'")
    words = [line.split() for line in said.splitlines()]
    return {line[0]: "manager" if len(line) > 1 else "worker" for line in words}


def idle(lab: Lab) -> None:
    """Run a service of three tasks, one on each host, from an image made of the hosts' own files."""
    files = "/bin/sleep /lib/x86_64-linux-gnu/libc.so.6 /lib64/ld-linux-x86-64.so.2"
    for name in "PQR":
        lab.run(name, f"tar -C / -ch {files} 2>/dev/null | docker import - idle:1")
    lab.run("P", "docker service create -q --no-resolve-image --name idle --replicas 3 idle:1 /bin/sleep 100000")


def running_on(lab: Lab, host: str) -> int:
    return len(lab.run(host, "docker ps -q --filter label=com.docker.swarm.service.name=idle").split())


def changed(lab: Lab, *arguments: str | Path) -> str:
    result = lab.swarmkit(*arguments)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_managers_give_their_places_to_others_one_at_a_time(life: Lab, tmp_path: Path) -> None:
    changed(life, "up", "--yes", "-i", inventory(life, tmp_path, "P", "QR"))
    # The only manager becomes a worker, and a worker takes its place.
    changed(life, "up", "--yes", "-i", inventory(life, tmp_path, "Q", "PR"))
    assert nodes(life, "Q") == {"P": "worker", "Q": "manager", "R": "worker"}
    changed(life, "up", "--yes", "-i", inventory(life, tmp_path, "PQR"))
    assert nodes(life, "P") == {"P": "manager", "Q": "manager", "R": "manager"}
    last = json.loads(changed(life, "history", "show", "last", "--json"))
    assert (last["state"], last["exit_code"]) == ("ended", 0)
    assert {step["status"] for step in last["steps"]} == {"done"}


def test_what_left_the_inventory_is_drained_and_removed_after_its_tasks_moved(life: Lab, tmp_path: Path) -> None:
    whole = inventory(life, tmp_path, "PQR")
    changed(life, "up", "--yes", "-i", whole)
    idle(life)
    assert running_on(life, "Q") == 1
    rest = inventory(life, tmp_path, "P", "R")
    warned = changed(life, "up", "--yes", "-i", rest)
    assert "H52" in warned
    assert "Q" in nodes(life, "P")
    changed(life, "up", "--yes", "--remove-nodes", "-i", rest)
    assert nodes(life, "P") == {"P": "manager", "R": "worker"}
    assert running_on(life, "P") + running_on(life, "R") == 3
    life.run("P", "docker service rm idle")
    assert "nothing to do" in changed(life, "up", "--yes", "--remove-nodes", "-i", rest)
    life.run("Q", "docker swarm leave --force")
    changed(life, "up", "--yes", "-i", whole)
    assert nodes(life, "P") == {"P": "manager", "Q": "manager", "R": "manager"}


def test_a_wiped_manager_takes_its_old_place_with_its_labels(life: Lab, tmp_path: Path) -> None:
    whole = inventory(life, tmp_path, "PQR", labels="data")
    changed(life, "up", "--yes", "-i", whole)
    life.run("P", "docker node update --label-add rack=7 R")
    changed(life, "lab", "reset", "R")
    seen = wait_until(
        # R may have been the leader: until there is another, nobody can tell of the nodes.
        lambda: life.run("P", "docker node ls --format '{{.Hostname}} {{.Status}}' || true"),
        lambda said: "R Down" in said,
        timeout_seconds=90,
        interval_seconds=2,
    )
    assert "R Down" in seen
    changed(life, "node", "replace", "R", "--yes", "-i", whole)
    listed = json.loads(changed(life, "node", "ls", "--json", "-i", whole))["nodes"]
    assert [(node["name"], node["role"], node["state"]) for node in listed] == [
        (name, "manager", "ready") for name in "PQR"
    ]
    assert listed[2]["labels"] == {"role": "data", "rack": "7"}
    assert "nothing to do" in changed(life, "up", "--yes", "-i", whole)


def test_a_drained_node_is_emptied_and_activated_again(life: Lab, tmp_path: Path) -> None:
    whole = inventory(life, tmp_path, "PQR", labels="data")
    changed(life, "up", "--yes", "-i", whole)
    idle(life)
    assert running_on(life, "R") == 1
    changed(life, "node", "drain", "R", "--yes", "-i", whole)
    assert [running_on(life, "R"), running_on(life, "P") + running_on(life, "Q")] == [0, 3]
    life.run("P", "docker service rm idle")
    assert life.run("P", "docker node inspect R --format '{{.Spec.Availability}}'").strip() == "drain"
    changed(life, "node", "activate", "R", "--yes", "-i", whole)
    assert "nothing to do" in changed(life, "up", "--yes", "-i", whole)


LOCK = "docker config ls --filter name=swarmkit.lock --format '{{.Name}}'"


def test_two_runs_at_once_change_a_cluster_one_after_the_other(life: Lab, tmp_path: Path) -> None:
    changed(life, "up", "--yes", "-i", inventory(life, tmp_path, "PQR", labels="data"))
    (tmp_path / "more").mkdir()
    other = inventory(life, tmp_path / "more", "PQR", labels="other")
    drain = ("node", "drain", "Q", "--yes", "--lock-wait", "90", "-i", other)
    with ThreadPoolExecutor() as pool:
        both = [
            pool.submit(life.swarmkit, *arguments)
            for arguments in (("up", "--yes", "--lock-wait", "90", "-i", other), drain)
        ]
        assert [one.result().returncode for one in both] == [0, 0]
    assert life.run("P", LOCK) == ""
    changed(life, "up", "--yes", "-i", other)


def test_a_dead_holder_elsewhere_is_taken_over_and_told(life: Lab, tmp_path: Path) -> None:
    changed(life, "up", "--yes", "-i", inventory(life, tmp_path, "PQR", labels="data"))
    said = {"token": "t", "user": "ann", "host": "laptop", "boot": "b", "pid": "7", "since": "then", "purpose": "up"}
    labels = " ".join(f"--label swarmkit.lock.{name}={value}" for name, value in said.items())
    life.run("P", f"echo lock | docker config create {labels} swarmkit.lock -")
    result = life.swarmkit("up", "--yes", "-i", inventory(life, tmp_path, "PQR", labels="more"))
    assert result.returncode == 0, result.stderr
    assert "taking over from ann@laptop pid 7 since then: up" in result.stderr
    assert life.run("P", LOCK) == ""


def test_what_a_killed_run_held_is_taken_over_at_once_and_its_journal_is_unfinished(life: Lab, tmp_path: Path) -> None:
    path = inventory(life, tmp_path, "PQR", labels="killed")
    command = [sys.executable, "-m", "swarmkit", "node", "drain", "Q", "--yes", "-i", str(path)]
    changed(life, "up", "--yes", "-i", path)
    life.run("Q", "true")
    with subprocess.Popen(command, env=life.environment, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stderr
        for line in process.stderr:
            if line.startswith("apply"):
                break
        process.kill()
    assert life.run("P", LOCK).strip() == "swarmkit.lock"
    assert json.loads(changed(life, "history", "show", "last", "--json"))["state"] == "unfinished"
    result = life.swarmkit("node", "drain", "R", "--yes", "-i", path)
    assert result.returncode == 0, result.stderr
    assert "taking over" in result.stderr
    assert life.run("P", LOCK) == ""


def test_a_terminated_run_gives_the_cluster_back(life: Lab, tmp_path: Path) -> None:
    path = inventory(life, tmp_path, "PQR", labels="data")
    command = [sys.executable, "-m", "swarmkit", "node", "drain", "Q", "--yes", "-i", str(path)]
    changed(life, "up", "--yes", "-i", path)
    with subprocess.Popen(command, env=life.environment, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stderr
        for line in process.stderr:
            if line.startswith("apply"):
                break
        process.terminate()
        assert "terminated" in process.stderr.read()
    assert process.returncode == 143
    assert life.run("P", LOCK) == ""
    changed(life, "up", "--yes", "-i", path)


def test_locked_managers_are_unlocked_after_a_reboot_of_all(life: Lab, tmp_path: Path) -> None:
    whole = inventory(life, tmp_path, "PQR", labels="data")
    changed(life, "up", "--yes", "-i", whole)
    changed(life, "autolock", "on", "--yes", "-i", whole, "--key-file", tmp_path / "first")
    changed(life, "rotate", "unlock-key", "--yes", "-i", whole, "--key-file", tmp_path / "second")
    for name in "PQR":
        life.run(name, "systemctl restart docker")
    assert "locked" in life.swarmkit("up", "--yes", "-i", whole).stderr
    assert unlock(life, whole, tmp_path / "first").returncode == 1
    done = unlock(life, whole, tmp_path / "second")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "second").read_text().strip() not in done.stdout + done.stderr
    wait_until(
        lambda: life.swarmkit("node", "ls", "-i", whole).stdout,
        lambda said: said.count("ready") == 3 and "leader" in said,
        timeout_seconds=60,
    )
    changed(life, "autolock", "off", "--yes", "-i", whole)
    changed(life, "rotate", "tokens", "--yes", "-i", whole)
    changed(life, "rotate", "ca", "--yes", "-i", whole)
    assert "nothing to do" in changed(life, "up", "--yes", "-i", whole)


def unlock(lab: Lab, inventory: Path, key: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "swarmkit", "unlock", "-i", str(inventory)]
    with key.open() as stdin:
        return subprocess.run(
            command,
            env=lab.environment,
            stdin=stdin,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
            cwd=ROOT,
        )


def test_a_run_that_was_frozen_and_lost_the_cluster_stops_before_its_next_write(life: Lab, tmp_path: Path) -> None:
    changed(life, "up", "--yes", "-i", inventory(life, tmp_path, "PQR", labels="data"))
    path = inventory(life, tmp_path, "P", "QR", labels="data")
    command = [sys.executable, "-m", "swarmkit", "up", "--yes", "-i", str(path)]
    with subprocess.Popen(command, env=life.environment, stderr=subprocess.PIPE, text=True, cwd=ROOT) as frozen:
        assert frozen.stderr
        for line in frozen.stderr:
            if line.startswith("apply"):
                break
        frozen.send_signal(signal.SIGSTOP)
        try:
            other = life.swarmkit("up", "--yes", "-i", path)
        finally:
            frozen.send_signal(signal.SIGCONT)
        said = frozen.stderr.read()
    assert other.returncode == 0, other.stdout + other.stderr
    assert "taking over" in other.stderr
    assert frozen.returncode == 1, said
    assert "another run has taken the cluster over" in said
    assert nodes(life, "P") == {"P": "manager", "Q": "worker", "R": "worker"}
    assert life.run("P", LOCK) == ""


def test_the_last_of_three_managers_goes_on_and_those_that_come_back_join_it(life: Lab, tmp_path: Path) -> None:
    whole = inventory(life, tmp_path, "PQR", labels="data")
    changed(life, "up", "--yes", "-i", whole)
    idle(life)
    before = life.run("P", "docker info --format '{{.Swarm.Cluster.ID}}'").strip()
    life.run("P", "sync")
    for name in "QR":
        changed(life, "lab", "power-off", name)
    wait_until(
        lambda: life.run("P", "docker node ls 2>&1 || true"),
        lambda said: "leader" in said or "DeadlineExceeded" in said,
        timeout_seconds=90,
    )
    unsure = life.swarmkit("recover", "quorum", "--yes", "--lost", "Q", "-i", whole)
    assert unsure.returncode == 1
    assert "--lost R" in unsure.stderr
    said = changed(life, "recover", "quorum", "--yes", "--lost", "Q", "--lost", "R", "-i", whole)
    assert "P  go on alone with its state" in said
    assert life.run("P", "docker info --format '{{.Swarm.Cluster.ID}}'").strip() == before
    assert nodes(life, "P") == {"P": "manager"}
    assert "idle" in life.run("P", "docker service ls --format '{{.Name}}'")

    for name in "QR":
        changed(life, "lab", "power-on", name)
    life.up()
    refused = life.swarmkit("up", "--yes", "-i", whole)
    assert refused.returncode == 1
    assert "swarmkit recover quorum" in refused.stderr
    changed(life, "recover", "quorum", "--yes", "-i", whole)
    assert nodes(life, "Q") == {"P": "manager", "Q": "manager", "R": "manager"}
    life.run("P", "docker service rm idle")
    assert "nothing to do" in changed(life, "recover", "quorum", "--yes", "-i", whole)
    assert "nothing to do" in changed(life, "up", "--yes", "-i", whole)


def test_a_swarm_whose_only_manager_is_gone_goes_on_from_its_backup(life: Lab, tmp_path: Path) -> None:
    changed(life, "up", "--yes", "-i", inventory(life, tmp_path, "PQR", labels="data"))
    path = inventory(life, tmp_path, "P", "QR", labels="data")
    changed(life, "up", "--yes", "-i", path)
    idle(life)
    secret = "docker secret ls --format '{{.Name}}'"
    life.run("P", "echo hidden | docker secret create kept -")
    before = life.run("P", "docker info --format '{{.Swarm.Cluster.ID}} {{.Swarm.NodeID}}'")
    key = tmp_path / "passphrase"
    key.touch(mode=0o600)
    key.write_text("correct horse battery staple\n")
    take = ("backup", "take", "--yes", "-i", path, "-o", tmp_path, "--passphrase-file", key)
    assert "the engine was stopped for" in changed(life, *take)
    (archive,) = tmp_path.glob("life-*.swarmkit.age")
    assert archive.stat().st_mode & 0o777 == 0o600
    assert "services  idle" in changed(life, "backup", "verify", archive, "--passphrase-file", key)
    assert running_on(life, "Q") == 1
    restore = ("restore", archive, "--yes", "-i", path, "--passphrase-file", key)
    alive = life.swarmkit(*restore)
    assert alive.returncode == 1
    assert "is a manager that lives" in alive.stderr

    changed(life, "lab", "reset", "P")
    files = "/bin/sleep /lib/x86_64-linux-gnu/libc.so.6 /lib64/ld-linux-x86-64.so.2"
    life.run("P", f"tar -C / -ch {files} 2>/dev/null | docker import - idle:1")
    # An engine that cannot start: what was put in place is taken away again.
    life.run("P", "mkdir -p /etc/docker; echo '{' >/etc/docker/daemon.json")
    failed = life.swarmkit(*restore)
    assert failed.returncode == 1
    assert "P: could not put the state back" in failed.stderr
    life.run("P", "rm /etc/docker/daemon.json; systemctl reset-failed docker docker.socket; systemctl start docker")
    assert life.run("P", "docker info --format '{{.Swarm.LocalNodeState}}'").strip() == "inactive"
    assert life.run("P", "ls /var/lib/docker | grep -e restore -e before || true") == ""

    changed(life, *restore)
    assert life.run("P", "docker info --format '{{.Swarm.Cluster.ID}} {{.Swarm.NodeID}}'") == before
    assert nodes(life, "P") == {"P": "manager", "Q": "worker", "R": "worker"}
    assert life.run("P", secret).strip() == "kept"
    assert sum(running_on(life, name) for name in "PQR") == 3
    life.run("P", "docker service rm idle; docker secret rm kept")
    assert "nothing to do" in changed(life, "up", "--yes", "-i", path)
