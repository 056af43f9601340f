"""Nodes that change their role, leave, and come back: on real hosts of the tests' third lab."""

from __future__ import annotations

import base64
import json
import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from lab.bare_image import TCP_PORT, write_bare_image
from lab.killed_runs import killed_at
from lab.shop_lab import ROOT, Lab

from swarmkit.observed.model import RECOVERY_LABEL
from swarmkit.plan.engines.unit import engine_script
from swarmkit.reach.retry import wait_until

pytestmark = pytest.mark.lab

NUMBERS = {"P": 61, "Q": 62, "R": 63}
ALL = Path(__file__).parent / "node_life_inventory.yaml"
IMAGE = (
    "tar -C / -ch /bin/sleep /bin/cat /usr/bin/tee /lib/x86_64-linux-gnu/libc.so.6 /lib64/ld-linux-x86-64.so.2"
    " 2>/dev/null | docker import - idle:1"
)
"""Makes an image of the host's own files."""
STORE = """
services:
  store:
    image: idle:1
    entrypoint: [/bin/sleep, "100000"]
    volumes: ["data:/data"]
    networks: [closed]
    stop_grace_period: 1s
    deploy: {placement: {constraints: [node.hostname == P]}}
  asker:
    image: idle:1
    entrypoint: [/bin/sleep, "100000"]
    depends_on: [store]
    networks: [closed]
    stop_grace_period: 1s
    deploy: {placement: {constraints: [node.hostname == Q]}}
networks:
  closed: {driver: overlay, driver_opts: {encrypted: "true"}}
volumes:
  data:
    x-swarmkit: {backup: {dump: [/bin/cat, /data/file], restore: [/usr/bin/tee, /data/file]}}
"""


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


def inventory(
    lab: Lab,
    folder: Path,
    managers: str,
    workers: str = "",
    labels: str = "",
    *,
    encrypt_ingress: bool = False,
    absent: str = "",
    availability: str = "",
) -> Path:
    """Write an inventory of some of the three hosts; R has *labels* and *availability*, *absent* ones shall leave."""

    def hosts(names: str) -> dict[str, dict[str, object]]:
        return {
            name: {
                "ansible_host": f"127.88.0.{NUMBERS[name]}",
                "swarm_advertise_addr": f"10.88.0.{NUMBERS[name]}",
                "lab_memory": 704,
            }
            | ({"swarm_labels": {"role": labels}} if name == "R" and labels else {})
            | ({"swarm_availability": availability} if name == "R" and availability else {})
            for name in names
        }

    variables = {
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(lab.state / "id_ed25519"),
        "swarm_known_hosts": str(lab.state / "known_hosts"),
        "swarm_cluster": "life",
        "swarm_address_pools": ["10.20.0.0/16"],
        "swarm_encrypt_ingress": encrypt_ingress,
    }
    children: dict[str, dict[str, Any]] = {"managers": {"hosts": hosts(managers)}, "workers": {"hosts": hosts(workers)}}
    if absent:
        children["leaving"] = {"hosts": hosts(absent), "vars": {"swarm_state": "absent"}}
    path = folder / f"{managers}-{workers}.yaml"
    path.write_text(json.dumps({"all": {"vars": variables, "children": children}}))
    return path


def nodes(lab: Lab, asked: str) -> dict[str, str]:
    """Return host name -> role, as the manager *asked* says."""
    said = lab.run(asked, "docker node ls --format '{{.Hostname}} {{.ManagerStatus}}'")
    words = [line.split() for line in said.splitlines()]
    return {line[0]: "manager" if len(line) > 1 else "worker" for line in words}


def idle(lab: Lab) -> None:
    """Run a service of three tasks, one on each host, from one image made of a host's own files."""
    packed = lab.run("P", f"{IMAGE} >/dev/null; docker save idle:1 | gzip | base64 -w0")
    for name in "QR":
        loaded = lab.swarmkit("lab", "ssh", name, "--", "base64 -d | gunzip | docker load", stdin=packed)
        assert loaded.returncode == 0, loaded.stderr
    # sleep is deaf to SIGTERM: by the usual grace every node that is emptied would wait ten seconds for it.
    options = "-q --no-resolve-image --name idle --replicas 3 --stop-grace-period 1s"
    lab.run("P", f"docker service create {options} idle:1 /bin/sleep 100000")


