"""The whole job on real hosts: from bare hosts to the proved shop, and what must hold afterwards."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from json_schemas import assert_fits
from lab.shop_lab import ROOT, SECRETS, Lab, Shop
from lab.test_shop_browser import browser_page, keep_picture, open_shop, place_order

pytestmark = pytest.mark.lab

ADDRESSES = ("127.88.0.31", "127.88.0.32", "127.88.0.33")


def get(url: str) -> list[dict[str, object]]:
    with urllib.request.urlopen(url, timeout=10) as answer:
        found: list[dict[str, object]] = json.load(answer)
        return found


def order(url: str, customer: str, product: int = 1) -> dict[str, object]:
    body = json.dumps({"product_id": product, "quantity": 1, "customer": customer}).encode()
    request = urllib.request.Request(f"{url}/api/orders", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        made: dict[str, object] = json.load(answer)
        return made


def customers(url: str) -> set[object]:
    """Who has ordered; nobody while the shop has no database."""
    try:
        return {row["customer"] for row in get(f"{url}/api/orders")}
    except urllib.error.HTTPError:
        return set()


def eventually(look: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if look():
            return True
        time.sleep(1)
    return False


def versions(lab: Lab) -> dict[str, object]:
    """Every swarm object's version, by id; of nodes what was asked of them, for their heartbeats change the version."""
    found: dict[str, object] = {"swarm": json.loads(lab.run("A", "docker info --format '{{json .Swarm.Cluster}}'"))}
    found |= {node["ID"]: node["Spec"] for node in inspected(lab, "node")}
    for kind in ("service", "network", "secret", "config"):
        for item in inspected(lab, kind):
            found[item.get("ID") or item["Id"]] = (item.get("Version"), item.get("UpdatedAt"), item.get("Created"))
    return found


def inspected(lab: Lab, kind: str) -> list[dict[str, Any]]:
    """Return what A's engine tells of every object of *kind*, in one call: each takes a login."""
    asked = f"set -- $(docker {kind} ls -q); if [ $# = 0 ]; then echo '[]'; else docker {kind} inspect $@; fi"
    items: list[dict[str, Any]] = json.loads(lab.run("A", asked))
    return items


def database_rows(lab: Lab, customer: str) -> str:
    container = lab.run("C", "docker", "ps", "-q", "--filter", "name=shop_database").split()[0]
    query = f"select count(*) from orders where customer = '{customer}'"
    command = f'docker exec {container} psql -h 127.0.0.1 -U shop -d shop -tA -c "{query}"'
    password = f"PGPASSWORD=$(docker exec {container} cat /run/secrets/db_password)"
    return lab.run("C", f"{password}; export PGPASSWORD; {command.replace('exec ', 'exec -e PGPASSWORD ')}").strip()


def test_one_command_brings_bare_hosts_to_the_proved_shop(deployed_shop: Shop) -> None:
    said = deployed_shop.first_up.stdout
    assert "initialise the swarm" in said
    assert "create encrypted overlay" in said
    assert "3 pairs of hosts carry ESP" in said
    assert all(len(get(f"http://{address}:8080/api/products")) == 12 for address in ADDRESSES)


def test_each_service_runs_on_the_host_with_its_label(deployed_shop: Shop) -> None:
    for host, service in (("A", "frontend"), ("B", "backend"), ("C", "database")):
        assert f"shop_{service}" in deployed_shop.lab.run(host, "docker", "ps", "--format", "{{.Names}}")


def logins(lab: Lab) -> dict[str, int]:
    """Count each host's logins since it was booted, this look's own one included."""
    count = "journalctl --sync; journalctl -u ssh --no-pager | grep -c 'Accepted publickey'"
    return {host: int(lab.run(host, count)) for host in "ABC"}


def test_second_up_is_empty_and_changes_no_objects_version(deployed_shop: Shop) -> None:
    before = versions(deployed_shop.lab)
    logins_before = logins(deployed_shop.lab)
    second = deployed_shop.up()
    logins_after = logins(deployed_shop.lab)
    assert second.returncode == 0, second.stderr
    assert "nothing to do" in second.stdout
    # One connection a host, opened once; the other is that of the second look.
    assert {host: logins_after[host] - logins_before[host] for host in "ABC"} == dict.fromkeys("ABC", 2)
    assert versions(deployed_shop.lab) == before
    assert deployed_shop.lab.swarmkit("plan", *deployed_shop.arguments, "--detailed-exitcode").returncode == 0


def test_services_name_their_images_by_id_so_that_no_host_asks_a_registry(deployed_shop: Shop) -> None:
    image = "{{.Spec.TaskTemplate.ContainerSpec.Image}}"
    said = deployed_shop.lab.run("A", "docker", "service", "inspect", "shop_backend", "--format", f"'{image}'")
    assert said.strip().strip("'").startswith("sha256:")


