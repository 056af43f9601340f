"""The doctor on real hosts: steady state, fault, verdict, the remedy it names applied, steady state."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest
from lab.bare_image import write_bare_image
from lab.doctored import command_for, findings, the_one
from lab.spare_lab import SpareLab

pytestmark = pytest.mark.lab


# The engine itself takes namespaces of before out of their folder, up to a minute late (moby libnetwork/osl).
STATE = """
for table in filter nat mangle raw; do iptables -w -t $table -S; done
ip -o link | cut -d: -f2-; ip -o -4 addr; ip route show table all; ip rule; ip neigh show nud permanent; ip netns
ip xfrm policy; ip xfrm state list nokeys; grep -o " /run/docker/netns/[^ ]*" /proc/mounts
find /run/docker/netns -mindepth 1 -newer /tmp/before; cut -d ' ' -f 1 /proc/modules | sort
docker network ls -q; docker ps -aq; docker volume ls -q; docker image ls -q
sysctl -a 2>/dev/null | grep -E '^net[.](ipv4|ipv6|bridge)'; systemctl is-enabled docker ssh; systemctl --failed -q
ps -e -o comm= | grep -E '^(perl|python3|unshare|nsenter|timeout)$'
find /etc /usr /root /home /opt /tmp /var/tmp -xdev -newer /tmp/before -type f; true
"""
"""Rules, links, addresses, routes, IPsec, namespaces, modules, engine's objects, settings, probes, changed files."""


def test_what_it_looked_at_is_as_it_was(spare_lab: SpareLab, steady_inventory: Path) -> None:
    for host in "XY":
        spare_lab.run(host, "touch /tmp/before; sleep 1")
    before = {host: spare_lab.run(host, STATE).stdout for host in "XY"}
    assert findings(spare_lab, steady_inventory) == []
    assert {host: spare_lab.run(host, STATE).stdout for host in "XY"} == before
    for host in "XY":
        spare_lab.run(host, "rm /tmp/before")


UNLOAD = """
for module in $(cut -d ' ' -f 1 /proc/modules); do
    case " {} " in *" $module "*) rmmod "$module" || true ;; esac
done
"""
"""The newest first: what others are made of goes after them; what the engine has in use stays."""
OF_DOCTOR = "xt_ipvs ip_vs_rr ip_vs xt_policy xt_bpf vxlan esp4 xfrm_user xfrm_algo"
UP = """
until test -n "$(ip xfrm state list nokeys)" && nsenter --net=/run/docker/netns/ingress_sbox grep -q FWM /proc/net/ip_vs
do sleep 0.3; done
"""
"""Until the engine has made what an encrypted network and a published port need."""


def test_the_modules_that_it_leaves_loaded_are_those_that_docker_loads_itself(
    spare_lab: SpareLab, steady_inventory: Path, tmp_path: Path
) -> None:
    """They stay: another run, or an engine that begins, may rely on one by the time it was taken away."""

    def modules(host: str) -> set[str]:
        return set(spare_lab.run(host, "cut -d ' ' -f 1 /proc/modules").stdout.split())

    spare_lab.run("Y", UNLOAD.format(OF_DOCTOR))
    bare = modules("Y")
    assert findings(spare_lab, steady_inventory) == []
    left = modules("Y") - bare
    print(f"bare: {sorted(bare)}; left: {sorted(left)}")
    assert left >= {"esp4", "vxlan", "ip_vs", "xt_ipvs"}
    spare_lab.run("Y", UNLOAD.format(" ".join(left)))
    assert modules("Y") == bare
    image = write_bare_image(tmp_path).read_bytes()
    try:
        for host in "XY":
            spare_lab.run(host, "docker load", stdin=image)
        spare_lab.run("X", "docker swarm init --advertise-addr 10.88.0.34 --default-addr-pool 10.20.0.0/16")
        token = spare_lab.run("X", "docker swarm join-token -q worker").stdout.strip()
        spare_lab.run("Y", f"docker swarm join --advertise-addr 10.88.0.35 --token {token} 10.88.0.34:2377")
        spare_lab.run("X", "docker network create -d overlay --opt encrypted hidden")
        service = "--mode global --network hidden --publish 5354:5353/udp --stop-signal SIGKILL --name bare"
        spare_lab.run("X", f"docker service create --detach --no-resolve-image {service} bare:1.0")
        spare_lab.run("Y", UP)
        print(f"left: {sorted(left)}; Docker: {sorted(modules('Y') - bare)}")
        assert left <= modules("Y") - bare
    finally:
        for host in "YX":
            spare_lab.leave_swarm(host)
            spare_lab.run(host, "docker image rm bare:1.0")


