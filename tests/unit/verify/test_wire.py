"""What crosses the cable while the probes run: the watcher itself on the loopback device, and what is made of it."""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
from unit.verify.test_verify_scripts import LocalShell, install
from unit.verify.verify_world import World

from swarmkit.finding import Finding
from swarmkit.verify.probe.cable import Frames, parse_cable
from swarmkit.verify.probe.script import LANGUAGES, Language, run_script
from swarmkit.verify.prove import prove

VNI = 4097


def vxlan(vni: int) -> bytes:
    return b"\x08\0\0\0" + vni.to_bytes(3, "big") + b"\0" + b"inner frame"


@dataclass(frozen=True)
class Own:
    """What a test has for itself of the one machine that others test on as well, told apart by a number."""

    number: int

    @property
    def port(self) -> int:
        """The VXLAN port; the next one is its own too."""
        return 47890 + 2 * self.number

    @property
    def mark(self) -> str:
        return f"M4RK{self.number:03}"

    @property
    def here(self) -> str:
        return f"10.99.{self.number}.1"

    @property
    def there(self) -> str:
        return f"10.99.{self.number}.2"

    @property
    def link(self) -> str:
        return f"swk-test{self.number}"


@pytest.fixture
def own() -> Iterator[Own]:
    for number in count(1):
        with Path(tempfile.gettempdir(), f"swarmkit-test-wire-{number}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield Own(number)
            return


@pytest.fixture
def other_namespace(own: Own) -> Iterator[int]:
    """A process in a network namespace of its own, there, at the end of a link of 1400 bytes; this one is here."""
    if os.geteuid() != 0:
        pytest.fail("the probes need root on hosts, and so does this test")
    with subprocess.Popen(["unshare", "-n", "sleep", "60"]) as other:
        script = f"""set -e
        until [ "$(readlink /proc/{other.pid}/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
        ip link add {own.link} mtu 1400 type veth peer name eth0 mtu 1400 netns {other.pid}
        ip address add {own.here}/24 dev {own.link}; ip link set {own.link} up
        nsenter -t {other.pid} -n sh -c 'ip address add {own.there}/24 dev eth0; ip link set eth0 up'"""
        try:
            subprocess.run(["sh", "-c", script], check=True, capture_output=True)
            yield other.pid
        finally:
            other.kill()
            # With its namespace it would go at some later time.
            subprocess.run(["ip", "link", "del", own.link], check=False, capture_output=True)


@pytest.fixture
def frames(own: Own) -> Iterator[None]:
    """Clear VXLAN frames on the loopback device: of our VNI, and of another."""
    stop = threading.Event()

    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            while not stop.wait(0.01):
                out.sendto(vxlan(VNI), ("127.0.0.1", own.port))
                out.sendto(vxlan(VNI + 1), ("127.0.0.1", own.port))
                out.sendto(vxlan(VNI), ("127.0.0.1", own.port + 1))

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind(("127.0.0.1", own.port))
        sender = threading.Thread(target=send)
        sender.start()
        yield
        stop.set()
        sender.join()


@pytest.fixture(params=LANGUAGES)
def speaks(request: pytest.FixtureRequest) -> Language:
    """What the host has to run the watcher."""
    language: Language = request.param
    return language


def watched(own: Own, shell: LocalShell, speaks: Language | None, *lines: str) -> dict[str, str]:
    first = (f"mark {own.mark}", f"watch {own.port} {VNI} lo 127.0.0.1", "least 0.5")
    wishes = [f"cable {line}" for line in (*first, *lines)]
    return run_script(shell, "probe.sh", wishes, timeout_seconds=20, speaks=speaks)


@pytest.mark.usefixtures("frames")
def test_clear_frames_of_the_vni_are_counted_and_no_others(own: Own, tmp_path: Path, speaks: Language) -> None:
    cable = parse_cable(watched(own, LocalShell(tmp_path), speaks)["cable"])
    assert cable.why_blind == ""
    assert cable.clear.keys() == {("127.0.0.1", VNI)}
    assert cable.clear["127.0.0.1", VNI].sent > 3
    assert cable.esp == {"127.0.0.1": Frames(0, 0)}
    assert cable.marked == {}


@pytest.mark.parametrize(("payload", "is_leak"), [(b" injected 3 small", False), (b" encrypted 3 small", True)])
def test_what_another_proof_sends_to_be_dropped_is_no_leak(
    own: Own, tmp_path: Path, speaks: Language, payload: bytes, is_leak: bool
) -> None:
    frame = vxlan(VNI) + b"swarmkit-probe-" + b"0123456789ab" * 2 + payload
    with sending(frame, own.port):
        cable = parse_cable(watched(own, LocalShell(tmp_path), speaks)["cable"])
    assert cable.why_blind == ""
    assert bool(cable.clear) == is_leak


@contextmanager
def sending(frame: bytes, port: int) -> Iterator[None]:
    """Send the frame to the port of the loopback device, again and again."""
    stop = threading.Event()

    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            while not stop.wait(0.01):
                out.sendto(frame, ("127.0.0.1", port))

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield
    finally:
        stop.set()
        sender.join()


def test_the_watcher_ends_with_the_probes(own: Own, tmp_path: Path, speaks: Language) -> None:
    began = time.monotonic()
    with ThreadPoolExecutor() as pool:
        watching = pool.submit(watched, own, LocalShell(tmp_path), speaks)
        while not processes_of(tmp_path):
            assert not watching.done()
        watching.result()
    assert time.monotonic() - began < 10
    assert not processes_of(tmp_path)


def processes_of(tools: Path) -> list[Path]:
    """Return those that have the folder on their path, as all that a LocalShell starts have."""
    return [path for path in Path("/proc").glob("[0-9]*/environ") if bytes(tools) in _read(path)]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_marked_packets_are_heard_in_another_namespace_whole(
    own: Own, tmp_path: Path, speaks: Language, other_namespace: int
) -> None:
    lines = ("in 1", f"send 5 open {own.there}", f"in {other_namespace}", "hear 5", f"send 6 encrypted {own.here}")
    cable = parse_cable(watched(own, LocalShell(tmp_path), speaks, *lines)["cable"])
    heard = cable.heard[str(other_namespace), 5]
    assert heard["full"] == 1400
    assert heard["small"] < 100
    assert not cable.unsent


def test_what_shall_not_get_through_is_told_when_it_does(
    own: Own, tmp_path: Path, speaks: Language, other_namespace: int
) -> None:
    with socket.create_server((own.here, 0)) as server:
        port = server.getsockname()[1]
        there = (f"in {other_namespace}", f"apart 7 {own.here} {port}", f"apart 8 {own.here} 9")
        no_route = "apart 10 203.0.113.9 80"
        lines = (*there, no_route, "in 1", f"apart 9 {own.there} 9")
        cable = parse_cable(watched(own, LocalShell(tmp_path), speaks, *lines)["cable"])
    assert cable.opened == {7}
    assert (str(other_namespace), 9) in cable.heard


def test_a_task_on_the_hosts_own_network_does_not_hear_what_comes_by_the_host(
    own: Own, tmp_path: Path, speaks: Language, other_namespace: int
) -> None:
    """A task on a bridge sends all that it cannot reach by itself to its host: that is no breach."""
    of_the_host = os.getpid()
    lines = (f"in {other_namespace}", f"apart 7 {own.here} 9", f"in {of_the_host}", f"apart 8 {own.there} 9")
    cable = parse_cable(watched(own, LocalShell(tmp_path), speaks, *lines)["cable"])
    assert cable.heard.keys() == {(str(other_namespace), 8)}


def test_a_namespace_that_is_not_there_is_lost_and_no_other(own: Own, tmp_path: Path, speaks: Language) -> None:
    cable = parse_cable(watched(own, LocalShell(tmp_path), speaks, "in 99999999", "send 1 open 127.0.0.1")["cable"])
    assert cable.lost.keys() == {"99999999"}
    assert cable.esp


def test_a_host_without_perl_and_python_is_watched_by_tcpdump(tmp_path: Path) -> None:
    shell = without_perl_and_python(tmp_path)
    install(tmp_path, "tcpdump", f"printf '%s\\n' 'listening on lo' {shlex.quote(TCPDUMP)}; exec sleep 20")
    wishes = [f"cable watch 4789 {VNI} lo 10.88.0.12 10.88.0.13", "in 1", "tcp 0 127.0.0.1 9"]
    said = run_script(shell, "probe.sh", wishes, timeout_seconds=20)
    cable = parse_cable(said["cable"])
    assert cable.esp == {"10.88.0.12": Frames(1, 2), "10.88.0.13": Frames(0, 0)}
    assert cable.clear == {("10.88.0.13", VNI): Frames(0, 1)}
    assert not cable.has_mark
    assert said["answers"] == "tcp 0 Connection refused"


TCPDUMP = f"""IP 10.88.0.11 > 10.88.0.12: ESP(spi=0x0db5d8e6,seq=0x2a), length 120
IP 10.88.0.12 > 10.88.0.11: ESP(spi=0x06c5c4a5,seq=0x24), length 104
IP 10.88.0.12 > 10.88.0.11: ESP(spi=0x06c5c4a5,seq=0x25), length 104
IP 10.88.0.13.40001 > 10.88.0.11.4789: VXLAN, flags [I] (0x08), vni {VNI}
IP 10.20.1.3 > 10.20.1.6: ICMP echo request, id 1, seq 1, length 64
IP 10.88.0.13.40001 > 10.88.0.11.4789: VXLAN, flags [I] (0x08), vni 4099
IP 10.20.9.3 > 10.20.9.6: ICMP echo request, id 1, seq 1, length 64"""


def without_perl_and_python(folder: Path) -> LocalShell:
    for tool in ("bash", "sh", "env", "timeout", "sleep", "cat"):
        found = shutil.which(tool)
        assert found
        (folder / tool).symlink_to(found)
    install(folder, "nsenter", 'shift 3; exec "$@"')
    shell = LocalShell(folder)
    shell.only_tools = True
    return shell


def test_a_host_with_neither_perl_python_nor_tcpdump_says_so(own: Own, tmp_path: Path) -> None:
    said = watched(own, without_perl_and_python(tmp_path), None)
    assert "neither perl, python3 nor tcpdump is there" in parse_cable(said["cable"]).why_blind


def test_a_missing_device_is_told() -> None:
    assert parse_cable("lost 0 eth9: No such file or directory").why_blind == "eth9: No such file or directory"
    assert parse_cable("").why_blind


def findings(world: World) -> list[Finding]:
    found = prove(world.fleet, world.inventory, None, world.observed).findings
    return [finding for finding in found if finding.code == "V16"]


def test_esp_alone_on_the_cable_is_a_proof_for_each_pair() -> None:
    assert {(finding.severity, finding.where) for finding in findings(World())} == {
        ("ok", "A <-> B"),
        ("ok", "A <-> C"),
        ("ok", "B <-> C"),
    }


def test_a_frame_in_clear_is_an_error_that_names_pair_network_and_sender() -> None:
    world = World()
    world.shells["B"].cable_more = ["clear 10.88.0.11 4097 0 3"]
    (error,) = [finding for finding in findings(world) if finding.severity == "error"]
    assert error.where == "A <-> B"
    assert "shop_shop" in error.what
    assert "B sent 0 to A and received 3 from it" in error.evidence
    assert error.remedy.startswith("on A:")


def test_a_host_that_could_not_watch_is_a_warning_and_its_peers_speak_for_the_pair() -> None:
    world = World()
    world.shells["C"].cable = "lost 0 no perl\nend\n"
    found = findings(world)
    assert [finding.where for finding in found if finding.severity == "warning"] == ["C"]
    assert len([finding for finding in found if finding.severity == "ok"]) == 3


def test_a_host_that_begins_seconds_later_still_hears_and_is_heard(
    own: Own, tmp_path: Path, speaks: Language, other_namespace: int
) -> None:
    def early() -> None:
        lines = (f"in {other_namespace}", "hear 5", f"send 6 open {own.here}")
        said["cable"] = watched(own, LocalShell(tmp_path), speaks, *lines)["cable"]

    said: dict[str, str] = {}
    first = threading.Thread(target=early)
    first.start()
    time.sleep(4.5)
    watched(own, LocalShell(tmp_path), speaks, "in 1", f"send 5 open {own.there}")
    first.join()
    assert parse_cable(said["cable"]).heard[str(other_namespace), 5].keys() == {"small", "full"}


def test_a_chain_of_nftables_that_what_is_sent_goes_through_is_to_be_read_before_a_restart() -> None:
    world = World()
    world.shells["B"].cable_more = ["clear 10.88.0.11 4097 0 3"]
    hook = "type route hook output priority mangle; policy accept;"
    world.shells["A"].sections["firewalls"] = f"table inet own {{\n\tchain leaving {{\n\t\t{hook}\n\t}}\n}}"
    (error,) = [finding for finding in findings(world) if finding.severity == "error"]
    assert "sets another mark or accepts what leaves, on A: nft list chain inet own leaving" in error.remedy
    assert error.remedy.endswith("if none does, on A: systemctl restart docker (makes marks, states and policies anew)")
