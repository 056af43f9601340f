"""Start hosts: their images, their identities, the supervisor, and then they themselves."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from swarmkit.errors import SwarmkitError
from swarmkit.lab import control
from swarmkit.lab.hosts import LabHost
from swarmkit.lab.identity import prepare_identities
from swarmkit.lab.image.disk import Image, Tell, ensure_image
from swarmkit.lab.places import HostPlaces, Places


def start(places: Places, hosts: Sequence[LabHost], tell: Tell) -> None:
    """Have the supervisor boot *hosts*, after making what they need: images, identities, a supervisor."""
    for host in hosts:
        _refuse_taken_address(host)
    images = {engine: ensure_image(places.cache, engine, tell) for engine in sorted({host.engine for host in hosts})}
    prepare_identities(places, hosts)
    for host in hosts:
        _refresh_stale_disk(places.host(host.name), host, images[host.engine], tell)
    _ensure_supervisor(places)
    boots = [
        {"host": asdict(host), "base": str(images[host.engine].disk), "kernel": str(images[host.engine].kernel)}
        for host in hosts
    ]
    for name in control.ask(places.state, "start", boots=boots).result:
        tell(f"{name}: booting")


def _refuse_taken_address(host: LabHost) -> None:
    with socket.socket() as probe:
        # As the supervisor will: connections that a lab left in TIME-WAIT do not hold the address.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.address, host.ssh_port))
        except OSError as error:
            raise SwarmkitError(
                f"{host.name}: the lab cannot listen on {host.address}:{host.ssh_port}",
                f"{error.strerror}: another lab (another XDG_STATE_HOME) or another program may be there",
                "end that one (`ss -ltnp` names it), or give the host another number; where your own sshd has port 22 "
                "of every address: write ansible_port: 2222 for the hosts",
            ) from error


def _refresh_stale_disk(files: HostPlaces, host: LabHost, image: Image, tell: Tell) -> None:
    # A copy-on-write file remembers its base's time and size, and boots on nothing else.
    facts = image.disk.stat()
    base = f"{image.disk} {facts.st_size} {facts.st_mtime_ns}\n"
    if files.disk.exists() and (not files.disk_base.exists() or files.disk_base.read_text() != base):
        tell(f"{host.name}: its disk was made from another image, it starts on a fresh one")
        files.disk.unlink()
    files.disk_base.write_text(base)


def _ensure_supervisor(places: Places) -> None:
    if not control.is_supervised(places.state):
        package_home = str(Path(__file__).parents[2])
        path = os.pathsep.join(filter(None, [package_home, os.environ.get("PYTHONPATH", "")]))
        # Without root it is root of a user namespace only: enough for a network namespace and its taps.
        as_root = [] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--"]
        with places.supervisor_log.open("ab") as log:
            # setsid --fork: it is nobody's child and in no terminal's session, so it outlives this command.
            command = ["setsid", "--fork", *as_root, sys.executable, "-m", "swarmkit.lab.supervisor", str(places.state)]
            subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env={**os.environ, "PYTHONPATH": path},
                check=True,
            )
    deadline = time.monotonic() + 15
    while not _answers(places):
        if time.monotonic() > deadline:
            words = places.supervisor_log.read_text(errors="replace")[-800:]
            raise SwarmkitError("the lab's supervisor does not answer", words, f"see {places.supervisor_log}")
        time.sleep(0.02)


def _answers(places: Places) -> bool:
    if not control.is_supervised(places.state):
        return False
    try:
        control.ask(places.state, "status", timeout_seconds=5)
    except (OSError, control.NoAnswerError):
        return False
    return True