def running_on(lab: Lab, host: str) -> int:
    return len(lab.run(host, "docker ps -q --filter label=com.docker.swarm.service.name=idle").split())


def changed(lab: Lab, *arguments: str | Path, stdin: str = "") -> str:
    result = lab.swarmkit(*arguments, stdin=stdin)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def unproved(lab: Lab, inventory: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """Return by code and place all that a proof finds which ends with errors."""
    done = lab.swarmkit("verify", "-i", inventory, "--json")
    assert done.returncode == 4, done.stdout + done.stderr
    return {(one["code"], one["where"]): one for one in json.loads(done.stdout)["findings"]}


def test_managers_give_their_places_to_others_one_at_a_time(life: Lab, tmp_path: Path) -> None:
    first = inventory(life, tmp_path, "P", "QR", encrypt_ingress=True)
    (none,) = unproved(life, first).values()
    assert (none["code"], none["severity"], none["where"]) == ("V00", "error", "life")
    assert none["what"] == "there is no cluster life: no host is in a swarm"
    assert none["remedy"] == f"make it: swarmkit up -i {first}"
    assert "make ingress anew, encrypted" in changed(life, "up", "--yes", "-i", first)
    # The only manager becomes a worker, and a worker takes its place.
    changed(life, "up", "--yes", "-i", inventory(life, tmp_path, "Q", "PR"))
    assert nodes(life, "Q") == {"P": "worker", "Q": "manager", "R": "worker"}
    changed(life, "up", "--yes", "-i", inventory(life, tmp_path, "PQR"))
    assert nodes(life, "P") == {"P": "manager", "Q": "manager", "R": "manager"}
    changed(life, "up", "--yes", "--no-verify", "-i", inventory(life, tmp_path, "PQR", availability="drain"))
    assert life.run("P", "docker node inspect R --format '{{.Spec.Availability}}'").strip() == "drain"
    changed(life, "up", "--yes", "-i", inventory(life, tmp_path, "PQR"))
    assert life.run("P", "docker node inspect R --format '{{.Spec.Availability}}'").strip() == "active"
    last = json.loads(changed(life, "history", "show", "last", "--json"))
    assert (last["state"], last["exit_code"]) == ("ended", 0)
    assert {step["status"] for step in last["steps"]} == {"done"}


def test_what_left_the_inventory_is_drained_and_removed_after_its_tasks_moved(life: Lab, tmp_path: Path) -> None:
    whole = inventory(life, tmp_path, "PQR", encrypt_ingress=True)
    changed(life, "up", "--yes", "-i", whole)
    idle(life)
    assert running_on(life, "Q") == 1
    rest = inventory(life, tmp_path, "P", "R")
    warned = changed(life, "up", "--yes", "-i", rest)
    assert "H52" in warned
    assert "Q" in nodes(life, "P")
    gone = inventory(life, tmp_path, "P", "R", absent="Q")
    said = changed(life, "up", "--yes", "-i", gone)
    assert "the inventory has it absent" in said
    assert nodes(life, "P") == {"P": "manager", "R": "worker"}
    assert life.run("Q", "docker info --format '{{.Swarm.LocalNodeState}}'").strip() == "inactive"
    assert running_on(life, "P") + running_on(life, "R") == 3
    life.run("P", "docker service rm idle")
    outsider_and_ingress(life, whole, tmp_path)
    assert "nothing to do" in changed(life, "up", "--yes", "--remove-nodes", "-i", gone)
    changed(life, "up", "--yes", "-i", whole)
    assert nodes(life, "P") == {"P": "manager", "Q": "manager", "R": "manager"}


@pytest.mark.nightly
def test_a_node_whose_host_is_in_the_inventory_no_more_is_removed_and_the_person_is_told_to_let_it_leave(
    life: Lab, tmp_path: Path
) -> None:
    whole, rest = inventory(life, tmp_path, "PQR"), inventory(life, tmp_path, "P", "R")
    changed(life, "up", "--yes", "-i", whole)
    said = life.swarmkit("up", "--yes", "--remove-nodes", "-i", rest)
    assert said.returncode == 0, said.stdout + said.stderr
    assert "on the host itself run: docker swarm leave" in said.stdout + said.stderr
    assert nodes(life, "P") == {"P": "manager", "R": "worker"}
    life.run("Q", "docker swarm leave --force")
    changed(life, "up", "--yes", "-i", whole)
    assert nodes(life, "P") == {"P": "manager", "Q": "manager", "R": "manager"}


def outsider_and_ingress(lab: Lab, whole: Path, folder: Path) -> None:
    """Prove, while Q is no node, what is kept from it: clear frames are dropped, also for the encrypted ingress."""
    lab.run("P", "docker network create -d overlay --opt encrypted closed")
    archive = base64.b64encode(write_bare_image(folder).read_bytes()).decode()
    for host in "PR":
        loaded = lab.swarmkit("lab", "ssh", host, "--", "base64 -d | docker load", stdin=archive)
        assert loaded.returncode == 0, loaded.stderr
    options = "--no-resolve-image --name guarded --network closed --replicas 2 --detach=false --stop-signal SIGKILL"
    lab.run("P", f"docker service create -q {options} --publish 8095:{TCP_PORT} bare:1.0")
    said = lab.swarmkit("verify", "-i", whole, "--json")
    found = json.loads(said.stdout)["findings"]
    told = {(f["code"], f["where"], f["severity"]): f for f in found}
    assert ("V01", "Q", "error") in told, said.stdout
    assert told["V13", "ingress", "ok"]["evidence"] == "guarded:8095"
    for network in ("closed", "ingress"):
        for host in "PR":
            dropped = told["V19", f"{network} on {host}", "ok"]["evidence"]
            assert "made by Q, which is outside of the swarm" in dropped
    proved = [f["what"] for f in found if (f["code"], f["severity"]) == ("V12", "ok")]
    assert sorted(what.split()[1] for what in proved) == ["closed", "ingress"]
    for host, other in ("PR", "RP"):
        assert ("V17", f"ingress@{host} -> guarded", "ok") in told
        # From outside, that is from Q, only what is published answers, and no container's own address does.
        assert told["V06", f"guarded at {host}", "ok"]["evidence"] == "asked from P, Q, R"
        shut = told["V24", f"{host} from outside", "ok"]["evidence"]
        assert shut == f"tried {TCP_PORT} from {', '.join(sorted(('Q', other)))}"
    assert f":{TCP_PORT} does not answer" in told["V24", "host Q -> guarded", "ok"]["evidence"]
    assert not [f for f in found if f["code"] in ("V09", "V10", "V11", "V15", "V16") and f["severity"] == "error"]
    lab.run("P", "docker service rm guarded")
    gone = "until docker network rm closed; do sleep 1; done"
    lab.run("P", f"timeout 60 sh -c '{gone}' 2>/dev/null")


REPLACING = (
    "demote its old node",
    "join as manager",
    "restore labels",
    "wait until it is ready",
    "remove its old node",
)
"""What is told before each step of a replaced manager; what follows the last takes longer than the kill waits."""


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
    wrong = unproved(life, whole)
    assert wrong["V23", "R"]["remedy"] == "let it take its place again: swarmkit node replace R"
    margin = wrong["V21", "managers"]
    assert (margin["severity"], margin["what"]) == ("warning", "R of 3 managers cannot be reached: none may be lost")
    assert margin["evidence"].startswith("2 of 3 managers reachable, 2 needed; ")
    assert margin["remedy"] == "its host is in no swarm any more: swarmkit node replace R"
    replace = ("node", "replace", "R", "--yes", "-i", whole)
    killed_at(life, f"R: {random.choice(REPLACING)}", *replace, seconds=random.uniform(0, 0.3))
    changed(life, *replace)
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


HELD = """
from swarmkit.cli import main
from swarmkit.plan.nodes.operations import AwaitEmptied

AwaitEmptied.run = lambda _, context: str(context.cancelled.wait(120))
main.main()
"""
"""Runs swarmkit so that it is not over, however busy its machine is, before a drained node's run is hurt."""


def test_what_a_killed_run_held_is_taken_over_at_once_and_its_journal_is_unfinished(life: Lab, tmp_path: Path) -> None:
    path = inventory(life, tmp_path, "PQR", labels="killed")
    command = [sys.executable, "-c", HELD, "node", "drain", "Q", "--yes", "-i", str(path)]
    changed(life, "up", "--yes", "-i", path)
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
    kept = json.loads(changed(life, "history", "--cluster", "-i", path, "--json"))["runs"]
    assert [(run["command"], run["state"], run["exit_code"]) for run in kept[:2]] == [
        ("node drain R", "ended", 0),
        ("node drain Q", "unfinished", None),
    ]


def test_a_terminated_run_gives_the_cluster_back(life: Lab, tmp_path: Path) -> None:
    path = inventory(life, tmp_path, "PQR", labels="data")
    command = [sys.executable, "-c", HELD, "node", "drain", "Q", "--yes", "-i", str(path)]
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
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda name: life.run(name, "systemctl restart docker"), "PQR"))
    assert "locked" in life.swarmkit("up", "--yes", "-i", whole).stderr
    assert unlock(life, whole, tmp_path / "first").returncode == 1
    some = without_answer(whole, "R", tmp_path)
    done = unlock(life, some, tmp_path / "second")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning  D11  R" in done.stdout + done.stderr
    states = {name: life.run(name, "docker info --format '{{.Swarm.LocalNodeState}}'").strip() for name in "PQR"}
    assert states == {"P": "active", "Q": "active", "R": "locked"}
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


