"""Channels to unix sockets over a real SSH transport, whose other end is paramiko's own server."""

from __future__ import annotations

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
