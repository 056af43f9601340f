"""The way back on a real engine: updates that fail their health gate, and a whole stack taken back and forth."""

from __future__ import annotations

import datetime
import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from lab.shop_lab import ROOT, Lab

from swarmkit.reach.retry import wait_until

pytestmark = pytest.mark.lab

IDLE = "console.log('version ' + process.env.LEVEL); setInterval(() => {}, 1e6)"
CHECK = "console.log('level ' + process.env.LEVEL); process.exit(process.env.LEVEL === 'bad' ? 1 : 0)"


@dataclass(frozen=True)
class OneHost:
    lab: Lab
    folder: Path
    images: Path

    def write(
        self,
        level: str,
        *,
        action: str = "rollback",
        password: str = "first",
        other: str = "old",
        host_port: int | None = None,
        monitor: str = "3s",
        team: str = "",
        order: str = "start-first",
    ) -> None:
        web: dict[str, Any] = {
            "image": "shop-backend:1.0",
            "entrypoint": ["node", "-e", IDLE],
            "environment": {"LEVEL": level},
            "secrets": ["password"],
            "healthcheck": {"test": ["CMD", "node", "-e", CHECK], "interval": "1s", "timeout": "20s", "retries": 2},
            "stop_grace_period": "1s",
            "deploy": {"update_config": {"order": order, "failure_action": action, "monitor": monitor}},
        }
        if host_port:
            web["ports"] = [{"target": 80, "published": host_port, "mode": "host"}]
        beside = {"image": "shop-backend:1.0", "entrypoint": ["node", "-e", IDLE], "stop_grace_period": "1s"}
        page: dict[str, Any] = {
            "image": "shop-database:1.0" if level == "two" else "shop-frontend:1.0",
            "entrypoint": ["/bin/busybox", "sleep", "100000"],
            "configs": ["motd"],
            "secrets": ["token"],
            "healthcheck": {"disable": True},
            "stop_grace_period": "1s",
        }
        edition = "second" if level == "two" else "first"
        self.lab.environment["TOKEN"] = f"{edition} token"
        labels = {"team": team} if team else {}
        stack = {
            "services": {"web": web, "page": page, other: beside},
            "secrets": {"password": {"file": "password.txt", "labels": labels}, "token": {"environment": "TOKEN"}},
            "configs": {"motd": {"content": f"the {edition} edition, ", "labels": labels}},
        }
        (self.folder / "stack.yaml").write_text(json.dumps(stack))
        (self.folder / "password.txt").touch(mode=0o600)
        (self.folder / "password.txt").write_text(password)

    @property
    def files(self) -> tuple[str | Path, ...]:
        return ("-i", self.folder / "hosts.yaml", "-f", self.folder / "stack.yaml", "--stack", "s")

    @property
    def declared(self) -> tuple[str | Path, ...]:
        return (*self.files, "--images", self.images)

    def call(self, command: str, *options: str, code: int = 0) -> str:
        """Run a command of swarmkit on the stack, and return what it said when it ended with *code*."""
        done = self.lab.swarmkit(command, *self.declared, *options)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def unproved(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Return by code and place the errors of a proof that ended with some."""
        done = self.lab.swarmkit("verify", *self.files, "--json")
        assert done.returncode == 4, done.stdout + done.stderr
        found = json.loads(done.stdout)["findings"]
        return {(one["code"], one["where"]): one for one in found if one["severity"] == "error"}

    def pending(self) -> int:
        """Return the exit code of a plan: 5 when what runs is not what the file says."""
        return self.lab.swarmkit("plan", *self.declared, "--prune", "--detailed-exitcode").returncode

    @contextmanager
    def up_on_a_terminal(self, *options: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
        """Yield a running `up`, and the terminal on which it is answered."""
        ours, its = pty.openpty()
        command = [sys.executable, "-m", "swarmkit", "up", *map(str, self.declared), *options]
        try:
            with subprocess.Popen(
                command, env=self.lab.environment, cwd=ROOT, stdin=its, stderr=subprocess.PIPE, text=True
            ) as up:
                yield up, ours
        finally:
            os.close(ours)
            os.close(its)

    def docker(self, command: str) -> str:
        return self.lab.run("K", f"docker {command}").strip()

    def web(self) -> dict[str, Any]:
        spec: dict[str, Any] = json.loads(self.docker("service inspect s_web"))[0]["Spec"]
        return spec

    def page(self) -> tuple[str, str]:
        """Return the image that the page's container runs, and what its config and its secret hold."""
        (container,) = self.docker("ps -q --filter name=s_page").split()
        image = self.docker(f"inspect --format '{{{{.Image}}}}' {container}")
        tags = self.docker(f"image inspect --format '{{{{join .RepoTags \" \"}}}}' {image}")
        return tags, self.docker(f"exec {container} /bin/busybox cat /motd /run/secrets/token")

    def update_state(self) -> str:
        return self.docker("service inspect --format '{{.UpdateStatus.State}}' s_web")

    def containers(self) -> list[str]:
        return self.docker("ps --no-trunc -q --filter name=s_web").split()


@pytest.fixture(scope="module", params=["26.1", pytest.param("20.10", marks=pytest.mark.nightly)])
def one(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, images: Path) -> Iterator[OneHost]:
    """Host K, of each engine, with a stack of two services, up and proved."""
    state, folder = tmp_path_factory.mktemp("back"), tmp_path_factory.mktemp("stack")
    lab = Lab(state / "swarmkit" / "lab", {**os.environ, "XDG_STATE_HOME": str(state)}, folder / "hosts.yaml")
    variables = {
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(lab.state / "id_ed25519"),
        "swarm_known_hosts": str(lab.state / "known_hosts"),
        "swarm_cluster": "back",
        "swarm_address_pools": ["10.20.0.0/16"],
        "lab_engine": request.param,
    }
    host = {"K": {"ansible_host": "127.88.0.75", "swarm_advertise_addr": "10.88.0.75"}}
    lab.inventory.write_text(json.dumps({"all": {"vars": variables, "children": {"managers": {"hosts": host}}}}))
    made = OneHost(lab, folder, images)
    try:
        lab.up()
        made.write("one")
        made.call("up", "--yes")
        yield made
    finally:
        lab.swarmkit("lab", "down")


def test_nothing_ran_before_the_first_up(one: OneHost) -> None:
    said = one.call("rollback", "--yes", code=1)
    assert "nothing ran before" in said
    assert "swarmkit down" in said


def test_an_update_that_fails_its_health_gate_is_told_and_the_old_version_serves_on(one: OneHost) -> None:
    old = one.containers()
    one.write("bad")
    said = one.call("up", "--yes", code=4)
    assert "s_web: its update is rollback" in said
    assert "level bad" in said
    assert set(old) <= set(one.containers())
    one.write("one")
    # What was taken back is as the file says again: nothing is to do, and nothing is wrong.
    assert wait_until(one.update_state, lambda state: state == "rollback_completed", timeout_seconds=90)
    assert "nothing to do" in one.call("up", "--yes")


def test_one_that_pauses_keeps_the_old_version_and_rollback_brings_the_whole_stack_back(one: OneHost) -> None:
    old = one.containers()
    one.write("bad", action="pause", other="new")
    said = one.call("up", "--yes", code=4)
    assert "s_web: its update is paused" in said
    assert "1 of 1 tasks run, 1 of the version before" in said
    assert "level bad" in said
    assert set(old) <= set(one.containers())
    assert "LEVEL=bad" in one.web()["TaskTemplate"]["ContainerSpec"]["Env"]
    stopped = one.unproved()["V03", "s_web"]
    assert stopped["what"] == "the last update of s_web did not go through: paused"
    assert stopped["evidence"].startswith("update paused due to failure or early termination of task ")
    look, _, then = stopped["remedy"].partition(", then ")
    assert (look, then) == ("on K: docker service ps --no-trunc s_web", "swarmkit up")
    assert "unhealthy container" in one.lab.run("K", look.removeprefix("on K: "))
    back = one.call("rollback", "--yes")
    assert re.search(r"^proved  V02 ", back, re.MULTILINE), "it ends with a proof, which found no error"
    assert "s_new" in back
    assert "LEVEL=one" in one.web()["TaskTemplate"]["ContainerSpec"]["Env"]
    one.write("one")
    assert one.pending() == 0


@pytest.mark.nightly
def test_one_replica_that_stops_first_leaves_nothing_serving_as_the_plan_said_until_rollback(one: OneHost) -> None:
    one.write("one", order="stop-first", action="pause")
    one.call("up", "--yes", "--prune")
    one.write("bad", order="stop-first", action="pause")
    said = one.call("up", "--yes", "--no-verify", code=4)
    assert re.search(r"^warning +B58 +s_web$", said, re.MULTILINE)
    assert "nothing of s_web serves during its update, nor after one that fails: its task is stopped first" in said
    assert "s_web: its update is paused" in said
    assert "level bad" in said
    running = one.docker("service ps --filter desired-state=running --format '{{.CurrentState}}' s_web")
    assert not running.startswith("Running"), "an old task serves, or the new one is healthy"
    one.call("rollback", "--yes", "--no-verify")
    assert "LEVEL=one" in one.web()["TaskTemplate"]["ContainerSpec"]["Env"]
    (container,) = one.containers()
    assert one.docker(f"inspect --format '{{{{.State.Health.Status}}}}' {container}") == "healthy"
    one.write("one", order="stop-first", action="pause")
    assert one.pending() == 0


def test_after_ctrl_c_another_update_goes_on_over_the_one_whose_monitor_ends_meanwhile(one: OneHost) -> None:
    one.write("slow", monitor="20s")
    with one.up_on_a_terminal("--yes") as (interrupted, _):
        assert wait_until(one.update_state, lambda state: state == "updating", timeout_seconds=60)
        interrupted.send_signal(signal.SIGINT)
        assert "run the same command again" in said_by(interrupted)
    one.write("one")
    with one.up_on_a_terminal() as (up, terminal):
        said = said_by(up, until="apply this to cluster")
        compared = one.docker("service inspect --format '{{.Version.Index}} {{.UpdateStatus.State}}' s_web").split()
        assert compared[1] == "updating", "the question came when the update had ended"
        assert wait_until(one.update_state, lambda state: state == "completed", timeout_seconds=90)
        assert int(one.docker("service inspect --format '{{.Version.Index}}' s_web")) > int(compared[0])
        os.write(terminal, b"y\n")
        said += said_by(up)
    assert up.returncode == 0, said
    assert "LEVEL=one" in one.web()["TaskTemplate"]["ContainerSpec"]["Env"]
    assert one.pending() == 0


def said_by(process: subprocess.Popen[str], until: str = "") -> str:
    """Return what *process* writes to its stderr, up to a text: a question has no end of line."""
    assert process.stderr
    said = ""
    while (character := process.stderr.read(1)) and not (until and said.endswith(until)):
        said += character
    return said


def test_a_stack_goes_back_with_its_secret_and_its_services_and_forth_again(one: OneHost) -> None:
    one.write("two", password="second", other="new")
    one.call("up", "--yes", "--prune")
    secrets = set(one.docker("secret ls --filter name=s_password --format '{{.Name}}'").split())
    assert len(secrets) == 2
    second = ("shop-database:1.0", "the second edition, second token")
    assert one.page() == second
    two = one.web()["TaskTemplate"]["ContainerSpec"]["Secrets"][0]["SecretName"]
    back = one.call("rollback", "--yes")
    assert "take service back" in back
    spec = one.web()["TaskTemplate"]["ContainerSpec"]
    assert {spec["Secrets"][0]["SecretName"]} == secrets - {two}
    assert set(one.docker("service ls --format '{{.Name}}'").split()) == {"s_web", "s_page", "s_old"}
    assert one.page() == ("shop-frontend:1.0", "the first edition, first token")
    one.write("one")
    assert one.pending() == 0
    one.call("rollback", "--yes")
    assert one.page() == second
    one.write("two", password="second", other="new")
    assert one.pending() == 0
    assert len(one.docker("config ls -q --filter label=swarmkit.before").split()) == 1


def test_a_port_that_an_update_adds_and_a_process_of_the_host_has_is_told_beforehand(one: OneHost) -> None:
    one.write("two", password="second", other="new", host_port=22)
    before = one.web()
    said = one.call("up", "--yes", code=1)
    assert "H80" in said
    assert "port 22" in said or "tcp/22" in said
    assert one.web() == before
    one.write("two", password="second", other="new")
    assert one.pending() == 0


def test_new_labels_reach_the_secret_and_the_config_that_are_there(one: OneHost) -> None:
    one.write("two", password="second", other="new", team="shop")
    before = one.containers()
    one.call("up", "--yes")
    for kind, name in (("secret", "password"), ("config", "motd")):
        label = f"{kind} ls -q --filter label=team=shop --filter name=s_{name}"
        assert len(one.docker(label).split()) == 1
    assert one.containers() == before
    assert one.pending() == 0


# The data are healthy five seconds after their start, not sooner.
CHAIN = """
services:
  data:
    image: shop-backend:1.0
    entrypoint:
      - node
      - -e
      - setTimeout(() => require('fs').writeFileSync('/dev/shm/well', ''), 5000); setInterval(() => {{}}, 1e6)
    environment: {{EDITION: "{edition}"}}
    healthcheck:
      test: [CMD, node, -e, require('fs').accessSync('/dev/shm/well')]
      interval: 1s
      timeout: 20s
      retries: 60
    stop_grace_period: 1s
  front:
    image: shop-backend:1.0
    entrypoint: [node, -e, "setInterval(() => {{}}, 1e6)"]
    environment: {{EDITION: "{edition}"}}
    depends_on: {{data: {{condition: service_healthy}}}}
    stop_grace_period: 1s
"""


@pytest.mark.nightly
def test_a_rollback_waits_as_depends_on_said(one: OneHost) -> None:
    path = one.folder / "chain.yaml"
    stack = ("-i", one.folder / "hosts.yaml", "-f", path, "--stack", "chain", "--images", one.images, "--yes")
    for command, edition in (("up", "one"), ("up", "two"), ("rollback", "two")):
        path.write_text(CHAIN.format(edition=edition))
        done = one.lab.swarmkit(command, *stack)
        assert done.returncode == 0, done.stdout + done.stderr
    (container,) = json.loads(one.docker("inspect $(docker ps -q --filter name=chain_data)"))
    assert "EDITION=one" in container["Config"]["Env"]
    healthy = min(check["Start"] for check in container["State"]["Health"]["Log"] if check["ExitCode"] == 0)
    (front,) = json.loads(one.docker("service inspect chain_front"))
    assert "EDITION=one" in front["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"]
    assert seconds_of(front["UpdatedAt"]) >= seconds_of(healthy)


def seconds_of(engine_time: str) -> float:
    """Return the moment of an engine's time, which has nine digits behind the second and a zone of its own."""
    whole, zone = re.sub(r"\.\d+", "", engine_time), re.search(r"\.\d+", engine_time)
    return datetime.datetime.fromisoformat(whole).timestamp() + float(zone[0] if zone else 0)