def test_an_engine_on_one_processor_is_restarted_with_two_threads_for_its_agent_and_only_for_that_start(
    life: Lab,
) -> None:
    # Not pidof: what the engine has just forked is called dockerd too, until it runs another program.
    environment = "tr '\\0' '\\n' < /proc/$(systemctl show --property MainPID --value docker)/environ"
    assert life.run("Q", "nproc").strip() == "1"
    life.run("Q", f"{engine_script('engine.sh')}restart_engine_for_its_agent")
    assert "GOMAXPROCS=2" in life.run("Q", environment).splitlines()
    life.run("Q", "systemctl restart docker")
    assert "GOMAXPROCS" not in life.run("Q", environment)
    wait_until(
        lambda: life.run("P", "docker node ls --format '{{.Hostname}} {{.Status}} {{.ManagerStatus}}'"),
        lambda said: said.count("Ready") == 3 and "Unreachable" not in said,
        timeout_seconds=60,
    )


def without_answer(inventory: Path, host: str, folder: Path) -> Path:
    """Return the inventory with *host* at an address where nothing answers."""
    content = json.loads(inventory.read_text())
    content["all"]["children"]["managers"]["hosts"][host]["ansible_host"] = "127.88.0.250"
    path = folder / "silent.yaml"
    path.write_text(json.dumps(content))
    return path


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