@pytest.mark.parametrize(
    ("rule", "host", "code", "kind"),
    [
        ("-p esp", "Y", "H06", "IP protocol 50"),
        ("-p tcp --dport 2377", "X", "H07", "tcp/2377"),
        # Of these every day's tests show each direction with its rule when both are closed.
        pytest.param("-p esp", "X", "H06", "IP protocol 50", marks=pytest.mark.nightly),
        pytest.param("-p udp --dport 4789", "Y", "H07", "udp/4789", marks=pytest.mark.nightly),
        pytest.param("-p udp --dport 7946", "X", "H07", "udp/7946", marks=pytest.mark.nightly),
        pytest.param("-p tcp --dport 7946", "Y", "H07", "tcp/7946", marks=pytest.mark.nightly),
    ],
)
def test_what_a_firewall_drops_is_named_with_the_rule_that_lets_it_in(
    spare_lab: SpareLab, steady_inventory: Path, rule: str, host: str, code: str, kind: str
) -> None:
    other = "Y" if host == "X" else "X"
    spare_lab.run(host, f"iptables -w -A INPUT {rule} -j DROP")
    try:
        finding = the_one(spare_lab, steady_inventory, code)
        assert finding["where"] == f"{other} -> {host}"
        assert kind in finding["what"]
        remedy = next(line for line in finding["remedy"].splitlines() if line.startswith("iptables -w -I"))
        spare_lab.run(host, remedy)
        assert findings(spare_lab, steady_inventory) == []
        spare_lab.run(host, remedy.replace("-I", "-D", 1))
    finally:
        spare_lab.run(host, f"iptables -w -D INPUT {rule} -j DROP")


@pytest.mark.parametrize(
    ("dropping", "host", "drop", "remedy"),
    [
        ("X", "X", "-t raw {} PREROUTING -p esp -j DROP", "iptables -w -t raw -I PREROUTING -s "),
        ("X", "X", "-t mangle {} INPUT -p esp -j DROP", "iptables -w -t mangle -I INPUT -s "),
        ("Y", "X", "{} OUTPUT -p esp -j DROP", "iptables -w -I OUTPUT -d "),
        ("Y", "X", "-t mangle {} OUTPUT -p udp --dport 4789 -j DROP", "iptables -w -t mangle -D OUTPUT -p udp "),
    ],
)
def test_what_drops_outside_of_the_receiver_s_input_is_named_and_its_remedy_heals(
    spare_lab: SpareLab, steady_inventory: Path, dropping: str, host: str, drop: str, remedy: str
) -> None:
    """An ACCEPT in the receiver's INPUT was told again and again, and healed none of these."""
    told = ""
    spare_lab.run(dropping, f"iptables -w {drop.format('-A')}")
    try:
        finding = the_one(spare_lab, steady_inventory, "H06" if "esp" in drop else "H07")
        assert finding["where"] == f"Y -> {host}"
        assert f"dropped on {dropping} by iptables, table " in finding["evidence"]
        lines = [line.removeprefix(f"on {dropping}: ") for line in finding["remedy"].splitlines()]
        told = next(line for line in lines if line.startswith(remedy))
        spare_lab.run(dropping, told)
        assert findings(spare_lab, steady_inventory) == []
    finally:
        if " -I " in told:
            spare_lab.run(dropping, told.replace(" -I ", " -D ", 1))
        spare_lab.run(dropping, f"iptables -w {drop.format('-D')} || true")


CLOSED_BOTH_WAYS = {
    "-p esp": "proto 50",
    "-p udp --dport 4789": "udp/4789",
    "-p udp --dport 7946": "udp/7946",
    "-p tcp --dport 7946": "tcp/7946",
    "-p tcp --dport 2377": "tcp/2377",
}


@pytest.mark.parametrize("rule", [rule for rule in CLOSED_BOTH_WAYS if "2377" not in rule])
def test_one_kind_that_both_hosts_drop_is_a_finding_for_each_direction_with_its_rule(
    spare_lab: SpareLab, steady_inventory: Path, rule: str
) -> None:
    """But for 2377, which managers alone have open: see the next test."""
    opened: dict[str, str] = {}
    for host in "XY":
        spare_lab.run(host, f"iptables -w -A INPUT {rule} -j DROP")
    try:
        found = {finding["where"]: finding for finding in findings(spare_lab, steady_inventory)}
        assert {(where, finding["code"]) for where, finding in found.items()} == {
            (where, "H06" if "esp" in rule else "H07") for where in ("X -> Y", "Y -> X")
        }
        for where, finding in found.items():
            assert CLOSED_BOTH_WAYS[rule] in finding["what"].replace("IP protocol 50", "proto 50")
            told = next(line for line in finding["remedy"].splitlines() if line.startswith("iptables -w -I"))
            opened[where[-1]] = told
            spare_lab.run(where[-1], told)
        assert findings(spare_lab, steady_inventory) == []
    finally:
        for host, told in opened.items():
            spare_lab.run(host, told.replace("-I", "-D", 1))
        for host in "XY":
            spare_lab.run(host, f"iptables -w -D INPUT {rule} -j DROP")


