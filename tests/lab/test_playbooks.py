"""The playbooks that come with swarmkit, one after another on the same hosts, as the years of a swarm go by."""

from __future__ import annotations

import io
import json
import os
import random
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from lab.killed_runs import killed_at
from lab.packed_engine import OFFERING, packing
from lab.shop_lab import ROOT, Lab

from swarmkit.reach.retry import wait_until
from swarmkit.recovery.archive import Archive, read
from swarmkit.recovery.archive_writer import STATE, writing
from swarmkit.recovery.keys import Opener, Sealer
from swarmkit.secret import Secret

pytestmark = pytest.mark.lab

NUMBERS = {"P": 71, "Q": 72, "R": 73, "S": 74}
STACK = """
services:
  web:
    image: shop-frontend:1.0
    entrypoint: [/bin/busybox, sleep, "100000"]
    environment: {EDITION: "1"}
    networks: [inner]
    stop_grace_period: 1s
    deploy:
      replicas: 2
      update_config: {order: start-first, monitor: 2s}
  data:
    image: shop-frontend:1.0
    entrypoint: [/bin/busybox, sleep, "100000"]
    networks: [inner]
    secrets: [token]
    volumes: ["files:/files"]
    stop_grace_period: 1s
    deploy:
      placement: {constraints: [node.labels.role == data]}
      update_config: {order: stop-first, monitor: 2s}
networks:
  inner:
volumes:
  files:
    x-swarmkit: {backup: stopped}
secrets:
  token: {file: ./token.txt}
"""


@dataclass(frozen=True)
class Years:
    """The lab, and what its operator keeps: inventories, the stack, secrets."""

    lab: Lab
    folder: Path
    images: Path

    @property
    def stack(self) -> Path:
        return self.folder / "stack.yaml"

    def inventory(self, managers: str, workers: str = "") -> Path:
        """Write an inventory; Q has the label that the data's service asks for."""

        def hosts(names: str) -> dict[str, dict[str, object]]:
            return {
                name: {
                    "ansible_host": f"127.88.0.{NUMBERS[name]}", "swarm_advertise_addr": f"10.88.0.{NUMBERS[name]}",
                    "lab_memory": 640, **({"swarm_labels": {"role": "data"}} if name == "Q" else {}),
                }
                for name in names
            }  # fmt: skip

        variables = {
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(self.lab.state / "id_ed25519"),
            "swarm_known_hosts": str(self.lab.state / "known_hosts"),
            "swarm_cluster": "years",
            "swarm_address_pools": ["10.20.0.0/16"],
        }
        children = {"managers": {"hosts": hosts(managers)}, "workers": {"hosts": hosts(workers)}}
        path = self.folder / f"years-{managers}-{workers}.yaml"
        path.write_text(json.dumps({"all": {"vars": variables, "children": children}}))
        return path

    def passphrase(self) -> Path:
        path = self.folder / "passphrase"
        path.touch(mode=0o600)
        path.write_text("correct horse battery staple\n")
        return path

    def play(self, name: str, inventory: Path, *arguments: str | Path, seconds: float = 900) -> str:
        """Play *name* with the stack to its end, and return what it said."""
        result = self.try_to_play(name, inventory, "--yes", *arguments, seconds=seconds)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def try_to_play(
        self, name: str, inventory: Path, *arguments: str | Path, seconds: float = 900
    ) -> subprocess.CompletedProcess[str]:
        declared: tuple[str | Path, ...] = ("-i", inventory, "-f", self.stack, "--stack", "app")
        return self.lab.swarmkit("play", name, *declared, "--images", self.images, *arguments, seconds=seconds)

    def nodes(self, inventory: Path) -> dict[str, str]:
        """Return name -> role and state of every node; nothing while no manager tells."""
        said = self.lab.swarmkit("node", "ls", "--json", "-i", inventory)
        told = json.loads(said.stdout) if said.returncode == 0 else {"nodes": []}
        return {node["name"]: f"{node['role']} {node['state']}" for node in told["nodes"]}

    def settled(self, inventory: Path) -> None:
        """See that what is declared is so: a second run changes nothing."""
        said = self.lab.swarmkit(
            "up", "--yes", "-i", inventory, "-f", self.stack, "--stack", "app", "--images", self.images
        )
        assert "nothing to do" in said.stdout, said.stdout + said.stderr