CUT_OFF = """
import os, sys
from swarmkit.cli import main
from swarmkit.plan.states import recovery_operations

def end(*_):
    sys.stdout.flush()
    os._exit(137)

recovery_operations.{where} = end
main.main()
"""
"""Runs swarmkit so that it ends, without a word, in the place of a function of the forced new cluster."""


def cut_off(lab: Lab, where: str, *arguments: str | Path) -> str:
    """Run swarmkit, ended at *where*, and return what it had shown."""
    cut = subprocess.run(
        [sys.executable, "-c", CUT_OFF.format(where=where), *map(str, arguments)],
        env=lab.environment, capture_output=True, text=True, timeout=300, check=False, cwd=ROOT,
    )  # fmt: skip
    assert cut.returncode == 137, cut.stdout + cut.stderr
    return cut.stdout


def test_the_last_of_three_managers_goes_on_and_those_that_come_back_join_it(life: Lab, tmp_path: Path) -> None:
    whole = inventory(life, tmp_path, "PQR", labels="data")
    changed(life, "up", "--yes", "-i", whole)
    idle(life)
    before = life.run("P", "docker info --format '{{.Swarm.Cluster.ID}}'").strip()
    life.run("P", "sync")
    for name in "QR":
        changed(life, "lab", "fault", "power-off", name)
    wait_until(
        lambda: life.run("P", "docker node ls 2>&1 || true"),
        lambda said: "leader" in said or "DeadlineExceeded" in said,
        timeout_seconds=90,
    )
    found = unproved(life, whole)
    assert found.keys() == {("V00", "life"), ("V14", "Q"), ("V14", "R")}
    none = found["V00", "life"]
    assert none["what"] == "no manager tells of the cluster life, nothing is proved"
    assert none["remedy"].startswith("bring Q, R back, which loses nothing: ")
    assert none["remedy"].endswith(f"; if most are gone for good: swarmkit recover quorum -i {whole}")
    unsure = life.swarmkit("recover", "quorum", "--yes", "--lost", "Q", "-i", whole)
    assert unsure.returncode == 1
    assert "--lost R" in unsure.stderr
    recover = ("recover", "quorum", "--yes", "--lost", "Q", "--lost", "R", "-i", str(whole))
    assert "P  go on alone with its state" in cut_off(life, "mark_recovered", *recover)
    assert nodes(life, "P").keys() == {"P", "Q", "R"}
    said = changed(life, *recover)
    assert "P  mark it as recovered" in said
    assert life.run("P", "docker info --format '{{.Swarm.Cluster.ID}}'").strip() == before
    assert nodes(life, "P") == {"P": "manager"}
    assert "idle" in life.run("P", "docker service ls --format '{{.Name}}'")

    for name in "QR":
        changed(life, "lab", "fault", "power-on", name)
    life.up()
    refused = life.swarmkit("up", "--yes", "-i", whole)
    assert refused.returncode == 1
    assert "swarmkit recover quorum" in refused.stderr
    old = {name: life.run(name, "docker info --format '{{.Swarm.NodeID}}'") for name in "QR"}
    fenced = changed(life, "recover", "quorum", "--yes", "-i", whole)
    for name in "QR":
        assert f"{name}  leave the old raft" in fenced
        assert life.run(name, "docker info --format '{{.Swarm.NodeID}}'") not in ("", old[name])
    assert nodes(life, "Q") == {"P": "manager", "Q": "manager", "R": "manager"}
    life.run("P", "docker service rm idle")
    assert "nothing to do" in changed(life, "recover", "quorum", "--yes", "-i", whole)
    assert "nothing to do" in changed(life, "up", "--yes", "-i", whole)


