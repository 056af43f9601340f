"""Every kind of network of a stack on real hosts, with both engines: made, made anew under load, removed."""

from __future__ import annotations

import datetime
import json
import os
import re
import shutil
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from lab.network_commands import Networks
from lab.shop_lab import Lab, Shop

pytestmark = pytest.mark.lab

FILE = Path(__file__).parent / "networks_stack.yaml"
LAN = re.compile(r"10\.88\.0\.1[2-9]\d")
OLDER = """
all:
  vars:
    ansible_user: root
    ansible_ssh_private_key_file: {state}/id_ed25519
    swarm_known_hosts: {state}/known_hosts
    swarm_cluster: older
    swarm_address_pools: [10.20.0.0/16]
    lab_engine: '20.10'
    lab_memory: 768
  children:
    managers:
      hosts:
        A: {{ansible_host: 127.88.0.51, swarm_advertise_addr: 10.88.0.51, swarm_labels: {{role: frontend}}}}
    workers:
      hosts:
        B: {{ansible_host: 127.88.0.52, swarm_advertise_addr: 10.88.0.52, swarm_labels: {{role: backend}}}}
"""

ON_SHOP = pytest.param("26.1", marks=pytest.mark.xdist_group("shop"))
ON_OLDER = pytest.param("20.10", marks=pytest.mark.xdist_group("older"))
# What takes minutes on the older engine, and the others of its tests show in part.
OLDER_BY_NIGHT = pytest.mark.parametrize(
    "made",
    [ON_SHOP, pytest.param("20.10", marks=[pytest.mark.xdist_group("older"), pytest.mark.nightly])],
    indirect=True,
)
# What test_networks.py shows on the newer engine every day.
SHOP_BY_NIGHT = pytest.param("26.1", marks=[pytest.mark.xdist_group("shop"), pytest.mark.nightly])
NEWER_BY_NIGHT = pytest.mark.parametrize("made", [SHOP_BY_NIGHT, ON_OLDER], indirect=True)


@dataclass
class Made:
    """The stack of every kind of network, on hosts of one engine."""

    lab: Lab
    stack: Path
    images: Path
    url: str
    """Of the stack's service that is published, as the tests reach it."""
    cluster: str

    def swarmkit(self, *arguments: str | Path, code: int = 0) -> str:
        inventory: list[str | Path] = ["-i", self.lab.inventory]
        at = 2 if arguments[0] == "network" else 1
        done = self.lab.swarmkit(*arguments[:at], *inventory, *arguments[at:])
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def stack_command(self, *arguments: str | Path, file: Path | None = None, code: int = 0) -> str:
        images = () if arguments[0] == "down" else ("--images", self.images)
        name = "nets" if file is None else file.stem
        return self.swarmkit(*arguments, "-f", file or self.stack, "--stack", name, *images, code=code)

    def container(self, host: str, service: str) -> dict[str, Any]:
        """Return what the engine tells of the running container of *service* on *host*."""
        names = self.lab.run(host, "docker", "ps", "-q", "--filter", f"label=com.docker.swarm.service.name={service}")
        (found,) = json.loads(self.lab.run(host, "docker", "inspect", names.split()[0]))
        container: dict[str, Any] = found
        return container

    def service(self, name: str) -> dict[str, Any]:
        (found,) = json.loads(self.lab.run("A", "docker", "service", "inspect", name))
        service: dict[str, Any] = found
        return service

    def fetch(self, host: str, container: dict[str, Any], url: str) -> str:
        return self.lab.run(host, "docker", "exec", container["Id"], "wget", "-T", "5", "-qO-", url)


@dataclass
class Visitor:
    """Asks *url* again and again from another thread."""

    url: str
    answers: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Visitor:
        self._thread = threading.Thread(target=self._visit)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _visit(self) -> None:
        while not self._stop.is_set():
            try:
                with urllib.request.urlopen(self.url, timeout=10) as answer:
                    self.answers.append(str(answer.status))
            except (OSError, urllib.error.URLError) as error:
                self.answers.append(str(error))
            time.sleep(0.2)


