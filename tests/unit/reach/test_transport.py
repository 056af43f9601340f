"""A real SSH transport whose other end is paramiko's own server: channels to unix sockets, a silent end."""

from __future__ import annotations

import select
import socket
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import paramiko
import pytest

from swarmkit.reach.transport import Transport

AT_ONCE = 8
ROUNDS = 25


class Refusing(paramiko.ServerInterface):
    """Let anybody in and refuse every channel, as sshd does where the user may not open the socket."""

    def get_allowed_auths(self, username: str) -> str:  # noqa: ARG002
        return "none"

    def check_auth_none(self, username: str) -> int:  # noqa: ARG002
        return paramiko.common.AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:  # noqa: ARG002
        return paramiko.common.OPEN_FAILED_CONNECT_FAILED


@pytest.fixture
def transport() -> Iterator[Transport]:
    ours, theirs = socket.socketpair()
    server = paramiko.Transport(theirs)
    server.add_server_key(paramiko.ECDSAKey.generate())
    server.start_server(event=threading.Event(), server=Refusing())
    client = Transport(ours)
    client.start_client(timeout=10)
    client.auth_none("anybody")
    yield client
    client.close()
    server.close()


@pytest.fixture
def eager_threads() -> Iterator[None]:
    """Switch threads as often as a busy machine does."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def opened(transport: Transport) -> Exception | None:
    try:
        transport.open_unix_socket("/var/run/docker.sock", 10)
    except paramiko.SSHException as error:
        return error
    return None


@pytest.mark.usefixtures("eager_threads")
def test_channels_refused_at_once_are_each_told_that_they_were_refused(transport: Transport) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = [answer for _ in range(ROUNDS) for answer in pool.map(opened, [transport] * AT_ONCE)]
    assert {type(answer) for answer in answers} == {paramiko.ChannelException}


def test_a_connection_that_has_ended_is_no_refusal(transport: Transport) -> None:
    transport.close()
    answer = opened(transport)
    assert answer is not None
    assert not isinstance(answer, paramiko.ChannelException)


class Silenced:
    """Carries bytes between two sockets until it is stopped, and then takes none: both stay open."""

    def __init__(self) -> None:
        self.ours, near = socket.socketpair()
        self.theirs, far = socket.socketpair()
        self.is_stopped = threading.Event()
        for source, sink in ((near, far), (far, near)):
            threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        # No timeout of the sockets': it would end a sendall in the middle, whose rest is lost.
        while not self.is_stopped.is_set():
            try:
                if select.select([source], [], [], 0.05)[0]:
                    carried = source.recv(1 << 16)
                    if not carried:
                        return
                    sink.sendall(carried)
            except (OSError, ValueError):
                return


class Open(Refusing):
    def check_channel_request(self, kind: str, chanid: int) -> int:  # noqa: ARG002
        return paramiko.common.OPEN_SUCCEEDED


@pytest.mark.parametrize("is_stopped", [True, False])
def test_an_end_that_is_silent_ends_what_waits_for_it_and_one_that_answers_is_left_alone(is_stopped: bool) -> None:
    line = Silenced()
    server = paramiko.Transport(line.theirs)
    server.add_server_key(paramiko.ECDSAKey.generate())
    server.start_server(event=threading.Event(), server=Open())
    client = Transport(line.ours)
    client.start_client(timeout=10)
    client.auth_none("anybody")
    channel, upload = client.open_session(), client.open_session()
    # A busy machine makes an end that lives wait half a second for its processor.
    client.watch(0.1, 0.5 if is_stopped else 1.5)
    if is_stopped:
        line.is_stopped.set()
    with ThreadPoolExecutor(2) as pool:
        reading = pool.submit(channel.recv, 1)
        # More than a window and all buffers between hold: it stands still.
        sending = pool.submit(upload.sendall, bytes(1 << 23))
        if is_stopped:
            assert reading.result(timeout=20) == b""
            with pytest.raises((OSError, EOFError)):
                sending.result(timeout=20)
            assert not client.is_active()
        else:
            with pytest.raises(TimeoutError):
                reading.result(timeout=3)
            assert client.is_active()
            client.close()
    server.close()