@pytest.mark.nightly
def test_a_recovery_that_was_cut_off_before_its_mark_stops_up_though_the_old_managers_are_back_and_asked_first(
    life: Lab, tmp_path: Path
) -> None:
    whole = inventory(life, tmp_path, "PQR", labels="data")
    changed(life, "up", "--yes", "-i", whole)
    # Where R answered them, the two would learn that they are no members of its raft, and end their own.
    changed(life, "lab", "fault", "partition", "P,Q", "R")
    for name in "PQ":
        changed(life, "lab", "fault", "freeze", name)
    wait_until(
        lambda: life.run("R", "docker node ls 2>&1 || true"),
        lambda said: "leader" in said or "DeadlineExceeded" in said,
        timeout_seconds=90,
    )
    recover = ("recover", "quorum", "--yes", "--lost", "P", "--lost", "Q", "-i", str(whole))
    assert "R  go on alone with its state" in cut_off(life, "mark_recovered", *recover)
    for name in "PQ":
        changed(life, "lab", "fault", "thaw", name)
    told = wait_until(
        lambda: life.run("P", "docker node ls --format '{{.Hostname}} {{.Status}}' 2>&1 || true").splitlines(),
        lambda said: {"P Ready", "Q Ready", "R Down"} <= set(said),
        timeout_seconds=120,
    )
    assert {"P Ready", "Q Ready", "R Down"} <= set(told)
    before = life.run("P", "docker node ls -q")
    refused = life.swarmkit("up", "--yes", "-i", whole)
    assert life.run("P", "docker node ls -q") == before
    changed(life, "lab", "fault", "heal")
    assert refused.returncode == 1, refused.stdout + refused.stderr
    for name in "PQ":
        assert re.search(rf"^error  H49  {name}$", refused.stderr, re.MULTILINE), refused.stderr
    assert "run: swarmkit recover quorum" in refused.stderr
    # Where R has answered them meanwhile, they are away, and by --lost alone it is known that there was a recovery.
    changed(life, *recover)
    for name in "PQR":
        assert nodes(life, name) == {"P": "manager", "Q": "manager", "R": "manager"}
    assert "nothing to do" in changed(life, "up", "--yes", "-i", whole)


