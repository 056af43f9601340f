"""The control socket works however deep the state folder is, and a dead supervisor's leftovers are no matter."""

from __future__ import annotations

import fcntl
import socket
import sys
import threading
from pathlib import Path

import pytest

from swarmkit.errors import NotConvergedError, SwarmkitError
from swarmkit.lab import LabHost, Places, control, down, reset, status, wait_until_ready
from swarmkit.lab.capture import capture
from swarmkit.lab.one_at_a_time import one_at_a_time
from swarmkit.lab.starting import start
from swarmkit.reach.retry import wait_until


def test_request_and_answer_in_a_folder_too_deep_for_a_socket_path(tmp_path: Path) -> None:
    state = tmp_path / ("d" * 100) / ("e" * 100)
    state.mkdir(parents=True)
    (state / control.SOCKET_NAME).touch()  # a dead supervisor's leftover
    with control.listen(state) as listener:
        listener.settimeout(5)
        server = threading.Thread(target=_serve_twice, args=(listener,))
        server.start()
        assert control.ask(state, "status").result == [1]
        with pytest.raises(SwarmkitError, match="no such host"):
            control.ask(state, "reset", host="Z")
        server.join()


def test_lab_is_down_without_state_and_with_a_stale_lock_file(tmp_path: Path) -> None:
    places = Places(tmp_path / "none", tmp_path)
    assert status(places) == []
    assert not down(places)
    (tmp_path / control.LOCK_NAME).touch()
    assert not control.is_supervised(tmp_path)


def test_lab_is_supervised_while_the_lock_is_held(tmp_path: Path) -> None:
    with (tmp_path / control.LOCK_NAME).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert control.is_supervised(tmp_path)
    assert not control.is_supervised(tmp_path)


def test_waiting_ends_at_once_when_the_lab_has_ended(tmp_path: Path) -> None:
    with pytest.raises(NotConvergedError, match="the lab ended"):
        wait_until_ready(Places(tmp_path, tmp_path), ["A"])


def test_reset_while_the_lab_is_down_drops_the_disks(tmp_path: Path) -> None:
    places = Places(tmp_path, tmp_path)
    for name in ("A", "B"):
        places.host(name).seed.mkdir(parents=True)
        places.host(name).disk.touch()
    assert reset(places, ["A"]) == []
    assert [places.host(name).disk.exists() for name in ("A", "B")] == [False, True]
    assert reset(places, []) == []
    assert not places.host("B").disk.exists()


def test_host_whose_address_is_taken_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.88.0.250", 0)) as other:
        host = LabHost("Z", 250, ssh_port=other.getsockname()[1])
        with pytest.raises(SwarmkitError, match=r"cannot listen on 127\.88\.0\.250"):
            start(Places(tmp_path, tmp_path), [host], lambda _: None)


def test_a_supervisor_that_stands_still_is_told_as_one(tmp_path: Path) -> None:
    # It listens, and never takes the request.
    with control.listen(tmp_path), pytest.raises(SwarmkitError, match=r"not answered within 0\.2 s") as told:
        control.ask(tmp_path, "status", timeout_seconds=0.2)
    assert "kill -CONT" in told.value.to_do


def test_frames_that_cannot_be_kept_are_told_as_the_operator_s_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # swarmkit.lab.capture is the function's name too.
    monkeypatch.setattr(sys.modules["swarmkit.lab.capture"], "wire", lambda _: socket.socketpair()[0])
    missing = tmp_path / "none" / "frames.pcap"
    with pytest.raises(SwarmkitError, match="cannot write the frames to") as told:
        capture(Places(tmp_path, tmp_path), 0.1, pcap=missing)
    assert told.value.why == "No such file or directory"


def test_who_waits_for_another_says_for_what(tmp_path: Path) -> None:
    lock, said = tmp_path / "build.lock", list[str]()
    with one_at_a_time(lock, said.append, "builds"):
        assert said == []
        waiting = threading.Thread(target=_hold, args=(lock, said))
        waiting.start()
        wait_until(lambda: said, bool, timeout_seconds=5, interval_seconds=0.01)
        assert said == [f"another swarmkit builds: waiting until it has ended ({lock})"]
    waiting.join(5)
    assert said[1:] == ["got it"]


def _hold(lock: Path, said: list[str]) -> None:
    with one_at_a_time(lock, said.append, "builds"):
        said.append("got it")


def _serve_twice(listener: socket.socket) -> None:
    for answer in ({"result": [1]}, {"error": ["Z: no such host in this lab", "", ""]}):
        connection, _ = listener.accept()
        with connection:
            connection.recv(1000)
            control.reply(connection, answer)