@pytest.fixture(scope="module")
def years(tmp_path_factory: pytest.TempPathFactory, images: Path) -> Iterator[Years]:
    """Hosts P, Q, R and S, booted and bare; ended after the last test."""
    folder = tmp_path_factory.mktemp("years")
    lab = Lab(folder / "swarmkit" / "lab", {**os.environ, "XDG_STATE_HOME": str(folder)})
    made = Years(lab, folder, images)
    made.stack.write_text(STACK)
    (folder / "token.txt").touch(mode=0o600)
    (folder / "token.txt").write_text("the-first-token")
    try:
        lab.up(made.inventory("PQR", "S"))
        yield made
    finally:
        lab.swarmkit("lab", "down")


def test_bootstrap(years: Years) -> None:
    path = years.inventory("PQR")
    checked = years.try_to_play("bootstrap", path, "--check")
    assert "[3/5] bring-up" in checked.stdout
    assert "when swarm-works: not so now" in checked.stdout
    said = years.play("bootstrap", path)
    assert "5 steps done, 0 skipped" in said
    assert years.nodes(path) == dict.fromkeys("PQR", "manager ready")
    years.settled(path)


def test_rolling_update(years: Years) -> None:
    path = years.inventory("PQR")
    years.stack.write_text(STACK.replace('EDITION: "1"', 'EDITION: "2"'))
    said = years.play("rolling-update", path)
    assert "EDITION" in said
    years.settled(path)
    # Killed in the middle of a step, the play begins anew and ends as it would have.
    years.stack.write_text(STACK.replace('EDITION: "1"', 'EDITION: "3"'))
    declared = ("-i", path, "-f", years.stack, "--stack", "app", "--images", years.images)
    killed_at(years.lab, "app_web: update service ...", "play", "rolling-update", "--yes", *declared, seconds=0.5)
    years.play("rolling-update", path)
    asked = "docker service inspect app_web --format '{{.Spec.TaskTemplate.ContainerSpec.Env}} {{.UpdateStatus.State}}'"
    assert years.lab.run("P", asked).split() == ["[EDITION=3]", "completed"]
    years.settled(path)


def test_add_hosts(years: Years) -> None:
    path = years.inventory("PQR", "S")
    assert "6 steps done" in years.play("add-hosts", path)
    assert years.nodes(path)["S"] == "worker ready"
    # Nothing left to do: the steps that only join are passed over, and the others change nothing.
    again = years.play("add-hosts", path)
    assert "skipped: not so: hosts-to-join" in again
    assert "nothing to do" in again