@pytest.fixture(scope="module", params=[ON_SHOP, ON_OLDER])
def made(request: pytest.FixtureRequest, images: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """The stack's hosts: the shop's, and two of the older engine in a lab of their own; nothing is up yet."""
    folder = tmp_path_factory.mktemp("nets")
    stack = Path(shutil.copy(FILE, folder / "nets.yaml"))
    if request.param == "26.1":
        shop: Shop = request.getfixturevalue("deployed_shop")
        yield Made(shop.lab, stack, images, "http://127.88.0.31:8090", "lab")
        return
    older = older_lab(folder)
    try:
        older.up()
        yield Made(older, stack, images, "http://127.88.0.51:8090", "older")
    finally:
        older.swarmkit("lab", "down")


def older_lab(folder: Path) -> Lab:
    state = folder / "swarmkit" / "lab"
    inventory = folder / "inventory.yaml"
    inventory.write_text(OLDER.format(state=state))
    return Lab(state, {**os.environ, "XDG_STATE_HOME": str(folder)}, inventory)


def test_every_kind_is_made_and_told_and_a_second_plan_is_empty(made: Made) -> None:
    said = made.stack_command("up", "--yes")
    assert "create config-only network nets_lan-config" in said
    made.stack_command("plan", "--detailed-exitcode")
    rows = {
        row["name"]: row
        for row in json.loads(made.swarmkit("network", "ls", "--json").partition("\n}")[0] + "\n}")["networks"]
    }
    kinds = {name: (row["driver"], row["scope"], row["encryption"]) for name, row in rows.items()}
    assert kinds["nets_app"] == ("overlay", "swarm", "off")
    assert kinds["nets_lan"] == ("macvlan", "swarm", "-")
    assert kinds["nets_side"] == ("bridge", "swarm", "-")
    assert "service nets_station" in rows["nets_lan"]["users"]


def test_each_service_began_when_what_it_depends_on_had_come_as_far_as_the_file_says(made: Made) -> None:
    (task,) = made.lab.run("A", "docker", "service", "ps", "-q", "nets_once").split()
    (once,) = json.loads(made.lab.run("A", "docker", "inspect", task))
    assert once["Status"]["State"] == "complete"
    assert moment(made.service("nets_web")["CreatedAt"]) >= moment(once["Status"]["Timestamp"])
    first_check = made.container("A", "nets_station")["State"]["Health"]["Log"][0]["Start"]
    assert moment(made.service("nets_neighbour")["CreatedAt"]) < moment(first_check)


def moment(text: str) -> datetime.datetime:
    """Return what an engine means by a time: it writes more digits of a second than Python takes."""
    whole, _, rest = text.partition(".")
    fraction = re.match(r"\d*", rest)
    zone = rest[fraction.end() if fraction else 0 :] if rest else ""
    return datetime.datetime.fromisoformat(f"{whole}.{(fraction[0] if fraction else '')[:6]:0<6}{zone or 'Z'}")


def test_the_running_stack_is_exported_as_a_file_that_plans_to_no_change(made: Made, tmp_path: Path) -> None:
    written = tmp_path / "nets.yaml"
    assert "it plans to no change" in made.swarmkit("export", "nets", "-o", written)
    assert written.stat().st_mode & 0o777 == 0o600
    made.stack_command("plan", "--detailed-exitcode", file=written)
    assert "parent: vec0" in written.read_text()


def test_a_service_by_hand_with_the_stacks_label_is_exported_beside_the_stacks_own_of_that_name(
    made: Made, tmp_path: Path
) -> None:
    by_hand = "--name web --label com.docker.stack.namespace=nets --replicas 0 --detach"
    made.lab.run("A", f"docker service create {by_hand} shop-frontend:1.0")
    try:
        made.swarmkit("export", "nets", "-o", tmp_path / "both.yaml", code=4)
    finally:
        made.lab.run("A", "docker service rm web")
    written = (tmp_path / "both.yaml").read_text()
    assert "up makes nets_web-2 beside it" in written
    assert {"web", "web-2"} <= set(re.findall(r"^  (\S+):", written, re.MULTILINE))


def test_macvlan_tasks_of_two_hosts_answer_each_other_with_their_own_mac_addresses(made: Made) -> None:
    station, neighbour = made.container("A", "nets_station"), made.container("B", "nets_neighbour")
    there, here = (one["NetworkSettings"]["Networks"]["nets_lan"] for one in (station, neighbour))
    assert LAN.fullmatch(there["IPAddress"])
    assert LAN.fullmatch(here["IPAddress"])
    assert there["IPAddress"] != here["IPAddress"]
    made.fetch("B", neighbour, f"http://{there['IPAddress']}:8080/healthz")
    made.fetch("A", station, f"http://{here['IPAddress']}:8091/")
    made.fetch("B", neighbour, "http://station:8080/healthz")
    seen = made.lab.run("B", "docker", "exec", neighbour["Id"], "cat", "/proc/net/arp")
    assert there["MacAddress"] in seen
    assert here["MacAddress"] != there["MacAddress"]


def test_a_bridge_joins_tasks_of_one_host_and_a_host_network_gives_the_hosts_own_ports(made: Made) -> None:
    web, neighbour = made.container("B", "nets_web"), made.container("B", "nets_neighbour")
    address = neighbour["NetworkSettings"]["Networks"]["nets_side"]["IPAddress"]
    assert made.fetch("B", web, f"http://{address}:8091/") == "side"
    assert made.lab.run("B", "curl", "-s", "http://127.0.0.1:8092/") == made.lab.run("B", "hostname").strip()


def test_what_is_not_free_is_told_before_anything_is_made(made: Made, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(
        """
services:
  x:
    image: shop-frontend:1.0
    networks: [lan, lost]
    ports: [{target: 80, published: 22, mode: host}]
    deploy: {placement: {constraints: [node.labels.role == frontend]}}
networks:
  lan:
    driver: macvlan
    ipam: {config: [{subnet: 10.88.0.0/24}]}
    x-swarmkit: {parent: vec0, hosts: {A: {range: 10.88.0.240/28}}}
  lost:
    driver: ipvlan
    ipam: {config: [{subnet: 10.89.0.0/24}]}
    x-swarmkit: {parent: vec7, range: 10.89.0.0/26}
"""
    )
    said = made.stack_command("plan", file=other, code=1)
    assert "there is no device vec7 to be the parent of other_lost-config" in said
    assert "device vec0 is the parent of network nets_lan" in said
    assert "the address 10.88.0.254 of 10.88.0.240/28 for other_lan-config is in use" in said
    assert "port 22/tcp of x is taken on A" in said


def test_names_of_networks_that_others_have_are_told_before_anything_is_made(made: Made, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(
        """
services:
  x: {image: "shop-frontend:1.0", networks: [own, theirs]}
networks:
  own: {}
  theirs: {}
"""
    )
    made.lab.run("A", "docker network create other_own && docker network create -d overlay other_theirs")
    try:
        said = " ".join(made.stack_command("plan", file=other, code=1).split())
    finally:
        made.lab.run("A", "docker network rm other_own other_theirs")
    assert "A, the manager that is to make it, has a network other_own of its own" in said
    assert "the network other_theirs is there, and is no stack's" in said


@OLDER_BY_NIGHT
def test_an_overlay_gets_encryption_and_another_mtu_while_its_services_answer(made: Made) -> None:
    text = made.stack.read_text()
    made.stack.write_text(
        text.replace(
            "    x-swarmkit: {encrypted: false, reason: to be changed}\n",
            "    driver_opts: {com.docker.network.driver.mtu: '1400'}\n",
        )
    )
    assert "--recreate-networks" in made.stack_command("plan", code=1)
    with Visitor(made.url) as visitor:
        made.stack_command("up", "--yes", "--recreate-networks")
    assert len(visitor.answers) > 20
    assert visitor.answers.count("200") >= 0.9 * len(visitor.answers), visitor.answers
    made.stack_command("plan", "--detailed-exitcode")
    web = made.container("B", "nets_web")
    # The header of VXLAN takes 50 of them, and ESP 26.
    assert "mtu 1324" in made.lab.run("B", "nsenter", "-t", str(web["State"]["Pid"]), "-n", "ip", "link")
    listed = made.swarmkit("network", "ls", "--prove")
    assert re.search(r"nets_app-2 +overlay +swarm +\S+ +proved", listed), listed
    assert not re.search(r"^nets_app +overlay", listed, re.MULTILINE)


@OLDER_BY_NIGHT
def test_a_lan_that_left_the_file_is_pruned_and_an_ipvlan_joins_the_hosts_in_its_place(made: Made) -> None:
    text = made.stack.read_text()
    begin, end = text.index("  lan:\n"), text.index("  side:\n")
    without = text[:begin] + text[end:]
    made.stack.write_text(without.replace("[lan]", "[app]").replace("[side, lan]", "[side]"))
    made.stack_command("up", "--yes", "--prune")
    for host in ("A", "B"):
        assert "nets_lan" not in made.lab.run(host, "docker", "network", "ls")
    made.stack_command("plan", "--prune", "--detailed-exitcode")

    made.stack.write_text(text.replace("driver: macvlan", "driver: ipvlan"))
    made.stack_command("up", "--yes")
    station, neighbour = made.container("A", "nets_station"), made.container("B", "nets_neighbour")
    there, here = (one["NetworkSettings"]["Networks"]["nets_lan"]["IPAddress"] for one in (station, neighbour))
    assert LAN.fullmatch(there)
    assert LAN.fullmatch(here)
    made.fetch("B", neighbour, f"http://{there}:8080/healthz")
    made.fetch("A", station, f"http://{here}:8091/")
    seen = made.lab.run("B", "docker", "exec", neighbour["Id"], "cat", "/proc/net/arp")
    # Unlike with macvlan the tasks have the host's own address on the cable.
    assert made.lab.run("A", "cat", "/sys/class/net/vec0/address").strip() in seen


@OLDER_BY_NIGHT
def test_an_overlay_by_command_has_subnets_and_numbers_and_an_internal_one_has_no_way_out(made: Made) -> None:
    commands = Networks(made.lab)
    ranges = ("--subnet", "10.31.0.0/24", "--subnet", "10.32.0.0/24")
    six = ("--ipv6", "--subnet", "fd00:32::/64")
    numbers = ("-o", "com.docker.network.driver.overlay.vxlanid_list=7001,7002")
    overlay = ("-d", "overlay", "--attachable")
    try:
        commands.network("create", "many", *overlay, *numbers, *ranges)
        assert "internal is false, not true" in commands.network(
            "create", "many", *overlay, *numbers, *ranges, "--internal", code=1
        )
        assert "network many has it" in commands.network("create", "other", *overlay, *numbers, code=1)
        commands.network("create", "closed", *overlay, "--internal", "-o", "com.docker.network.driver.mtu=1400")
        # Not used by containers: the engines let some of them fail.
        assert "D13" in commands.network("create", "six", *overlay, *six, code=1)
        assert "D13" in commands.network("create", "six", *overlay, *six, "--subnet", "10.33.0.0/24")
        assert "enableipv6 is true, not false" in commands.network("create", "six", *overlay, code=1)
        # Else a manager takes any of the subnets.
        commands.start("far", "many", "--ip", "10.31.0.50")
        near = commands.start_on_a("near", "many", "--ip", "10.32.0.50")
        commands.start("shut", "closed")
        assert near["IPAddress"] == "10.32.0.50"
        assert commands.endpoint("B", "far", "many")["IPAddress"] == "10.31.0.50"
        assert near["IPAddress"] in made.lab.run("A", "docker", "exec", "near", "wget", "-qO-", "http://far")
        spaces = made.lab.run("B", "for space in /run/docker/netns/*; do nsenter --net=$space ip -d link; done")
        assert {"7001", "7002"} <= set(re.findall(r"vxlan id (\d+)", spaces))
        routes = commands.evaluate("shut", "require('fs').readFileSync('/proc/net/route', 'utf8')")
        assert [line.split()[1] for line in routes.splitlines()[1:] if line.split()[1:2] == ["00000000"]] == []
        assert len(routes.splitlines()) > 1
    finally:
        commands.remove_containers()
    for network in ("many", "closed", "six"):
        commands.network("rm", network)


@OLDER_BY_NIGHT
@pytest.mark.parametrize("driver", [pytest.param("macvlan", marks=pytest.mark.nightly), "ipvlan"])
def test_both_engines_put_containers_on_the_hosts_lan(made: Made, driver: str) -> None:
    commands = Networks(made.lab)
    # A VLAN: vec0 itself carries the stack's network.
    lan = ("-d", driver, "--subnet", "10.89.0.0/24", "--gateway", "10.89.0.254", "--parent", "vec0.9")
    try:
        commands.network("create", "cable", "--on", "A", *lan, "--ip-range", "10.89.0.192/28")
        again = ("create", "other", "--on", "A", *lan[:-1], "vec0.10", "--ip-range", "10.89.0.64/28")
        assert "10.89.0.254 is the gateway of network cable already" in commands.network(*again, code=1)
        commands.network("create", "cable", "--on", "B", *lan, "--ip-range", "10.89.0.208/28")
        commands.start("far", "cable")
        near = commands.start_on_a("near", "cable")
        answer = made.lab.run(
            "A", "docker", "exec", "near", "wget", "-T", "9", "-qO-", commands.url("B", "far", "cable")
        )
        assert near["IPAddress"] in answer
        seen = commands.evaluate("far", "require('fs').readFileSync('/proc/net/arp', 'utf8')")
        owner = (
            near["MacAddress"] if driver == "macvlan" else made.lab.run("A", "cat /sys/class/net/vec0/address").strip()
        )
        assert owner in seen
    finally:
        commands.remove_containers()
    commands.network("rm", "cable")


JOBS = """
services:
  good:
    image: shop-backend:1.0
    healthcheck: {disable: true}
    entrypoint: [node, -e, "console.log(1)"]
    deploy: {mode: replicated-job, replicas: 2, restart_policy: {condition: none}}
  bad:
    image: shop-backend:1.0
    healthcheck: {disable: true}
    environment: {ON: '{{.Node.Hostname}}'}
    entrypoint: [node, -e, "console.error('no table'); process.exit(process.env.ON == 'B' ? 3 : 0)"]
    deploy: {mode: global-job, restart_policy: {condition: none}}
"""


def test_a_job_that_failed_on_one_of_its_hosts_is_not_hung_upon(made: Made, tmp_path: Path) -> None:
    jobs = tmp_path / "jobs.yaml"
    jobs.write_text(JOBS)
    began = time.monotonic()
    said = made.stack_command("up", "--yes", "--timeout", "600", file=jobs, code=4)
    assert time.monotonic() - began < 300
    assert "jobs_bad" in said
    assert "no table" in said, said
    assert made.lab.run("A", "docker service ls --filter name=jobs_good --format '{{.Replicas}}'").split()[0] == "0/2"
    made.stack_command("down", "--keep-swarm", "--confirm", made.cluster, file=jobs)


@NEWER_BY_NIGHT
def test_both_engines_publish_a_containers_port_and_give_one_the_hosts_own(made: Made) -> None:
    commands = Networks(made.lab)
    address = re.findall(r"10\.88\.0\.\d+", made.lab.run("B", "ip -4 -o addr show vec0"))[0]
    ask = ("curl", "-s", "--retry", "9", "--retry-connrefused")
    try:
        commands.network("create", "extra", "--on", "B", "--subnet", "10.30.0.0/24")
        commands.start("shown", "extra", "-p", "8077:80")
        commands.start("own", "host")
        assert made.lab.run("A", *ask, f"http://{address}:8077") != ""
        assert made.lab.run("A", *ask, f"http://{address}:80") != ""
        assert "port 80/tcp is taken on B" in commands.run("B", "-p", "80:80", "shop-backend:1.0").stderr
    finally:
        commands.remove_containers()
    commands.network("rm", "extra")


@pytest.mark.nightly  # By the newer engine test_networks.py shows the same in more steps.
def test_both_engines_take_the_commands_of_everyday_use(made: Made) -> None:
    commands = Networks(made.lab)
    try:
        commands.network("create", "extra", "--on", "B", "--subnet", "10.30.0.0/24")
        commands.start("answerer", "extra")
        commands.start("client", "none")
        made.lab.run("B", "docker", "network", "disconnect", "none", "client")
        commands.network("connect", "extra", "client", "--on", "B")
        assert "10.30.0." in made.lab.run("B", "docker", "exec", "client", "wget", "-qO-", "http://answerer")
        assert " 0% packet loss" in made.lab.run("B", "docker", "exec", "client", "ping", "-c", "1", "answerer")
        assert "client" in commands.network("rm", "extra", code=1)
        commands.network("disconnect", "extra", "client", "--on", "B")
        commands.network("create", "wide", "-d", "overlay", "--encrypted", "--attachable")
        commands.start("afar", "wide")
        idle = commands.network("ls", "-q", "--filter", "dangling=true", "--filter", "name=^(extra|wide)$")
        assert idle.count("\n") == 0, "containers are on both"
        ask = ("--entrypoint", "wget", "shop-frontend:1.0", "-qO-", "http://afar")
        assert commands.run("A", "--rm", "--network", "wide", *ask).returncode == 0
    finally:
        commands.remove_containers()
    for network in ("extra", "wide"):
        commands.network("rm", network)
    assert "extra" not in commands.network("ls")


@OLDER_BY_NIGHT
def test_both_engines_hold_a_container_as_its_options_say(made: Made) -> None:
    commands = Networks(made.lab)
    names = ("--add-host", "there:10.30.0.9", "--dns", "10.30.0.8", "--dns-search", "shop.example", "-h", "named")
    bounds = ("--cap-drop", "ALL", "--read-only", "--init", "--restart", "always", "-l", "a=b", "-w", "/etc")
    limits = ("-m", "128m", "--cpus", "0.5", "--pids-limit", "90", "--ulimit", "core=9:99", "--shm-size", "8m")
    rights = ("--group-add", "7", "--security-opt", "no-new-privileges", "--sysctl", "net.core.somaxconn=99")
    places = ("--tmpfs", "/scratch:size=1m", "--mount", "type=volume,source=kept,target=/again,readonly")
    ends = ("--stop-signal", "USR1", "--health-cmd", "true", "--log-opt", "max-size=1m")
    words = (*names, *bounds, *limits, *rights, *places, *ends, "-v", "kept:/kept", "--network-alias", "other")
    try:
        commands.network("create", "extra", "--on", "B", "--subnet", "10.30.0.0/24")
        commands.start("answerer", "extra")
        commands.start("held", "extra", *words)
        (held,) = json.loads(made.lab.run("B", "docker", "inspect", "held"))
        host, config = held["HostConfig"], held["Config"]
        assert (host["Dns"], host["CapDrop"], host["ReadonlyRootfs"]) == (["10.30.0.8"], ["ALL"], True)
        assert (host["Init"], host["RestartPolicy"]["Name"]) == (True, "always")
        assert (config["Hostname"], config["Labels"]["a"], config["WorkingDir"]) == ("named", "b", "/etc")
        assert (host["Memory"], host["NanoCpus"], host["PidsLimit"]) == (128 << 20, 500_000_000, 90)
        assert (host["SecurityOpt"], config["StopSignal"]) == (["no-new-privileges"], "USR1")
        assert made.lab.run("B", "docker", "exec", "held", "cat", "/proc/sys/net/core/somaxconn").strip() == "99"
        assert {mount["Destination"]: mount["RW"] for mount in held["Mounts"]} == {"/kept": True, "/again": False}
        assert "no terminal" in commands.run("B", "-it", "shop-backend:1.0", "sh").stderr
        assert "10.30.0.9\tthere" in made.lab.run("B", "docker", "exec", "held", "cat", "/etc/hosts")
        assert "search shop.example" in made.lab.run("B", "docker", "exec", "held", "cat", "/etc/resolv.conf")
        assert "10.30.0." in made.lab.run("B", "docker", "exec", "answerer", "wget", "-qO-", "http://other")
        alone = ("--rm", "--network", "none", "--entrypoint", "node", "shop-backend:1.0", "-p")
        said = commands.run("B", *alone, "Object.keys(require('os').networkInterfaces()).join()")
        assert (said.returncode, said.stdout) == (0, "lo\n")
        assert "port 8092/tcp is taken on B" in commands.run("B", "-p", "8092:80", "shop-backend:1.0").stderr
    finally:
        commands.remove_containers()
    made.lab.run("B", "docker", "volume", "rm", "kept")
    commands.network("rm", "extra")


def test_down_leaves_no_network_on_any_host(made: Made) -> None:
    made.stack_command("down", "--keep-swarm", "--confirm", made.cluster)
    for host in ("A", "B"):
        assert "nets_" not in made.lab.run(host, "docker", "network", "ls")
