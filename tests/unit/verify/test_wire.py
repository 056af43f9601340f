"""What crosses the cable while the probes run: the watcher itself on the loopback device, and what is made of it."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from unit.verify.test_verify_scripts import LocalShell, install
from unit.verify.verify_world import World

from swarmkit.finding import Finding
from swarmkit.verify.prove import prove
from swarmkit.verify.script import run_script
from swarmkit.verify.wire import Frames, parse_wire

VNI = 4097
PORT = 47890


def vxlan(vni: int) -> bytes:
    return b"\x08\0\0\0" + vni.to_bytes(3, "big") + b"\0" + b"inner frame"


@pytest.fixture
def frames() -> Iterator[None]:
    """Clear VXLAN frames on the loopback device: of our VNI, and of another."""
    stop = threading.Event()

    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            while not stop.wait(0.01):
                out.sendto(vxlan(VNI), ("127.0.0.1", PORT))
                out.sendto(vxlan(VNI + 1), ("127.0.0.1", PORT))
                out.sendto(vxlan(VNI), ("127.0.0.1", PORT + 1))

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind(("127.0.0.1", PORT))
        sender = threading.Thread(target=send)
        sender.start()
        yield
        stop.set()
        sender.join()


@pytest.fixture
def slow_namespace(tmp_path: Path) -> LocalShell:
    """A shell whose namespace takes a third of a second to answer: time for frames to pass."""
    install(tmp_path, "nsenter", 'sleep 0.3; shift 3; exec "$@"')
    return LocalShell(tmp_path)


def watched(shell: LocalShell) -> dict[str, str]:
    wishes = [f"wire {PORT} {VNI} lo 127.0.0.1", "in 1", "tcp 0 127.0.0.1 9"]
    return run_script(shell, "probe.sh", wishes, timeout_seconds=20)


@pytest.mark.usefixtures("frames")
def test_clear_frames_of_the_vni_are_counted_and_no_others(slow_namespace: LocalShell) -> None:
    said = watched(slow_namespace)
    wire = parse_wire(said["wire"])
    assert wire.lost == ""
    assert wire.clear.keys() == {("127.0.0.1", VNI)}
    assert wire.clear["127.0.0.1", VNI].sent > 3
    assert wire.esp == {"127.0.0.1": Frames(0, 0)}
    assert said["answers"] == "tcp 0 Connection refused"


def test_the_watcher_ends_with_the_probes(slow_namespace: LocalShell) -> None:
    began = time.monotonic()
    watched(slow_namespace)
    assert time.monotonic() - began < 10
    assert not [path for path in Path("/proc").glob("[0-9]*/cmdline") if f"{VNI}\0lo\0".encode() in _read(path)]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_a_host_without_perl_says_so(tmp_path: Path) -> None:
    for tool in ("bash", "sh", "env", "timeout", "nsenter", "cat"):
        found = shutil.which(tool)
        assert found
        (tmp_path / tool).symlink_to(found)
    shell = LocalShell(tmp_path)
    shell.only_tools = True
    said = watched(shell)
    assert "perl is not there" in parse_wire(said["wire"]).lost


def test_a_missing_device_is_told() -> None:
    assert parse_wire("lost eth9: No such file or directory").lost == "eth9: No such file or directory"
    assert parse_wire("").lost


def findings(world: World) -> list[Finding]:
    found = prove(world.fleet, world.inventory, None, world.observed)
    return [finding for finding in found if finding.code == "V16"]


def test_esp_alone_on_the_cable_is_a_proof_for_each_pair() -> None:
    assert {(finding.severity, finding.where) for finding in findings(World())} == {
        ("ok", "A <-> B"),
        ("ok", "A <-> C"),
        ("ok", "B <-> C"),
    }


def test_a_frame_in_clear_is_an_error_that_names_pair_network_and_sender() -> None:
    world = World()
    world.shells["B"].wire = "ready\nesp 10.88.0.11 5 5\nesp 10.88.0.13 5 5\nclear 10.88.0.11 4097 0 3\n"
    (error,) = [finding for finding in findings(world) if finding.severity == "error"]
    assert error.where == "A <-> B"
    assert "shop_shop" in error.what
    assert "B sent 0 to A and received 3 from it" in error.evidence
    assert error.remedy.startswith("on A:")


def test_a_host_that_could_not_watch_is_a_warning_and_its_peers_speak_for_the_pair() -> None:
    world = World()
    world.shells["C"].wire = "lost perl is not there\n"
    found = findings(world)
    assert [finding.where for finding in found if finding.severity == "warning"] == ["C"]
    assert len([finding for finding in found if finding.severity == "ok"]) == 3