def test_no_secret_reaches_outputs_files_or_process_lists_while_the_shop_is_brought_up(deployed_shop: Shop) -> None:
    said = deployed_shop.first_up.stdout + deployed_shop.first_up.stderr
    assert not [secret for secret in SECRETS if secret in said]
    assert deployed_shop.seen.found == {"operator": set(), "A": set(), "B": set(), "C": set()}
    assert all(looks > 10 for looks in deployed_shop.seen.looks.values()), deployed_shop.seen.looks
    # The lab's part of the folder holds the hosts' own disks.
    kept = deployed_shop.lab.state.parent
    files = [path for path in kept.rglob("*") if path.is_file() and deployed_shop.lab.state not in path.parents]
    assert any("shop" in path.read_text(errors="replace") for path in files), "the run has kept no journal"
    assert not [path for path in files for secret in SECRETS if secret.encode() in path.read_bytes()]


def test_orders_cross_the_cable_as_esp_and_never_in_clear(deployed_shop: Shop) -> None:
    stop = threading.Event()

    def keep_ordering() -> None:
        # Ten a second for four seconds: there are 48 of this product.
        while not stop.wait(0.1):
            order(deployed_shop.url, "cable")

    writer = threading.Thread(target=keep_ordering)
    writer.start()
    try:
        captured = deployed_shop.lab.swarmkit("lab", "capture", "--seconds", "4", "--json")
    finally:
        stop.set()
        writer.join()
    assert captured.returncode == 0, captured.stderr
    frames = json.loads(captured.stdout)
    network = json.loads(deployed_shop.lab.run("A", "docker network inspect shop_shop"))[0]
    vnis = network["Options"]["com.docker.network.driver.overlay.vxlanid_list"]
    assert frames["esp"] > 20
    assert vnis not in frames["vxlan_by_vni"]


def test_an_order_placed_by_a_click_is_a_row_in_postgresql_on_c(deployed_shop: Shop) -> None:
    with browser_page() as page:
        open_shop(page, deployed_shop.url)
        place_order(page, product_id=2, quantity=1, customer="Clara Click")
        picture = keep_picture(page, "order-on-the-lab")
    assert picture.stat().st_size > 10_000
    assert database_rows(deployed_shop.lab, "Clara Click") == "1"


def test_status_verify_and_plan_tell_programs_what_their_schemas_say(deployed_shop: Shop) -> None:
    arguments = (*deployed_shop.declared, "--json")
    said = {
        command: json.loads(deployed_shop.lab.swarmkit(command, *arguments).stdout)
        for command in ("status", "verify", "plan")
    }
    for command, value in said.items():
        assert_fits(command, value)
    assert said["verify"]["proved"] is True
    assert {host["name"]: [task["service"] for task in host["tasks"]] for host in said["verify"]["hosts"]} == {
        "A": ["shop_frontend"],
        "B": ["shop_backend"],
        "C": ["shop_database"],
    }


def test_verify_tells_when_a_host_lost_its_encryption_rules(deployed_shop: Shop) -> None:
    arguments = deployed_shop.declared
    saved = deployed_shop.lab.run("B", "iptables-save -t mangle")
    deployed_shop.lab.run("B", "iptables -w -t mangle -F OUTPUT")
    try:
        broken = deployed_shop.lab.swarmkit("verify", *arguments)
    finally:
        deployed_shop.lab.run("B", f"iptables-restore -w -T mangle <<'RULES'\n{saved}\nRULES")
    assert broken.returncode == 4
    assert "V10" in broken.stdout
    # Seen on the cable too, by the hosts it went to.
    assert "error  V16  A <-> B" in broken.stdout
    assert "frames of the encrypted network shop_shop cross between A and B in clear" in broken.stdout
    assert "to do  on B: systemctl restart docker" in broken.stdout
    for pair in (("A", "B"), ("B", "C")):
        broken_between(*pair, broken.stdout)
    assert "network shop_shop is encrypted between A and C" in broken.stdout, "what B sends is its own alone"
    healed = deployed_shop.wait_until_proved()
    on_cable = {where: one["severity"] for (code, where), one in healed.items() if code == "V16"}
    assert on_cable == {"A <-> B": "ok", "A <-> C": "ok", "B <-> C": "ok"}
    assert not deployed_shop.lab.run("B", "ps -C perl -o args= || true").strip()


def broken_between(first: str, second: str, said: str) -> None:
    """Check the verdict on two hosts of which B sends in clear: each saw it, and what containers sent could be read."""
    other = ({first, second} - {"B"}).pop()
    verdict = said.partition(f"error  V12  {first} <-> {second}\n")[2].partition("\n  more ")[0]
    assert verdict.startswith(f"  broken: network shop_shop is open between {first} and {second}\n"), said
    for host in (first, second):
        assert re.search(rf"\b[1-9]\d* clear frames from B to {other} seen at {host}\b", verdict), verdict
        assert f"frames that show the probes' mark seen at {host}" in verdict
    assert f"clear frames from {other} to B" not in verdict
    assert "  to do  first do what V10 and V16 say" in verdict
    what = f"what containers send each other over encrypted networks can be read between {first} and {second}"
    marked = said.partition(f"  {what}\n  seen   frames with the probes' mark: ")[2].partition("\n")[0]
    assert re.search(rf"\bB sent [1-9]\d* to {other} and received 0 from it", marked), said
    assert re.search(rf"\b{other} sent 0 to B and received [1-9]\d* from it", marked), said