def test_the_managers_port_that_two_managers_drop_is_a_finding_for_each_direction_with_its_rule(
    spare_lab: SpareLab, steady_inventory: Path, tmp_path: Path
) -> None:
    both, more = tmp_path / "both.yaml", ("--allow-even-managers",)
    both.write_text(steady_inventory.read_text().replace("    workers:\n      hosts:\n", ""))
    opened: dict[str, str] = {}
    for host in "XY":
        spare_lab.run(host, "iptables -w -A INPUT -p tcp --dport 2377 -j DROP")
    try:
        found = {finding["where"]: finding for finding in findings(spare_lab, both, *more)}
        assert {(where, finding["code"], finding["severity"]) for where, finding in found.items()} == {
            ("X -> Y", "H07", "error"),
            ("Y -> X", "H07", "error"),
            ("swarm", "H51", "warning"),
        }
        assert found["swarm"]["remedy"] == "declare 1 or 3 managers"
        for where, finding in found.items():
            if finding["code"] == "H07":
                assert "tcp/2377" in finding["what"]
                told = next(line for line in finding["remedy"].splitlines() if line.startswith("iptables -w -I"))
                opened[where[-1]] = told
                spare_lab.run(where[-1], told)
        the_one(spare_lab, both, "H51", *more)
    finally:
        for host, told in opened.items():
            spare_lab.run(host, told.replace("-I", "-D", 1))
        for host in "XY":
            spare_lab.run(host, "iptables -w -D INPUT -p tcp --dport 2377 -j DROP")


def test_what_is_all_dropped_in_both_directions_is_one_finding_that_names_it_and_its_remedy_opens_all(
    spare_lab: SpareLab, steady_inventory: Path
) -> None:
    drops = [f"INPUT {rule} -j DROP" for rule in CLOSED_BOTH_WAYS]
    opened: list[tuple[str, str]] = []
    for host in "XY":
        spare_lab.run(host, " && ".join(f"iptables -w -A {drop}" for drop in drops))
    try:
        found = {one["code"]: one for one in findings(spare_lab, steady_inventory)}
        assert {code: one["where"] for code, one in found.items()} == {"H06": "X | Y", "H07": "X | Y"}
        assert found["H06"]["follows_from"] == "H07"
        told = dict(entry.split(": ", 1) for entry in found["H07"]["evidence"].split("; "))
        assert told.keys() == set(CLOSED_BOTH_WAYS.values())
        # The worker Y manages nothing: nobody connects to its port 2377.
        assert {kind for kind, ways in told.items() if "X -> Y" not in ways} == {"tcp/2377"}
        assert all("Y -> X" in ways for ways in told.values())
        host = ""
        for line in found["H07"]["remedy"].splitlines():
            host = line[3] if line.startswith("on ") else host
            if line.startswith("iptables -w -I"):
                opened.append((host, line))
                spare_lab.run(*opened[-1])
        assert sorted(host for host, _ in opened) == ["X", "Y"]
        assert findings(spare_lab, steady_inventory) == []
    finally:
        for host, rules in opened:
            spare_lab.run(host, rules.replace("-I", "-D"))
        for host in "XY":
            spare_lab.run(host, " && ".join(f"iptables -w -D {drop}" for drop in drops))


def with_option(folder: Path, remedy: str) -> Path:
    """Return a stack file whose network has what *remedy* tells to write for each network."""
    stack = folder / "narrow.yaml"
    written = remedy.partition("for each network: ")[2]
    stack.write_text(f"""
services:
  none: {{image: 'none:1', networks: [guarded], deploy: {{replicas: 0}}}}
networks:
  guarded: {{driver: overlay, {written.replace("driver_opts: {", "driver_opts: {encrypted: '', ")}}}
""")
    return stack


def test_a_smaller_link_on_one_host_is_found_and_its_remedy_works(
    spare_lab: SpareLab, steady_inventory: Path, tmp_path: Path
) -> None:
    spare_lab.run("Y", "ip link set dev vec0 mtu 1400")
    try:
        found = {finding["code"]: finding for finding in findings(spare_lab, steady_inventory)}
        assert {"H13", "H11"} <= found.keys()
        assert "Y: 1400" in found["H13"]["evidence"]
        assert found["H13"]["remedy"] == "on X: ip link set dev vec0 mtu 1400"
        spare_lab.run("X", found["H13"]["remedy"].partition(": ")[2])
        left = the_one(spare_lab, steady_inventory, "H11")
        assert left["where"] == "X, Y"
        assert "com.docker.network.driver.mtu: '1400'" in left["remedy"]
        stack = with_option(tmp_path, left["remedy"])
        assert findings(spare_lab, steady_inventory, "-f", str(stack)) == []
        stack.write_text(stack.read_text().replace("'1400'", "'1450'"))
        (still,) = findings(spare_lab, steady_inventory, "-f", str(stack))
        assert (still["code"], still["where"]) == ("H11", "X, Y")
    finally:
        for host in "XY":
            spare_lab.run(host, "ip link set dev vec0 mtu 1500")