@pytest.mark.nightly
def test_lost_managers_that_are_back_before_the_recovery_ends_make_no_second_swarm_and_the_ca_stays(
    life: Lab, tmp_path: Path
) -> None:
    whole = inventory(life, tmp_path, "PQR", labels="data")
    changed(life, "up", "--yes", "-i", whole)
    before = life.run("P", "docker info --format '{{.Swarm.Cluster.ID}}'")
    killed_at(life, "rotate the CA", "rotate", "ca", "--yes", "-i", whole, seconds=random.uniform(0, 2))
    changed(life, "up", "--yes", "-i", whole)
    rotating = "docker info --format '{{.Swarm.Cluster.RootRotationInProgress}}'"
    assert (
        wait_until(lambda: life.run("P", rotating).strip(), lambda said: said == "false", timeout_seconds=60) == "false"
    )
    changed(life, "rotate", "ca", "--yes", "-i", whole)
    kept = "docker swarm ca; docker swarm join-token -q manager; docker swarm join-token -q worker"
    tokens = life.run("P", kept)
    node_id = "docker info --format '{{.Swarm.NodeID}}'"
    recoveries = f"docker info --format '{{{{index .Swarm.Cluster.Spec.Labels \"{RECOVERY_LABEL}\"}}}}'"
    earlier = int(life.run("P", recoveries).strip() or 0)
    ids = {name: life.run(name, node_id) for name in "QR"}
    for name in "QR":
        changed(life, "lab", "fault", "freeze", name)
    wait_until(
        lambda: life.run("P", "docker node ls 2>&1 || true"),
        lambda said: "leader" in said or "DeadlineExceeded" in said,
        timeout_seconds=90,
    )
    command = ["recover", "quorum", "--yes", "--lost", "Q", "--lost", "R", "-i", str(whole)]
    with subprocess.Popen(
        [sys.executable, "-m", "swarmkit", *command],
        env=life.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stdout
        assert process.stderr
        for line in process.stderr:
            if "force a new cluster" in line:
                break
        for name in "QR":
            changed(life, "lab", "fault", "thaw", name)
        # The two of them are a quorum of the old raft, until they are told to leave it.
        said = process.stderr.read()
        shown = process.stdout.read()
    assert process.returncode == 0, shown + said
    for name in "QR":
        # Where it takes long the engine has joined the new raft by itself, as the node that it was.
        stayed = life.run(name, node_id) == ids[name]
        assert stayed is not (f"{name}: leave the old raft" in said), said
    for name in "PQR":
        assert life.run(name, "docker info --format '{{.Swarm.Cluster.ID}}'") == before
        # The old raft of the same swarm has heard of no new recovery.
        assert int(life.run(name, recoveries)) == int(life.run("P", recoveries)) > earlier
        assert nodes(life, name) == {"P": "manager", "Q": "manager", "R": "manager"}
    # A forced new cluster rotates a CA that was rotated before, unless it is told how often.
    assert life.run("P", kept) == tokens
    assert "nothing to do" in changed(life, "recover", "quorum", "--yes", "-i", whole)
    assert "nothing to do" in changed(life, "up", "--yes", "-i", whole)


NEWER_SERVICE = "docker service create -q --no-resolve-image --detach=false --name"
RUNNING_SERVICES = "docker ps --format '{{.Label \"com.docker.swarm.service.name\"}}'"


@pytest.mark.nightly
@pytest.mark.timeout(1200)
def test_a_swarm_whose_only_manager_is_gone_goes_on_from_its_backup(life: Lab, tmp_path: Path) -> None:
    changed(life, "up", "--yes", "-i", inventory(life, tmp_path, "PQR", labels="data"))
    path = inventory(life, tmp_path, "P", "QR", labels="data")
    changed(life, "up", "--yes", "-i", path)
    idle(life)
    life.run("P", "echo hidden | docker secret create kept -")
    before = life.run("P", "docker info --format '{{.Swarm.Cluster.ID}} {{.Swarm.NodeID}}'")
    key = tmp_path / "passphrase"
    key.touch(mode=0o600)
    key.write_text("correct horse battery staple\n")
    stack = tmp_path / "stack.yaml"
    stack.write_text(STORE)
    changed(life, "up", "--yes", "--no-verify", "-i", path, "-f", stack, "--stack", "kept")
    life.run("P", "echo dumped >/var/lib/docker/volumes/kept_data/_data/file")
    take = ("backup", "take", "--yes", "-i", path, "-f", stack, "--stack", "kept", "-o", tmp_path, "--with-images")
    assert "the engine of P was stopped for" in changed(life, *take, "--passphrase-file", key)
    (archive,) = tmp_path.glob("life-*.swarmkit.age")
    assert archive.stat().st_mode & 0o777 == 0o600
    shown = changed(life, "backup", "verify", archive, "--passphrase-file", key, "--in-lab")
    assert all(name in shown for name in ("idle", "kept_asker", "kept_store"))
    # On the twin every host has another address, and the manager's raft has to name it: nodes look for it there.
    assert "network kept_closed is encrypted between P and Q" in shown
    assert "rehearsed: restored and proved" in shown
    assert running_on(life, "Q") == 1
    restore = ("restore", archive, "--yes", "-i", path, "--passphrase-file", key)
    alive = life.swarmkit(*restore)
    assert alive.returncode == 1
    assert "is a manager that lives" in alive.stderr

    # Newer than the backup: a service, whose task goes on without the manager, and R as another node.
    life.run("P", f"{NEWER_SERVICE} newer --constraint node.hostname==Q idle:1 /bin/sleep 100000")
    life.run("R", "docker swarm leave --force")
    changed(life, "up", "--yes", "--no-verify", "-i", path)

    changed(life, "lab", "reset", "P")
    # An engine that cannot start: what was put in place is taken away again.
    life.run("P", "mkdir -p /etc/docker; echo '{' >/etc/docker/daemon.json")
    failed = life.swarmkit(*restore)
    assert failed.returncode == 1
    assert "P: could not put the state back" in failed.stderr
    life.run("P", "rm /etc/docker/daemon.json; systemctl reset-failed docker docker.socket; systemctl start docker")
    assert life.run("P", "docker info --format '{{.Swarm.LocalNodeState}}'").strip() == "inactive"
    assert life.run("P", "ls /var/lib/docker | grep -e restore -e before || true") == ""

    assert "newer" in life.run("Q", RUNNING_SERVICES)
    said = changed(life, *restore)
    assert re.search(r"^warning  H62  newer$", said, re.MULTILINE), said
    assert re.search(r"^ +- R +leave the swarm .*it joined after the backup was made", said, re.MULTILINE), said
    assert not re.search(r"^ +- Q +leave the swarm", said, re.MULTILINE), said
    assert_back(life, before, {"P": "manager", "Q": "worker", "R": "worker"})
    assert "newer" not in life.run("Q", RUNNING_SERVICES)
    assert life.run("P", "cat /var/lib/docker/volumes/kept_data/_data/file") == "dumped\n"
    life.run("P", "echo newer >/var/lib/docker/volumes/kept_data/_data/file")
    assert "nothing to do" in changed(life, *restore)
    assert life.run("P", "cat /var/lib/docker/volumes/kept_data/_data/file") == "newer\n"
    assert "nothing to do" in changed(life, "up", "--yes", "-i", path)
    # The next test begins with bare hosts.
    for name in "QRP":
        life.run(name, "docker swarm leave --force; systemctl restart docker")


def assert_back(lab: Lab, before: str, roles: dict[str, str]) -> None:
    """See that the swarm is the one of then, each node in it once, and all services whole."""
    assert lab.run("P", "docker info --format '{{.Swarm.Cluster.ID}} {{.Swarm.NodeID}}'") == before
    assert nodes(lab, "P") == roles
    assert len(lab.run("P", "docker node ls -q").split()) == len(roles)
    assert lab.run("P", "docker secret ls --format '{{.Name}}'").strip() == "kept"
    whole = wait_until(
        lambda: lab.run("P", "docker service ls --format '{{.Name}} {{.Replicas}}' | sort").splitlines(),
        lambda said: said == ["idle 3/3", "kept_asker 1/1", "kept_store 1/1"],
        timeout_seconds=120,
    )
    assert whole == ["idle 3/3", "kept_asker 1/1", "kept_store 1/1"]


@pytest.mark.nightly
@pytest.mark.timeout(1200)
def test_three_managers_that_lock_and_lost_their_disks_come_back_from_one_backup(life: Lab, tmp_path: Path) -> None:
    path = inventory(life, tmp_path, "PQR", labels="data")
    changed(life, "up", "--yes", "-i", path)
    key, store = tmp_path / "passphrase", tmp_path / "keys"
    key.touch(mode=0o600)
    key.write_text("correct horse battery staple\n")
    store.mkdir(mode=0o700)
    kept = ("--store", store, "--passphrase-file", key)
    changed(life, "autolock", "on", "--yes", "-i", path, *kept)
    before = life.run("P", "docker info --format '{{.Swarm.Cluster.ID}}'")
    unlock_key = life.run("P", "docker swarm unlock-key -q")
    changed(life, "backup", "take", "--yes", "-i", path, "-o", tmp_path, "--passphrase-file", key)
    (archive,) = tmp_path.glob("life-*.swarmkit.age")
    for name in "PQR":
        changed(life, "lab", "reset", name)
    changed(life, "restore", archive, "--yes", "-i", path, "--passphrase-file", key)
    assert life.run("P", "docker info --format '{{.Swarm.Cluster.ID}}'") == before
    assert life.run("P", "docker swarm unlock-key -q") == unlock_key
    assert nodes(life, "P") == {"P": "manager", "Q": "manager", "R": "manager"}

    for name in "PQR":
        changed(life, "lab", "fault", "power-off", name)
    changed(life, "lab", "fault", "power-on", "P")
    assert wait_until(
        lambda: life.swarmkit("lab", "ssh", "P", "--", "docker info --format '{{.Swarm.LocalNodeState}}'").stdout,
        lambda said: "locked" in said,
        timeout_seconds=120,
    )
    lost = ["recover", "quorum", "--yes", "--lost", "Q", "--lost", "R", "-i", path]
    keyless = life.swarmkit(*lost)
    assert (keyless.returncode, "the swarm's unlock key is needed" in keyless.stderr) == (1, True), keyless.stderr
    locked = "head -n 1 /var/lib/docker/swarm/certificates/swarm-node.key"
    assert "P  take the lock off its state" in cut_off(life, "ForceNewCluster.run", *lost, *kept)
    assert "ENCRYPTED" not in life.run("P", locked)
    # The next run needs no key, and still knows that managers lock.
    assert "it locks again when it leads" in changed(life, *lost)
    assert life.run("P", "docker swarm unlock-key -q") == unlock_key
    assert "ENCRYPTED" in life.run("P", locked)
    for name in "QR":
        changed(life, "lab", "fault", "power-on", name)
    life.up()
    changed(life, "recover", "quorum", "--yes", "-i", path)
    assert life.run("P", "docker info --format '{{.Swarm.Cluster.ID}}'") == before
    assert nodes(life, "P") == {"P": "manager", "Q": "manager", "R": "manager"}
    changed(life, "autolock", "off", "--yes", "-i", path)
    assert "nothing to do" in changed(life, "up", "--yes", "-i", path)