@pytest.mark.nightly
def test_rotate_credentials(years: Years) -> None:
    path = years.inventory("PQR", "S")
    key = years.passphrase()
    store = years.folder / "keys"
    store.mkdir(mode=0o700)
    locking = ("autolock", "on", "--yes", "-i", path, "--store", store, "--passphrase-file", key)
    assert years.lab.swarmkit(*locking).returncode == 0
    mounted = "docker exec $(docker ps -q -f name=app_data) cat /run/secrets/token"
    assert years.lab.run("Q", mounted) == "the-first-token"
    before = years.lab.run("P", "docker swarm join-token -q worker; docker swarm unlock-key -q; docker secret ls -q")
    years.play(
        "rotate-credentials", path, "--set", "generate=token", "--set", f"store={store}", "--set",
        f"passphrase-file={key}",
    )  # fmt: skip
    after = years.lab.run("P", "docker swarm join-token -q worker; docker swarm unlock-key -q; docker secret ls -q")
    assert len(after.split()) == len(before.split()) == 3
    assert not set(after.split()) & set(before.split())
    assert years.lab.run("Q", mounted) == (years.folder / "token.txt").read_text() != "the-first-token"
    assert len(list(store.iterdir())) == 2
    years.settled(path)

    # All managers at once are restarted and locked; one command opens them, the key from the store.
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda name: years.lab.run(name, "systemctl restart docker"), "PQR"))
    unlock = years.lab.swarmkit("unlock", "-i", path, "--store", store, "--passphrase-file", key)
    assert unlock.returncode == 0, unlock.stdout + unlock.stderr
    # An engine may be unlocked and hear no other node until it is started once more (moby 34864).
    assert "6 operations done" in unlock.stdout
    for name in "PQR":
        years.lab.run(name, "grep -qE ':1F0A [0-9A-F]+:0000 0A ' /proc/net/tcp /proc/net/tcp6")
    ready = {**dict.fromkeys("PQR", "manager ready"), "S": "worker ready"}
    assert wait_until(lambda: years.nodes(path), lambda nodes: nodes == ready, timeout_seconds=120) == ready


def test_a_rotation_that_was_killed_leaves_a_valid_secret_and_goes_on(years: Years) -> None:
    path = years.inventory("PQR", "S")
    rotate = ("rotate", "secrets", "--yes", "-i", path, "-f", years.stack, "--stack", "app")
    for moment in ("create secret, ", "app_data: give it the new secret, "):
        command = [sys.executable, "-m", "swarmkit", *map(str, rotate), "--generate", "token"]
        with subprocess.Popen(
            command, env=years.lab.environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, cwd=ROOT
        ) as process:
            assert process.stderr
            assert any(moment in line for line in process.stderr)
            process.kill()
        which = "{{(index .Spec.TaskTemplate.ContainerSpec.Secrets 0).SecretName}}"
        named = years.lab.run("P", f"docker service inspect app_data --format '{which}'").strip()
        assert named in years.lab.run("P", "docker secret ls --format '{{.Name}}'").split()
        done = years.lab.swarmkit(*rotate)
        assert done.returncode == 0, done.stdout + done.stderr
        assert len(years.lab.run("P", "docker secret ls -q").split()) == 1
        mounted = years.lab.run("Q", "docker exec $(docker ps -q -f name=app_data) cat /run/secrets/token")
        assert mounted == (years.folder / "token.txt").read_text()


# A newer engine for apt: the installed one under a higher revision.
NEWER = packing("docker.io", "+lab1") + OFFERING
VERSION = "dpkg-query -W -f '${Version}' docker.io; echo; systemctl show -p MainPID --value docker"


@pytest.mark.nightly
def test_upgrade_engines(years: Years) -> None:
    path = years.inventory("PQR", "S")
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda name: years.lab.run(name, NEWER), "PQRS"))
    before = {name: years.lab.run(name, VERSION).split() for name in "PQRS"}
    leader = years.lab.run("P", "docker node ls --format '{{.Hostname}} {{.ManagerStatus}}' | grep Leader").split()[0]
    second = next(name for name in "PQR" if name != leader)
    years.lab.run(second, "echo broken >/opt/packed/docker.io.deb")
    stopped = years.try_to_play("upgrade-engines", path, "--yes")
    order = [line.split()[1] for line in stopped.stdout.splitlines() if "  install docker.io" in line]
    assert (order[:2], order[-1], sorted(order)) == (["S", second], leader, [*"PQRS"]), stopped.stdout
    assert stopped.returncode == 1
    assert f"{second}: apt could not install docker.io=" in stopped.stderr
    versions = {name: years.lab.run(name, VERSION).split() for name in "PQRS"}
    assert versions["S"][0] == before["S"][0] + "+lab1"
    assert {name: versions[name] for name in "PQR"} == {name: before[name] for name in "PQR"}
    assert "--from upgrade" in stopped.stderr
    years.lab.run(second, NEWER)
    said = years.play("upgrade-engines", path, "--from", "upgrade")
    order = [line.split()[1] for line in said.splitlines() if "  install docker.io" in line]
    assert (order[0], order[-1], sorted(order)) == (second, leader, [*"PQR"]), said
    after = {name: years.lab.run(name, VERSION).split() for name in "PQRS"}
    for name, (version, process) in before.items():
        assert after[name][0] == version + "+lab1"
        assert after[name][1] != process
    years.settled(path)
    assert "nothing to do" in years.play("upgrade-engines", path)