def test_a_path_that_loses_full_frames_is_found(spare_lab: SpareLab, steady_inventory: Path, tmp_path: Path) -> None:
    spare_lab.run("Y", "iptables -w -A INPUT -p udp -m length --length 1451: -j DROP")
    try:
        finding = the_one(spare_lab, steady_inventory, "H11")
        assert finding["where"] == "X -> Y"
        assert "1450 bytes pass" in finding["evidence"]
        assert "com.docker.network.driver.mtu: '1450'" in finding["remedy"]
        assert findings(spare_lab, steady_inventory, "-f", str(with_option(tmp_path, finding["remedy"]))) == []
    finally:
        spare_lab.run("Y", "iptables -w -D INPUT -p udp -m length --length 1451: -j DROP")


def test_a_host_without_perl_and_python_is_told_and_what_to_install(
    spare_lab: SpareLab, steady_inventory: Path
) -> None:
    """Connections it tries all the same, by bash, and the path's MTU by ping."""
    closed, small = "-p tcp --dport 7946", "-p icmp -m length --length 1451:"
    spare_lab.run("Y", "mv /usr/bin/perl /usr/bin/perl.away")
    try:
        finding = the_one(spare_lab, steady_inventory, "H07")
        assert (finding["severity"], finding["where"]) == ("warning", "Y")
        assert "neither perl nor python3" in finding["evidence"]
        assert "apt-get install -y perl" in finding["remedy"]
        spare_lab.run("X", f"iptables -w -A INPUT {closed} -j DROP; iptables -w -A INPUT {small} -j DROP")
        told = {(one["code"], one["where"]): one for one in findings(spare_lab, steady_inventory)}
        assert told.keys() == {("H07", "Y"), ("H07", "Y -> X"), ("H11", "Y -> X")}
        assert told["H07", "Y -> X"]["what"].startswith("tcp/7946 from Y")
        assert "1450 bytes pass" in told["H11", "Y -> X"]["evidence"]
    finally:
        spare_lab.run("X", f"iptables -w -D INPUT {closed} -j DROP; iptables -w -D INPUT {small} -j DROP; true")
        spare_lab.run("Y", "mv /usr/bin/perl.away /usr/bin/perl")


def test_settings_and_files_of_a_host_are_found_and_their_remedies_work(
    spare_lab: SpareLab, steady_inventory: Path
) -> None:
    spare_lab.run("Y", "sysctl -w net.ipv4.ip_forward=0 net.ipv4.ip_local_port_range='2000 60999'")
    spare_lab.run("Y", "systemctl disable docker; chmod 666 /run/docker.sock; chmod 644 /etc/ssh/ssh_host_ed25519_key")
    spare_lab.run("Y", "echo 'MaxSessions 4' >/etc/ssh/sshd_config.d/00-tight.conf; echo 'echo hello' >>/root/.bashrc")
    try:
        found = {finding["code"]: finding for finding in findings(spare_lab, steady_inventory)}
        assert found.keys() == {"H26", "D02", "D04", "D05", "S13", "S14", "S22"}
        assert {finding["where"] for finding in found.values()} == {"Y"}
        for code in ("H26", "D02", "D04", "D05", "S22"):
            remedy = re.match(r"on Y: ([^,;]+?)(, .*)?$", found[code]["remedy"])
            assert remedy, found[code]["remedy"]
            spare_lab.run("Y", remedy[1])
        assert {finding["code"] for finding in findings(spare_lab, steady_inventory)} == {"S13", "S14"}
    finally:
        spare_lab.run("Y", "sed -i '/^echo hello/d' /root/.bashrc; rm /etc/ssh/sshd_config.d/00-tight.conf")
        spare_lab.run("Y", "rm -f /etc/sysctl.d/99-docker-*.conf; systemctl enable docker")


def test_live_restore_is_found_and_let_go_as_its_remedy_says(spare_lab: SpareLab, steady_inventory: Path) -> None:
    spare_lab.run("Y", """echo '{"live-restore": true}' >/etc/docker/daemon.json; systemctl restart docker""")
    try:
        finding = the_one(spare_lab, steady_inventory, "H40")
        assert (finding["where"], finding["severity"]) == ("Y", "error")
        spare_lab.run("Y", finding["remedy"].removeprefix("on Y: "))
        assert findings(spare_lab, steady_inventory) == []
    finally:
        spare_lab.run("Y", "rm /etc/docker/daemon.json; systemctl restart docker")


