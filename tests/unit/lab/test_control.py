"""The control socket works however deep the state folder is, and a dead supervisor's leftovers are no matter."""

from __future__ import annotations

import fcntl
import threading
from pathlib import Path

import pytest

from swarmkit.errors import SwarmkitError
from swarmkit.lab import Places, control, down, status


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


def _serve_twice(listener: control.socket.socket) -> None:
    for answer in ({"result": [1]}, {"error": ["Z: no such host in this lab", "", ""]}):
        connection, _ = listener.accept()
        with connection:
            connection.recv(1000)
            control.reply(connection, answer)