@pytest.mark.nightly
def test_an_upgrade_of_the_engines_that_was_killed_goes_on_and_leaves_no_node_drained(years: Years) -> None:
    path = years.inventory("PQR", "S")
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda name: years.lab.run(name, NEWER), "PQRS"))
    before = {name: years.lab.run(name, VERSION).split()[0] for name in "PQRS"}
    upgrade = ("engine", "upgrade", "--yes", "-i", path)
    # While apt stops the engine, puts the new one in its place, and starts that.
    said = killed_at(years.lab, ": install docker.io", *upgrade, seconds=random.uniform(0.5, 4))
    assert any(line.startswith("S: install docker.io") for line in said), said
    done = years.lab.swarmkit(*upgrade)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {name: years.lab.run(name, VERSION).split()[0] for name in "PQRS"} == {
        name: f"{version}+lab1" for name, version in before.items()
    }
    spec = "docker node ls -q | xargs docker node inspect --format '{{.Spec.Availability}} {{json .Spec.Labels}}'"
    listed = years.lab.run("P", spec)
    assert listed.count("active ") == 4
    assert "swarmkit.upgrading" not in listed
    for name in "PQRS":
        assert years.lab.run(name, "ls /var/tmp | grep swarmkit || true; dpkg --audit") == ""
    years.settled(path)


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_game_day_with_replace_host_quorum_loss_and_restore(years: Years) -> None:
    path = years.inventory("PQR", "S")
    assert years.lab.swarmkit("autolock", "off", "--yes", "-i", path).returncode == 0
    before = years.lab.run("P", "docker info --format '{{.Swarm.Cluster.ID}}'").strip()
    years.lab.run("P", "docker node update --label-add rack=7 S >/dev/null")
    folder, key = years.folder / "of-game-day", years.passphrase()
    folder.mkdir(mode=0o700)
    taken = years.lab.swarmkit("backup", "--yes", "-i", path, "-o", folder, "--passphrase-file", key)
    assert taken.returncode == 0, taken.stderr
    (archive,) = folder.iterdir()
    given = ("worker=S", "first=Q", "second=R", "third=P", f"archive={archive}", f"passphrase-file={key}")
    said = years.play("game-day", path, *(word for one in given for word in ("--set", one)), seconds=1800)
    assert "mended/replace" in said
    assert "Q: go on alone" not in said
    assert "P  go on alone with its state" in said
    assert "restored/restore" in said
    assert years.nodes(path) == {**dict.fromkeys("PQR", "manager ready"), "S": "worker ready"}
    assert years.lab.run("P", "docker info --format '{{.Swarm.Cluster.ID}}'").strip() == before
    assert years.lab.run("P", "docker node inspect S --format '{{.Spec.Labels.rack}}'").strip() == "7"
    years.settled(path)