def test_a_host_that_cannot_be_reached_does_not_hide_what_the_others_have(
    spare_lab: SpareLab, steady_inventory: Path, tmp_path: Path
) -> None:
    more = tmp_path / "inventory.yaml"
    more.write_text(
        steady_inventory.read_text()
        + "        Z: {ansible_host: 127.88.0.38, ansible_port: 2299, swarm_advertise_addr: 10.88.0.38}\n"
    )
    spare_lab.run("Y", "systemctl disable docker")
    try:
        said = spare_lab.swarmkit("doctor", "--json", "-i", str(more), check=False)
        found = {(finding["code"], finding["where"]) for finding in json.loads(said.stdout)["findings"]}
        assert (said.returncode, found) == (3, {("D11", "Z"), ("D02", "Y")})
    finally:
        spare_lab.run("Y", "systemctl enable docker")


def test_a_clock_two_hours_off_is_found_and_set_as_its_remedy_says(spare_lab: SpareLab, steady_inventory: Path) -> None:
    spare_lab.run("Y", "date -s '+2 hours'")
    try:
        # Of two clocks that is right to which this machine's is nearer.
        (told,) = findings(spare_lab, steady_inventory)
        assert (told["code"], told["where"]) == ("H34", "Y")
        (seconds,) = re.findall(r"is \+(\d+) s from", told["what"])
        assert abs(int(seconds) - 7200) <= 10, "a busy machine reads clocks late"
        remedy = re.match(r"on Y: (date -s '-\d+ seconds');", told["remedy"])
        assert remedy, told["remedy"]
        spare_lab.run("Y", remedy[1])
        assert findings(spare_lab, steady_inventory) == []
    finally:
        for host in "XY":
            spare_lab.run(host, f"date -s @{time.time():.0f}")


def test_a_clone_s_machine_id_is_found(spare_lab: SpareLab, steady_inventory: Path) -> None:
    own = spare_lab.run("Y", "cat /etc/machine-id").stdout.strip()
    other = spare_lab.run("X", "cat /etc/machine-id").stdout.strip()
    # A copied disk has D-Bus's own file too, which systemd would take the id from again.
    had = spare_lab.run("Y", "ls -d /var/lib/dbus", check=False).stdout
    spare_lab.run("Y", f"mkdir -p /var/lib/dbus; echo {other} | tee /var/lib/dbus/machine-id >/etc/machine-id")
    try:
        finding = the_one(spare_lab, steady_inventory, "H36")
        assert finding["where"] == "X, Y"
        assert finding["evidence"] == other
        (remedy,) = re.findall(r"rm -f /etc/machine-id [\w/-]+ && [\w-]+", finding["remedy"])
        spare_lab.run("Y", remedy)
        assert findings(spare_lab, steady_inventory) == []
    finally:
        spare_lab.run("Y", f"echo {own} >/etc/machine-id; {'true' if had else 'rmdir /var/lib/dbus'}")


def test_two_hosts_with_one_node_id_are_found_and_the_copy_gets_its_own_as_the_remedy_says(
    spare_lab: SpareLab, steady_inventory: Path
) -> None:
    spare_lab.run("X", "docker swarm init --advertise-addr 10.88.0.34 --default-addr-pool 10.20.0.0/16")
    node = spare_lab.run("X", "docker info -f '{{.Swarm.NodeID}}'").stdout.strip()
    state = spare_lab.run("X", "systemctl stop docker.socket docker; tar -SczC /var/lib/docker swarm | base64").stdout
    spare_lab.run("X", "systemctl start docker")
    try:
        spare_lab.run("Y", "systemctl stop docker.socket docker")
        spare_lab.run("Y", f"base64 -d <<'STATE' | tar -xzC /var/lib/docker\n{state}\nSTATE")
        # The tests before have started it often, and systemd starts it three times a minute alone.
        spare_lab.run("Y", "systemctl reset-failed docker; systemctl start docker")
        spare_lab.run("Y", "until docker info | grep -q NodeID; do sleep 1; done")
        (finding,) = findings(spare_lab, steady_inventory, "--only", "H36")
        assert (finding["where"], finding["evidence"]) == ("X, Y", node)
        refused = spare_lab.swarmkit("up", "--yes", "-i", str(steady_inventory), "--adopt", check=False)
        assert refused.returncode == 1, refused.stdout + refused.stderr
        assert "H36" in refused.stderr
        (remedy,) = re.findall(r"docker swarm leave --force", finding["remedy"])
        spare_lab.run("Y", remedy)
        spare_lab.swarmkit("up", "--yes", "-i", str(steady_inventory), "--adopt")
        assert findings(spare_lab, steady_inventory, "--only", "H36") == []
        assert len(spare_lab.run("X", "docker node ls -q").stdout.split()) == 2
    finally:
        for host in "YX":
            spare_lab.leave_swarm(host)


