"""What is said of an engine that does not answer, or takes nothing: the cause, not the libraries' tuples around it."""

from __future__ import annotations

import http.client
import itertools
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import urllib3

from swarmkit.declared.inventory.host import Host
from swarmkit.reach import ssh_engine
from swarmkit.reach.ssh import ConnectionLostError
from swarmkit.reach.ssh_engine import SshEngine, cause_of

CLOSED = http.client.RemoteDisconnected("Remote end closed connection without response")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (requests.ConnectionError(urllib3.exceptions.ProtocolError("Connection aborted.", CLOSED)), str(CLOSED)),
        (OSError(111, "Connection refused"), "[Errno 111] Connection refused"),
        (EOFError(), "EOFError"),
    ],
)
def test_the_innermost_of_errors_is_told(error: BaseException, said: str) -> None:
    assert cause_of(error) == said


class _Channel(socket.socket):
    """A socket with what a channel tells besides."""

    closed = eof_received = False


class _Standing:
    """The connection to a host whose engine tells its version, and stands still from then on."""

    host = Host("T", "192.0.2.1", "manager")

    def __init__(self) -> None:
        self.engines: list[socket.socket] = []

    def open_engine_socket(self, timeout_seconds: float) -> socket.socket:  # noqa: ARG002
        ours, engine = socket.socketpair()
        self.engines.append(engine)
        threading.Thread(target=self._tell_version, args=(engine,), daemon=True).start()
        return _Channel(fileno=ours.detach())

    def _tell_version(self, engine: socket.socket) -> None:
        engine.recv(4096)
        engine.sendall(b"HTTP/1.1 200 OK\r\nApi-Version: 1.45\r\nContent-Length: 2\r\n\r\nOK")


@pytest.fixture
def standing() -> Iterator[Any]:
    connection = _Standing()
    yield connection
    for engine in connection.engines:
        engine.close()


def test_an_engine_that_takes_nothing_is_told_after_the_time_for_sending(
    standing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image for a frozen engine was sent for a quarter of an hour: so long may its answer take."""
    monkeypatch.setattr(ssh_engine, "SENDING_TIMEOUT_SECONDS", 0.3)
    engine, began = SshEngine(standing), time.monotonic()
    with pytest.raises(ConnectionLostError) as caught:
        engine.load_image(itertools.repeat(b"layer" * 1000), 60)
    assert time.monotonic() - began < 30
    assert str(caught.value.what) == "T: the engine took nothing of what was sent to it for 0.3 s"
    assert len(standing.engines) == 1, "over the connection that is kept"