def test_a_database_node_whose_volume_is_gone_stops_for_a_decision(years: Years) -> None:
    path = years.inventory("PQR", "S")
    assert years.lab.swarmkit("autolock", "off", "--yes", "-i", path).returncode == 0
    assert years.lab.swarmkit("lab", "reset", "Q").returncode == 0
    # Not even a plain up lets the data's service begin anew on the empty disk.
    refused = years.try_to_play("bootstrap", path, "--yes", "--from", "bring-up")
    assert refused.returncode == 1
    assert "swarmkit node replace Q --accept-data-loss" in refused.stderr
    stopped = years.try_to_play("replace-host", path, "--yes", "--set", "host=Q")
    assert stopped.returncode == 1
    assert "service app_data had its data here, and it is gone" in stopped.stderr
    assert "no volume app_files on the host" in stopped.stderr
    assert "stopped at step replace (exit 1)" in stopped.stderr
    assert "--from replace" in stopped.stderr
    assert years.nodes(path)["Q"] == "manager down"
    # The operator brings the volume back, and goes on where it stopped.
    years.lab.run("Q", "docker volume create app_files")
    years.play("replace-host", path, "--set", "host=Q", "--from", "replace")
    assert years.nodes(path)["Q"] == "manager ready"
    years.settled(path)


UNTOUCHED = (
    "find /var/lib/docker -printf '%p %s %T@\\n' | sort | sha256sum; systemctl show -p MainPID --value docker; "
    "docker info --format '{{.Swarm.LocalNodeState}}'"
)
"""Prints what a restore would change: Docker's folder, its engine, its node."""


