"""Looking for managers at addresses: the script itself, against listeners on this machine."""

from __future__ import annotations

import contextlib
import random
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.certificates import certificate_and_key
from fakes.swarm import fake_fleet

from swarmkit.declared.inventory.host import Host
from swarmkit.errors import SwarmkitError
from swarmkit.observed.manager_port import answering_managers
from swarmkit.reach.fleet import ReachedHost
from swarmkit.reach.ssh import CommandResult


class Here:
    """A host's shell that is this machine's."""

    def __init__(self, path: str | None = None) -> None:
        self.environment = {"PATH": path} if path is not None else None

    def run(self, script: str, arguments: tuple[str, ...], *, timeout_seconds: float, root: bool) -> CommandResult:
        assert not root
        done = subprocess.run(["/bin/sh", "-s", "--", *arguments], input=script, text=True, capture_output=True,
                              timeout=timeout_seconds, env=self.environment, check=False)  # fmt: skip
        return CommandResult(done.returncode, done.stdout, done.stderr)


def asked_from_here(path: str | None = None) -> ReachedHost:
    reached = fake_fleet([Host("A", "10.88.0.11", "manager")])["A"]
    object.__setattr__(reached, "shell", Here(path))
    return reached


@contextlib.contextmanager
def listening(context: ssl.SSLContext | None) -> Iterator[str]:
    """Listen as a manager, or as one that says nothing; yield the address."""
    address = f"127.{random.randint(20, 250)}.{random.randint(1, 250)}.{random.randint(1, 250)}"
    with socket.create_server((address, 2377)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    # Like a manager, which wants a certificate of its swarm for all but a join.
                    with contextlib.suppress(OSError), connection:
                        if context:
                            context.wrap_socket(connection, server_side=True).close()

        threading.Thread(target=serve, daemon=True).start()
        yield address
        server.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def of_cluster(tmp_path: Path) -> ssl.SSLContext:
    certificate, key = certificate_and_key("c1", "swarm-manager", "n1")
    (tmp_path / "node.crt").write_text(certificate)
    (tmp_path / "node.key").write_text(key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2"])
    context.load_cert_chain(tmp_path / "node.crt", tmp_path / "node.key")
    return context


def test_who_listens_is_told_with_the_cluster_that_its_certificate_names(of_cluster: ssl.SSLContext) -> None:
    with listening(of_cluster) as manager, listening(None) as other:
        nobody = "127.19.1.1"
        assert answering_managers(asked_from_here(), [manager, nobody, other]) == {manager: "c1", other: ""}


def test_a_manager_is_heard_where_openssl_is_not_installed(of_cluster: ssl.SSLContext, tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("bash", "timeout", "sed", "tr"):
        (tools / tool).symlink_to(subprocess.check_output(["which", tool], text=True).strip())
    with listening(of_cluster) as manager:
        assert answering_managers(asked_from_here(str(tools)), [manager]) == {manager: ""}


def test_a_host_without_the_means_is_no_host_where_nobody_answers(tmp_path: Path) -> None:
    with pytest.raises(SwarmkitError, match=r"A: cannot ask whether managers live at 127\.19\.1\.1"):
        answering_managers(asked_from_here(str(tmp_path)), ["127.19.1.1"])