def test_a_route_into_the_pool_is_found_and_up_refuses(
    spare_lab: SpareLab, steady_inventory: Path, tmp_path: Path
) -> None:
    spare_lab.run("Y", "ip route add 10.20.7.0/24 via 10.88.0.34")
    try:
        finding = the_one(spare_lab, steady_inventory, "H28")
        assert "10.20.7.0/24, a route of Y by" in finding["what"]
        other = tmp_path / "inventory.yaml"
        other.write_text(steady_inventory.read_text().replace("swarm_address_pools: [10.20.0.0/16]", finding["remedy"]))
        assert findings(spare_lab, other) == []
        refused = spare_lab.swarmkit("up", "--yes", "-i", str(steady_inventory), check=False)
        assert refused.returncode == 1
        assert "10.20.7.0/24" in refused.stderr
    finally:
        spare_lab.run("Y", "ip route del 10.20.7.0/24")


USERS_OF = {"ip_vs": ("xt_ipvs", "ip_vs_rr")}
"""Modules that stand on another, and were loaded by the doctor's own tries."""


@pytest.mark.parametrize(("module", "code"), [("esp4", "H04"), ("xt_bpf", "H04"), ("ip_vs", "H20"), ("vxlan", "H04")])
def test_a_kernel_without_a_module_is_found(
    spare_lab: SpareLab, steady_inventory: Path, module: str, code: str
) -> None:
    forbidden = f"/etc/modprobe.d/without-{module}.conf"
    loaded = " ".join((*USERS_OF.get(module, ()), module))
    spare_lab.run("Y", f"modprobe -r {loaded} && echo 'install {module} /bin/false' >{forbidden}")
    try:
        found = findings(spare_lab, steady_inventory)
        assert {(finding["code"], finding["where"]) for finding in found} == {(code, "Y")}
        assert all(f"{forbidden}:install {module} /bin/false" in finding["evidence"] for finding in found)
        for command in {finding["remedy"].removeprefix("on Y: ") for finding in found}:
            spare_lab.run("Y", f"{command} && test -d /sys/module/{module}")
        assert findings(spare_lab, steady_inventory) == []
    finally:
        spare_lab.run("Y", f"rm -f {forbidden}; modprobe {module}")


PACKAGES = """
cat >/usr/local/sbin/apt-get <<'SCRIPT'
#!/bin/sh
test "$*" = "install -y --reinstall linux-image-$(uname -r)" || exit 100
mv /root/away/* "$(cat /root/from)" && depmod
SCRIPT
chmod +x /usr/local/sbin/apt-get
"""
"""Stands for a package source, which the lab has not: brings the module's file back as the kernel's package would."""


def test_a_module_whose_file_is_gone_comes_back_with_the_package_that_its_remedy_names(
    spare_lab: SpareLab, steady_inventory: Path
) -> None:
    spare_lab.run("Y", f"mkdir /root/away; file=$(modinfo -n xt_policy); dirname $file >/root/from{PACKAGES}")
    spare_lab.run("Y", "modprobe -r xt_policy && mv $(modinfo -n xt_policy) /root/away/ && depmod")
    try:
        finding = the_one(spare_lab, steady_inventory, "H04")
        assert "Module xt_policy not found" in finding["evidence"]
        assert "esp4" not in finding["remedy"]
        spare_lab.run("Y", finding["remedy"].removeprefix("on Y: ").partition(";")[0])
        assert findings(spare_lab, steady_inventory) == []
    finally:
        back = "mv /root/away/* $(cat /root/from) 2>/dev/null; depmod; modprobe xt_policy"
        spare_lab.run("Y", f"{back}; rm -r /usr/local/sbin/apt-get /root/away /root/from")


def test_hosts_that_are_reached_by_ipv6_are_told_to_be_untried(
    spare_lab: SpareLab, steady_inventory: Path, tmp_path: Path
) -> None:
    other = tmp_path / "inventory.yaml"
    other.write_text(
        steady_inventory.read_text().replace("swarm_advertise_addr: 10.88.0.", "swarm_advertise_addr: fd00::")
    )
    device = "$(ip -o -4 addr show to 10.88.0.0/24 | awk '{print $2}')"
    for host, last in (("X", 34), ("Y", 35)):
        spare_lab.run(host, f"ip addr add fd00::{last}/64 nodad dev {device}")
    try:
        found = {(one["code"], one["where"]): one for one in findings(spare_lab, other)}
        assert found.keys() == {(code, host) for code in ("H07", "H12") for host in "XY"}
        assert "nc -6 -zv -w 3 fd00::35 7946" in found["H07", "Y"]["remedy"]
    finally:
        for host, last in (("X", 34), ("Y", 35)):
            spare_lab.run(host, f"ip addr del fd00::{last}/64 dev {device}")