def bad_backups(
    years: Years, good: Path, key: Path, inventory: Path
) -> Iterator[tuple[Path, tuple[str | Path, ...], Path, str]]:
    """Yield backups that must be refused, with how they are opened, for which inventory, and what is said."""
    opened = ("--passphrase-file", key)
    folder = years.folder / "bad"
    folder.mkdir()
    whole, path = good.read_bytes(), folder / "years.swarmkit.age"
    path.write_bytes(whole[:-3000] + bytes([whole[-3000] ^ 1]) + whole[-2999:])
    yield path, opened, inventory, "cannot be opened"
    path.write_bytes(whole[: len(whole) // 2])
    yield path, opened, inventory, "cannot be opened"
    other = folder / "passphrase"
    other.touch(mode=0o600)
    other.write_text("wrong horse\n")
    yield good, ("--passphrase-file", other), inventory, "cannot be opened"
    foreign = folder / "others.yaml"
    foreign.write_text(inventory.read_text().replace('"swarm_cluster": "years"', '"swarm_cluster": "others"'))
    yield good, opened, foreign, "is of cluster 'years', the inventory says 'others'"
    packed = read(good, Opener(passphrase=Secret(b"correct horse battery staple")))
    rewritten(path, packed, {STATE: with_a_file(packed.small[STATE], "swarm/../../../etc/evil")})
    yield path, opened, inventory, "the state in it holds 'swarm/../../../etc/evil'"
    rewritten(path, packed, {}, engine_version="99.0.1")
    yield path, opened, inventory, "its engine is older than the one the backup is of"


def rewritten(path: Path, packed: Archive, files: dict[str, bytes], **changes: object) -> None:
    """Write *packed* anew with other *files*, and a manifest that fits them but for *changes*."""
    path.unlink()
    with writing(path, Sealer(passphrase=Secret(b"correct horse battery staple"))) as writer:
        for name, content in {**packed.small, **files}.items():
            writer.add(name, content)
        writer.finish(packed.manifest.model_copy(update={"files": dict(writer.files), **changes}))


def with_a_file(state: bytes, name: str) -> bytes:
    """Return the packed *state* with one more file."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(state)) as old, tarfile.open(fileobj=packed, mode="w:gz") as new:
        for member in old:
            new.addfile(member, old.extractfile(member))
        new.addfile(tarfile.TarInfo(name), io.BytesIO())
    return packed.getvalue()


def two_restores_at_once(years: Years, archive: Path, key: Path, inventory: Path) -> None:
    """See that of two operators one restores, and that the other is told who and changes nothing."""
    command = ("restore", archive, "--yes", "-i", inventory, "--passphrase-file", key)
    with ThreadPoolExecutor() as pool:
        first, second = (one.result() for one in [pool.submit(years.lab.swarmkit, *command) for _ in range(2)])
    won, lost = (first, second) if second.returncode == 1 else (second, first)
    # Wiped hosts have no images: 4 is for what cannot be proved yet.
    assert won.returncode in (0, 4), won.stdout + won.stderr
    assert lost.returncode == 1, lost.stdout + lost.stderr
    assert "another run holds the cluster, nothing was changed" in lost.stderr
    assert re.search(r"@\S+ pid \d+ since .*: restore", lost.stderr), lost.stderr
    for name in "PQR":
        assert years.lab.run(name, "ls /run/swarmkit.lock 2>/dev/null || true") == ""


@pytest.mark.nightly
def test_restore_same_hosts(years: Years) -> None:
    path = years.inventory("PQR", "S")
    key = years.passphrase()
    taken = years.lab.swarmkit("backup", "take", "--yes", "-i", path, "-o", years.folder, "--passphrase-file", key)
    assert taken.returncode == 0, taken.stderr
    (archive,) = years.folder.glob("years-*.swarmkit.age")
    before = years.lab.run("P", "docker info --format '{{.Swarm.Cluster.ID}}'; docker swarm ca")
    assert years.lab.swarmkit("lab", "reset", "P", "Q", "R").returncode == 0
    bare = {name: years.lab.run(name, UNTOUCHED) for name in "PQR"}
    for bad, opened, inventory, why in bad_backups(years, archive, key, path):
        refused = years.lab.swarmkit("restore", bad, "--yes", "-i", inventory, *opened)
        assert refused.returncode in (1, 2), why + refused.stdout + refused.stderr
        assert why in refused.stderr
    assert {name: years.lab.run(name, UNTOUCHED) for name in "PQR"} == bare
    two_restores_at_once(years, archive, key, path)
    said = years.play("restore-same-hosts", path, "--set", f"archive={archive}", "--set", f"passphrase-file={key}")
    assert "whole" in said
    assert years.nodes(path) == {**dict.fromkeys("PQR", "manager ready"), "S": "worker ready"}
    assert years.lab.run("P", "docker info --format '{{.Swarm.Cluster.ID}}'; docker swarm ca") == before


@pytest.mark.nightly
def test_rebuild_elsewhere(years: Years) -> None:
    whole, key = years.inventory("PQR", "S"), years.passphrase()
    note = "/var/lib/docker/volumes/app_files/_data/note"
    years.lab.run("Q", f"echo kept >{note}")
    backups = years.folder / "with-data"
    backups.mkdir(mode=0o700)
    take = ("-i", whole, "-f", years.stack, "--stack", "app", "-o", backups, "--passphrase-file", key)
    taken = years.lab.swarmkit("backup", "--yes", *take)
    assert taken.returncode == 0, taken.stderr
    (archive,) = backups.iterdir()
    for name in "PR":
        assert years.lab.swarmkit("lab", "fault", "power-off", name).returncode == 0
    assert years.lab.swarmkit("lab", "reset", "Q", "S").returncode == 0
    path = years.inventory("Q", "S")
    # Without the data it stops for a decision; with it, it goes on from there.
    stopped = years.try_to_play("rebuild-elsewhere", path, "--yes")
    assert stopped.returncode == 1
    assert "--init-empty app_files" in stopped.stderr
    assert "--from rebuild" in stopped.stderr
    given = ("--set", f"archive={archive}", "--set", f"passphrase-file={key}")
    said = years.play("rebuild-elsewhere", path, *given, "--from", "rebuild")
    assert "3 steps done, 0 skipped" in said
    assert years.nodes(path) == {"Q": "manager ready", "S": "worker ready"}
    assert years.lab.run("Q", f"cat {note}") == "kept\n"
    years.settled(path)