def test_watching_tells_what_changes_and_ends_with_the_last_verdict(deployed_shop: Shop, tmp_path: Path) -> None:
    lab, metrics, told = deployed_shop.lab, tmp_path / "swarmkit.prom", tmp_path / "told"
    command = [sys.executable, "-m", "swarmkit", "verify", *map(str, deployed_shop.declared), "--watch", "1"]

    def proved(value: int) -> bool:
        return metrics.exists() and f'swarmkit_verify_proved{{cluster="lab"}} {value}' in metrics.read_text()

    with told.open("w") as output:
        watching = subprocess.Popen(
            [*command, "--metrics", str(metrics)], env=lab.environment, stdout=output, text=True, cwd=ROOT
        )
    # From A alone: without its database, on C, the backend would end soon, and B have nothing to encrypt.
    drop = "INPUT -s 10.88.0.31 -p esp -j DROP"
    try:
        assert eventually(lambda: proved(1), 60)
        lab.run("B", f"iptables -w -A {drop}")
        try:
            assert eventually(lambda: "error  V11  A -> B" in told.read_text(), 60), told.read_text()
            assert eventually(lambda: proved(0), 60)
        finally:
            lab.run("B", f"iptables -w -D {drop}")
        assert eventually(lambda: proved(1), 60), told.read_text()
    finally:
        watching.terminate()
        watching.wait(timeout=60)
    assert watching.returncode == 0
    assert "gone  V11  A -> B" in told.read_text()


def told_of_a_silent_host(shop: Shop) -> None:
    """Check what a proof says of C, whose power was cut a moment ago, and that it proves the others all the same."""
    proof = shop.lab.swarmkit("verify", *shop.declared, "--json")
    assert proof.returncode == 4, proof.stdout + proof.stderr
    found = {(one["code"], one["where"]): one for one in json.loads(proof.stdout)["findings"]}
    assert [where for code, where in found if code == "V14"] == ["C"]
    silence = found["V14", "C"]
    assert (silence["severity"], silence["what"]) == ("error", "C does not answer: nothing is proved there")
    assert silence["evidence"].startswith("cannot reach 127.88.0.33 port 22; ")
    assert silence["remedy"].startswith("check address, port and sshd of C (")
    assert found["V20", "lab"]["remedy"] == "first do what V14 says of C"
    assert found["V01", "A"]["severity"] == found["V01", "B"]["severity"] == "ok"
    # Whether or not the managers have noticed: all that it costs follows from it, and nothing there is proved.
    # The backend has failures of its own: without its database it becomes unhealthy, and is ended after half a minute.
    assert {
        (code, where)
        for (code, where), one in found.items()
        if one["severity"] != "ok" and "follows_from" not in one and "shop_backend" not in where
    } == {("V13", "ingress"), ("V14", "C")}
    for key in (("V01", "C"), ("V02", "shop_database"), ("V12", "A <-> C")):
        assert (found[key]["severity"], found[key]["follows_from"]) == ("error", "V14"), found[key]
    to_it = [one for (_, where), one in found.items() if where.endswith("-> shop_database")]
    assert not [one for one in to_it if one["code"] in ("V05", "V17", "V24") and one["severity"] == "ok"]
    assert all("docker service" not in one["remedy"] for one in to_it), "neither its logs nor an update by force help"
    assert "shop_database" in silence["evidence"], "what it costs is told to those who read no more than that"
    assert {where for code, where in found if code == "V22"} == {"A", "B"}


def test_a_killed_host_takes_its_database_nowhere_and_comes_back(deployed_shop: Shop) -> None:
    lab = deployed_shop.lab
    order(deployed_shop.url, "before the cut", product=5)
    # A power cut keeps what PostgreSQL has synced; the engine's own files are not synced at once.
    lab.run("C", "sync")
    assert lab.swarmkit("lab", "fault", "power-off", "C").returncode == 0
    try:
        told_of_a_silent_host(deployed_shop)
        down = "{{.Status}}"
        assert eventually(lambda: "Down" in lab.run("A", "docker", "node", "ls", "--format", down), 90)
        for host in "AB":
            assert "shop_database" not in lab.run(host, "docker", "ps", "--format", "{{.Names}}")
    finally:
        assert lab.swarmkit("lab", "fault", "power-on", "C").returncode == 0
        lab.up()
    again = deployed_shop.up()
    assert again.returncode == 0, again.stdout + again.stderr
    assert "shop_database" in lab.run("C", "docker", "ps", "--format", "{{.Names}}")
    # The backend drops its dead connections to the old database within a query's time-out.
    assert eventually(lambda: "before the cut" in customers(deployed_shop.url), 40)
    deployed_shop.wait_until_proved()