def test_up_refuses_what_the_doctor_finds_and_goes_on_only_by_its_code(
    spare_lab: SpareLab, steady_inventory: Path
) -> None:
    spare_lab.run("Y", "iptables -w -A INPUT -p esp -j DROP")
    state = "docker info --format '{{.Swarm.LocalNodeState}}'"
    try:
        refused = spare_lab.swarmkit("up", "--yes", "-i", str(steady_inventory), check=False)
        assert refused.returncode == 1
        assert "H06" in refused.stderr
        assert spare_lab.run("X", state).stdout.strip() == "inactive"
        other = spare_lab.swarmkit("up", "--yes", "-i", str(steady_inventory), "--override", "H07", check=False)
        assert other.returncode == 1
        told = spare_lab.swarmkit("up", "--yes", "-i", str(steady_inventory), "--override", "H06", "--no-verify")
        assert "overridden by --override H06" in told.stdout + told.stderr
        assert spare_lab.run("Y", state).stdout.strip() == "active"
    finally:
        spare_lab.run("Y", "iptables -w -D INPUT -p esp -j DROP")
        spare_lab.leave_swarm("Y")
        spare_lab.leave_swarm("X")


def test_a_certificate_about_to_end_is_found_and_made_anew_as_its_remedy_says(
    spare_lab: SpareLab, steady_inventory: Path
) -> None:
    try:
        for host in "XY":
            spare_lab.run(host, "date -s '-55 minutes'")
        try:
            # Valid from an hour before to an hour after, by a clock that is 55 minutes slow.
            spare_lab.run("X", "docker swarm init --advertise-addr 10.88.0.34")
            spare_lab.run("X", "docker swarm update --cert-expiry 1h0m && docker swarm ca --rotate --quiet")
        finally:
            for host in "XY":
                spare_lab.run(host, "date -s '+55 minutes'")
        (finding,) = findings(spare_lab, steady_inventory, "--only", "H35")
        assert (finding["severity"], finding["where"]) == ("warning", "X")
        spare_lab.run("X", command_for("X", finding))
        # Valid from an hour ago to an hour from now: nothing is due.
        assert findings(spare_lab, steady_inventory, "--only", "H35") == []
    finally:
        spare_lab.leave_swarm("X")


ENCRYPTED = """
services:
  none: {image: 'none:1', networks: [guarded], deploy: {replicas: 0}}
networks:
  guarded: {driver: overlay, driver_opts: {encrypted: ''}}
"""


def test_an_adopted_swarm_s_first_encrypted_network_is_refused_where_esp_does_not_pass_until_it_is_let_in(
    spare_lab: SpareLab, steady_inventory: Path, tmp_path: Path
) -> None:
    stack = tmp_path / "guarded.yaml"
    stack.write_text(ENCRYPTED)
    call = ("up", "--yes", "-i", str(steady_inventory), "-f", str(stack), "--adopt", "--no-verify")
    spare_lab.run("X", "docker swarm init --advertise-addr 10.88.0.34 --default-addr-pool 10.20.0.0/16")
    token = spare_lab.run("X", "docker swarm join-token -q worker").stdout.strip()
    spare_lab.run("Y", f"docker swarm join --token {token} --advertise-addr 10.88.0.35 10.88.0.34:2377")
    spare_lab.run("Y", "iptables -w -A INPUT -p esp -j DROP")
    try:
        by_command = (
            "network",
            "create",
            "guarded",
            "-d",
            "overlay",
            "--encrypted",
            "--yes",
            "-i",
            str(steady_inventory),
        )
        for made in (by_command, call):
            refused = spare_lab.swarmkit(*made, check=False)
            assert refused.returncode == 1, refused.stdout + refused.stderr
            assert "H06" in refused.stderr
            assert "guarded" not in spare_lab.run("X", "docker network ls").stdout
        remedy = next(line for line in refused.stderr.splitlines() if line.strip().startswith("iptables -w -I")).strip()
        spare_lab.run("Y", remedy)
        done = spare_lab.swarmkit(*call, check=False)
        assert done.returncode == 0, done.stderr
        assert "guarded" in spare_lab.run("X", "docker network ls").stdout
        spare_lab.run("Y", remedy.replace("-I", "-D", 1))
    finally:
        spare_lab.run("Y", "iptables -w -D INPUT -p esp -j DROP")
        for host in "YX":
            spare_lab.leave_swarm(host)
            # An engine that has left goes on listening on 7946 for a while, which is D10.
            spare_lab.run(host, "systemctl restart docker")


