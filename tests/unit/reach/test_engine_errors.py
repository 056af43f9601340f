"""What is said of an engine that does not answer: the cause, not the libraries' tuples around it."""

from __future__ import annotations

import http.client

import pytest
import requests
import urllib3

from swarmkit.reach.ssh_engine import cause_of

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
