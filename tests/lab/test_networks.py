"""Docker's other kinds of network on real hosts, by `swarmkit network`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from lab.network_commands import SERVER, Networks
from lab.shop_lab import ROOT, Shop
from lab.test_main_job import eventually

pytestmark = pytest.mark.lab

PAIR = """
services:
  page: &SLEEPING
    image: {image}
    entrypoint: [/bin/busybox, sleep, "100000"]
    healthcheck: {{disable: true}}
    secrets: [token]
    networks: [{networks}]
    stop_grace_period: 1s
    deploy: {{placement: {{constraints: [node.labels.role == frontend]}}, update_config: {{order: start-first}}}}
  api:
    <<: *SLEEPING
    deploy: {{placement: {{constraints: [node.labels.role == backend]}}, update_config: {{order: start-first}}}}
networks: {{{declared}}}
secrets: {{token: {{file: ./token.txt}}}}
"""

MAC = "02:42:0a:58:00:c5"


@pytest.fixture
def networks(deployed_shop: Shop) -> Iterator[Networks]:
    made = Networks(deployed_shop.lab)
    yield made
    made.remove_containers()


def test_a_bridge_on_one_host_gives_names_and_is_refused_removal_while_in_use(networks: Networks) -> None:
    app = ("app", "--on", "B", "--subnet")
    assert "create network app" in networks.network("create", *app, "10.30.0.0/24")
    assert "nothing to do" in networks.network("create", *app, "10.30.0.0/24")
    assert "subnet is 10.30.0.0/24, not 10.31.0.0/24" in networks.network("create", *app, "10.31.0.0/24", code=1)
    networks.start("web", "app")
    networks.start("client", "none")
    networks.lab.run("B", "docker", "network", "disconnect", "none", "client")
    networks.containers.append(("B", "stopped"))
    networks.lab.run("B", "docker", "create", "--name", "stopped", "--network", "none", "shop-backend:1.0")
    assert "there is no network gone on B" in networks.network("connect", "gone", "stopped", "--on", "B", code=1)
    assert "connect client to app" in networks.network("connect", "app", "client", "--on", "B", "--alias", "me")
    answer = networks.lab.run("B", "docker", "exec", "client", "wget", "-qO-", "http://web")
    assert networks.endpoint("B", "client", "app")["IPAddress"] in answer
    assert networks.lab.run("B", "docker", "exec", "web", "wget", "-qO-", "http://me") != ""
    for asking, name in (("client", "web"), ("web", "me")):
        assert " 0% packet loss" in networks.lab.run("B", "docker", "exec", asking, "ping", "-c", "1", name)
    shown = json.loads(networks.network("inspect", "app"))
    assert set(shown["app"]["B"]["Users"]) == {"web", "client"}
    listed = networks.network("ls")
    assert "web@B" in listed
    assert "service shop_backend" in listed

    networks.containers.append(("B", "shown"))
    published = ("-d", "--name", "shown", "--network", "app", "-p", "8077:80", "--user", "root", "--entrypoint", "node")
    assert networks.run("B", *published, "shop-backend:1.0", "-e", SERVER).returncode == 0
    assert "10.88.0.31" in networks.lab.run("A", "curl", "-s", "--retry", "5", "--retry-connrefused", "10.88.0.32:8077")

    said = networks.network("rm", "app", code=1)
    assert "client" in said
    assert "web" in said
    networks.network("disconnect", "app", "client", "--on", "B")
    assert "nothing to do" in networks.network("disconnect", "app", "client", "--on", "B")
    networks.remove_containers()
    networks.network("rm", "app")
    assert "no host has a network app" in networks.network("inspect", "app", code=2)


@pytest.mark.nightly
def test_a_container_is_connected_with_the_addresses_and_names_that_docker_knows(networks: Networks) -> None:
    both = ("--subnet", "10.30.0.0/24", "--subnet", "fd00:30::/64", "--ipv6")
    kept = ("--aux-address", "router=10.30.0.2", "--ipam-opt", "team=shop", "--ipam-driver", "default")
    networks.network("create", "app", "--on", "B", *both, *kept)
    assert "nothing to do" in networks.network("create", "app", "--on", "B", *both, *kept)
    moved = networks.network("create", "app", "--on", "B", *both, "--aux-address", "router=10.30.0.9", code=1)
    assert "aux-address.router is 10.30.0.2, not 10.30.0.9" in moved
    networks.start("web", "app")
    web = networks.endpoint("B", "web", "app")
    assert web["IPAddress"] == "10.30.0.3", "the auxiliary address was given to a container"
    networks.start("client", "bridge")
    words = ("--ip6", "fd00:30::9", "--link", "web:store", "--link-local-ip", "169.254.8.8", "--driver-opt", "a=b")
    networks.network("connect", "app", "client", "--on", "B", *words)
    assert "nothing to do" in networks.network("connect", "app", "client", "--on", "B", *words)
    answer = networks.lab.run("B", "docker", "exec", "client", "wget", "-qO-", f"http://[{web['GlobalIPv6Address']}]")
    assert answer == "fd00:30::9"
    ours = ("fd00:30::9", networks.endpoint("B", "client", "app")["IPAddress"])
    assert networks.lab.run("B", "docker", "exec", "client", "wget", "-qO-", "http://store").endswith(ours)
    assert "169.254.8.8" in networks.evaluate("client", "JSON.stringify(require('os').networkInterfaces())")
    networks.start("six", "app", "--ip6", "fd00:30::a", "--link", "web:store", "--expose", "80", "-P")
    assert networks.endpoint("B", "six", "app")["GlobalIPv6Address"] == "fd00:30::a"
    assert networks.lab.run("B", "docker", "exec", "six", "wget", "-qO-", "http://store") != ""
    assert networks.lab.run("B", "docker", "port", "six", "80/tcp").startswith("0.0.0.0:")
    networks.start("late", "bridge")
    taken = networks.network("connect", "app", "late", "--on", "B", "--ip6", "fd00:30::9", code=1)
    assert "container client has it" in taken
    outside = networks.network("connect", "app", "late", "--on", "B", "--ip6", "fd00:31::9", code=1)
    assert "in no subnet of network app" in outside
    networks.remove_containers()
    networks.network("rm", "-f", "app", "gone")


def test_what_no_engine_would_make_is_told_beforehand(networks: Networks) -> None:
    assert "did you mean 'bridge'?" in networks.network("create", "app", "-d", "brigde", code=2)
    absent = networks.network("create", "app", "--ipam-driver", "absent", code=1)
    assert "there is no driver of addresses absent" in absent
    mesh = networks.network("create", "mesh", "-d", "overlay", "--ingress", code=1)
    assert "has an ingress network already: ingress" in mesh
    wide = ("create", "wide", "-d", "overlay", "--subnet", "10.40.0.0/24")
    assert "keep no auxiliary" in networks.network(*wide, "--aux-address", "router=10.40.0.9", code=2)


@pytest.mark.nightly
def test_networks_that_nothing_uses_are_pruned_and_named_before(networks: Networks) -> None:
    both = ("--label", "pruned=yes", "--lock-wait", "90")
    with ThreadPoolExecutor() as pool:
        idle = pool.submit(networks.network, "create", "idle", "--on", "A", "--on", "B", *both)
        wide = pool.submit(networks.network, "create", "wide", "-d", "overlay", "--attachable", *both)
    assert "create network idle" in idle.result()
    assert "create network wide" in wide.result()
    kept = networks.lab.swarmkit("history", "--cluster", "-i", networks.lab.inventory).stdout
    assert kept.count("network create") >= 2, kept
    networks.network("create", "busy", "--on", "B", "--label", "pruned=yes")
    networks.start("web", "busy")
    assert networks.network("ls", "-q", "--filter", "label=pruned=yes", "--filter", "driver=overlay").count("\n") == 1
    networks.start_on_a("far", "wide")
    said = networks.network("prune", "--filter", "label=pruned=yes")
    assert re.search(r"- A +remove network idle", said)
    assert re.search(r"- B +remove network idle", said)
    assert "remove network wide" not in said
    assert "remove network busy" not in said
    networks.remove_containers()
    networks.network("prune", "--filter", "until=24h")
    assert {"wide", "busy"} <= {row["name"] for row in json.loads(networks.network("ls", "--json"))["networks"]}
    said = networks.network("prune")
    assert "remove network wide" in said
    assert "remove network busy" in said
    left = {row["name"] for row in json.loads(networks.network("ls", "--json", "--filter", "type=custom"))["networks"]}
    assert left == {"docker_gwbridge", "ingress", "shop_shop"}
    assert "nothing to do" in networks.network("prune")


def test_macvlan_containers_on_two_hosts_answer_each_other_with_their_own_mac_addresses(networks: Networks) -> None:
    lan = ("-d", "macvlan", "--subnet", "10.88.0.0/24", "--gateway", "10.88.0.254", "--parent", "vec0")
    for _ in range(2):
        said = networks.network("create", "lan", "--on", "A", "--on", "B", *lan, "--ip-range", "10.88.0.192/26")
    assert "nothing to do" in said
    networks.start("far", "lan")
    far = networks.endpoint("B", "far", "lan")["IPAddress"]
    ask = ("--entrypoint", "wget", "shop-frontend:1.0", "-qO-", f"http://{far}")
    first = networks.run("A", "--rm", "--network", "lan", *ask)
    assert re.search(r"10\.88\.0\.19[2-9]\b", first.stdout), first.stderr
    answer = networks.run("A", "--rm", "--network", "lan", "--ip", "10.88.0.197", "--mac-address", MAC, *ask)
    assert "10.88.0.197" in answer.stdout, answer.stderr
    rows = {row["range"]: row for row in json.loads(networks.network("plan", "--json"))["subnets"] if row["range"]}
    assert {given: (row["hosts"], row["used"], row["total"]) for given, row in rows.items()} == {
        "10.88.0.192/29": (["A"], 0, 8),
        "10.88.0.200/29": (["B"], 1, 8),
    }
    clash = networks.network("create", "lan", "--on", "C", *lan, "--ip-range", "10.88.0.200/29", code=1)
    assert "network lan of B has 10.88.0.200/29" in clash
    taken = networks.run("A", "--network", "lan", "--ip", far, "shop-frontend:1.0")
    assert f"the address {far} is in use" in taken.stderr
    assert MAC in networks.evaluate("far", "require('fs').readFileSync('/proc/net/arp', 'utf8')")
    networks.remove_containers()
    networks.network("rm", "lan")


def test_a_macvlan_without_its_parent_device_is_refused_beforehand(networks: Networks) -> None:
    said = networks.network("create", "lan", "--on", "A", "-d", "macvlan", "--parent", "eth7", code=1)
    assert "no device eth7" in said


@pytest.mark.nightly
def test_an_overlay_by_command_is_made_once_and_one_that_services_use_is_not_removed(networks: Networks) -> None:
    networks.network("create", "extra", "-d", "overlay", "--encrypted", "--attachable")
    rows = {row["name"]: row for row in json.loads(networks.network("ls", "--json"))["networks"]}
    assert rows["extra"]["encryption"] == "declared"
    assert rows["ingress"]["encryption"] == "off"
    assert "service shop_backend" in networks.network("rm", "shop_shop", code=1)
    ask = ("--entrypoint", "wget", "shop-frontend:1.0", "-qO-", "http://web")
    networks.start("web", "extra")
    assert networks.run("A", "--rm", "--network", "extra", *ask).returncode == 0
    assert "not attachable" in networks.run("A", "--network", "shop_shop", *ask).stderr
    networks.start("client", "bridge")
    networks.network("connect", "extra", "client", "--on", "B")
    (row,) = [row for row in json.loads(networks.network("plan", "--json"))["subnets"] if row["network"] == "extra"]
    assert row["used"] == 3, "web, client and the host's load balancer"
    networks.lab.run("B", "docker", "exec", "client", "wget", "-qO-", "http://web")
    networks.network("disconnect", "extra", "client", "--on", "B")
    assert "web" in networks.network("rm", "extra", code=1)
    networks.remove_containers()
    networks.network("rm", "extra")


def test_a_containers_exit_code_is_ours_and_nothing_of_it_is_left(networks: Networks) -> None:
    alone = ("--rm", "--network", "none", "--entrypoint", "node", "shop-backend:1.0")
    assert networks.run("B", *alone, "-e", "process.exit(7)").returncode == 7
    assert "swarmkit-run" not in networks.lab.run("B", "docker", "ps", "-a")


def test_a_container_whose_followers_connection_is_lost_goes_on(networks: Networks) -> None:
    """`run` of a restore, say: it was stopped, and removed, because a line broke."""
    lab, name = networks.lab, "lost-line"
    networks.containers.append(("B", name))
    goes_on = ("shop-backend:1.0", "-e", "console.log('followed'); setInterval(() => 0, 1000)")
    words = ("--rm", "--name", name, "--network", "none", "--entrypoint", "node", *goes_on)
    with subprocess.Popen(
        [sys.executable, "-m", "swarmkit", "run", "--yes", "-i", str(lab.inventory), "--on", "B", *words],
        env=lab.environment, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    ) as followed:  # fmt: skip
        assert followed.stdout
        assert followed.stderr
        assert followed.stdout.readline() == "followed\n"
        lab.run("B", "for one in $(pgrep -f 'sshd[^ ]*: root'); do [ $one = $PPID ] || kill -9 $one; done")
        said = followed.stderr.read()
    assert followed.returncode == 1, said
    assert f"the way to container {name} broke off; it goes on as it is" in said
    assert f"on B: docker logs -f {name}" in said
    assert name in lab.run("B", "docker", "ps", "--format", "{{.Names}}")


def test_a_container_on_the_hosts_own_network_is_told_beforehand_of_a_port_that_is_taken(networks: Networks) -> None:
    networks.start("web", "host")
    assert "port 80/tcp is taken on B" in networks.run("B", "-p", "80:3000", "shop-backend:1.0").stderr
    # The swarm publishes the shop on every host's 8080, where the frontend's image says that it listens.
    assert "port 8080/tcp is taken on A" in networks.run("A", "--network", "host", "shop-frontend:1.0").stderr


def test_a_detached_container_removes_itself_at_its_end(networks: Networks) -> None:
    options = ("-d", "--rm", "--entrypoint", "/bin/busybox", "shop-frontend:1.0")
    started = networks.run("A", "--name", "passing", *options, "sleep", "3")
    assert started.returncode == 0, started.stderr
    at_once = networks.run("A", "--name", "gone", *options, "true")
    assert at_once.returncode == 4, at_once.stderr
    assert "A: container gone ended at once" in at_once.stderr
    never = networks.run("A", "--name", "never", "-d", "--rm", "--entrypoint", "/no/such", "shop-frontend:1.0")
    assert never.returncode == 1, never.stdout + never.stderr
    assert "/no/such" in never.stderr
    names = {"passing", "gone", "never"}
    assert eventually(lambda: not names & set(networks.lab.run("A", "docker ps -a --format '{{.Names}}'").split()), 20)


def test_a_detached_container_that_ends_at_once_is_no_success(networks: Networks) -> None:
    networks.containers.append(("B", "short"))
    said = networks.run("B", "-d", "--name", "short", "--entrypoint", "wget", "shop-backend:1.0", "--no-such-option")
    assert said.returncode == 4
    assert re.search(r"short ended with [1-9]\d* at once", said.stderr)


def test_the_address_sheet_names_a_route_that_a_pool_would_hide(networks: Networks) -> None:
    assert "no range overlaps another" in networks.network("plan")
    warned = networks.network("create", "app", "--on", "B", "--subnet", "10.20.200.0/24")
    assert "10.20.200.0/24 of network app is in the swarm's pool 10.20.0.0/16" in " ".join(warned.split())
    hidden = networks.network("plan", code=4)
    networks.network("rm", "app")
    assert "network app (10.20.200.0/24) of B is in the pool 10.20.0.0/16" in " ".join(hidden.split())
    networks.lab.run("B", "ip", "route", "add", "10.20.64.0/20", "via", "10.88.0.254")
    try:
        said = networks.network("plan", "--json", code=4)
    finally:
        networks.lab.run("B", "ip", "route", "del", "10.20.64.0/20")
    assert "overlaps 10.20.64.0/20, a route of B" in said


@pytest.mark.nightly
def test_a_pruned_network_an_image_and_a_secret_on_two_hosts_come_back_together(
    deployed_shop: Shop, tmp_path: Path
) -> None:
    lab, file, token = deployed_shop.lab, tmp_path / "pair.yaml", tmp_path / "token.txt"
    words = ("-i", lab.inventory, "-f", file, "--stack", "pair", "--images", deployed_shop.images)

    def write(image: str, networks: str, content: str) -> None:
        declared = ", ".join(f"{one}: {{}}" for one in networks.split(", "))
        file.write_text(PAIR.format(image=image, networks=networks, declared=declared))
        token.write_text(content)
        token.chmod(0o600)

    def call(command: str, *options: str) -> str:
        done = lab.swarmkit(command, *words, *options)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def runs() -> dict[str, tuple[str, str, bool]]:
        """Return for each host the image that its task runs, its secret, and whether it is on the network side."""
        found = {}
        for host, service in (("A", "page"), ("B", "api")):
            (one,) = json.loads(lab.run(host, f"docker inspect $(docker ps -q --filter name=pair_{service})"))
            tags = json.loads(lab.run(host, f"docker image inspect {one['Image']}"))[0]["RepoTags"]
            secret = lab.run(host, f"docker exec {one['Id']} /bin/busybox cat /run/secrets/token")
            found[host] = (tags[0], secret, "pair_side" in one["NetworkSettings"]["Networks"])
        return found

    before = ("shop-frontend:1.0", "front, side", "first token")
    write(*before)
    call("up", "--yes")
    assert runs() == dict.fromkeys("AB", ("shop-frontend:1.0", "first token", True))
    write("shop-database:1.0", "front", "second token")
    assert "remove network" in call("up", "--yes", "--prune")
    assert runs() == dict.fromkeys("AB", ("shop-database:1.0", "second token", False))
    assert "pair_side" not in lab.run("A", "docker network ls")
    said = call("rollback", "--yes")
    assert "create encrypted overlay" in said
    assert runs() == dict.fromkeys("AB", ("shop-frontend:1.0", "first token", True))
    write(*before)
    call("plan", "--prune", "--detailed-exitcode")
    done = lab.swarmkit("down", *words[:6], "--keep-swarm", "--confirm", "lab")
    assert done.returncode == 0, done.stdout + done.stderr