NO_HOST_NAME, WEAK, FEW = "debian", "Ciphers +aes128-cbc", "MaxStartups 1:30:60"
POLICY = "src 192.0.2.1/32 dst 192.0.2.2/32 dir out"


def test_many_faults_of_a_host_are_found_at_once_and_each_goes_by_what_is_told_of_it(
    spare_lab: SpareLab, steady_inventory: Path
) -> None:
    """Of its name, its engine, a link that an overlay left, another user of IPsec, and its SSH server."""
    spare_lab.run(
        "Y", f"hostnamectl set-hostname {NO_HOST_NAME}; echo '{{\"iptables\": false}}' >/etc/docker/daemon.json"
    )
    spare_lab.run("Y", "ip link add vx-001001-abcde type vxlan id 4097 dstport 8472")
    spare_lab.run("Y", f"ip xfrm policy add {POLICY} tmpl proto esp mode transport")
    spare_lab.run("Y", f"printf '%s\\n' '{WEAK}' '{FEW}' >/etc/ssh/sshd_config.d/50-hand.conf")
    try:
        found = {finding["code"]: finding for finding in findings(spare_lab, steady_inventory)}
        assert set(found) == {"H37", "D08", "H65", "H18", "S14", "S20"}
        assert {finding["where"] for finding in found.values()} == {"Y"}
        for code in ("D08", "H65", "S14", "S20", "H37"):
            spare_lab.run("Y", found[code]["remedy"].removeprefix("on Y: "))
            await_sshd(spare_lab, "Y")
        # What another software does with its policies no command of ours ends: it is told to look again after it.
        assert the_one(spare_lab, steady_inventory, "H18")["where"] == "Y"
    finally:
        await_sshd(spare_lab, "Y")
        spare_lab.run("Y", f"ip xfrm policy delete {POLICY}; ip link delete vx-001001-abcde 2>/dev/null || :")
        spare_lab.run("Y", "rm -f /etc/ssh/sshd_config.d/50-hand.conf /etc/ssh/sshd_config.d/00-swarmkit.conf")
        spare_lab.run("Y", "rm -f /etc/docker/daemon.json; systemctl reload ssh; hostnamectl set-hostname Y")
        await_sshd(spare_lab, "Y")
        spare_lab.run("Y", "systemctl reset-failed docker; systemctl restart docker")


def await_sshd(spare_lab: SpareLab, host: str) -> None:
    """Wait until *host* takes connections for a while: an sshd refuses them when it reads its settings anew."""
    deadline, in_a_row = time.monotonic() + 30, 0
    while in_a_row < 4:
        assert time.monotonic() < deadline, f"{host} takes no connections"
        in_a_row = 0 if spare_lab.run(host, "true", check=False).returncode else in_a_row + 1
        time.sleep(0.3)


ASKING = """
services:
  db: {image: 'postgres:16', networks: [guarded], deploy: {replicas: 2000}}
  web:
    image: 'none:1'
    deploy: {replicas: 0, placement: {preferences: [{spread: node.labels.zone}]}}
networks:
  guarded: {driver: overlay, driver_opts: {encrypted: ''}, ipam: {config: [{subnet: 10.20.240.0/20}]}}
"""


def test_what_files_ask_of_these_hosts_is_found_and_goes_when_it_is_written_as_told(
    spare_lab: SpareLab, steady_inventory: Path, tmp_path: Path
) -> None:
    stack, other = tmp_path / "asking.yaml", tmp_path / "inventory.yaml"
    stack.write_text(ASKING)
    found = {finding["code"]: finding for finding in findings(spare_lab, steady_inventory, "-f", str(stack))}
    assert found.keys() == {"H19", "H21", "H84"}
    assert (found["H19"]["where"], found["H84"]["where"]) == ("asking", "X")
    keepalive = found["H21"]["remedy"].partition("for db: ")[2].partition(", or")[0]
    text = ASKING.replace("replicas: 2000}", f"replicas: 1}}, {keepalive}").replace("spread: node.labels.zone", "")
    stack.write_text(text.replace(", placement: {preferences: [{}]}", ""))
    assert findings(spare_lab, steady_inventory, "-f", str(stack)) == []
    other.write_text(
        steady_inventory.read_text().replace("swarm_advertise_addr: 10.88.0.34", "swarm_advertise_addr: 10.88.0.99")
    )
    (wrong,) = findings(spare_lab, other, "--only", "B13")
    assert (wrong["where"], wrong["severity"]) == ("X", "error")
    assert wrong["remedy"].endswith("swarm_advertise_addr: 10.88.0.34")
