"""The operator's link to one host, as a proxy that can be cut at any moment."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from faults.world import INVENTORY, World


class Link:
    """Carries TCP from a port of its own to *target* until it is cut."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._is_cut = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._target)
                self._open += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while (data := source.recv(1 << 16)) and not self._is_cut.is_set():
                sink.sendall(data)

    def cut(self) -> None:
        """Reset every connection, and take no more."""
        self._is_cut.set()
        self._listener.close()
        for end in self._open:
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                # shutdown wakes a thread that reads; closing alone would not.
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@contextmanager
def linked(world: World, host: str, address: str) -> Iterator[tuple[Link, Path]]:
    """Yield the link to *host*, and an inventory that reaches it by that link."""
    link = Link((address, 22))
    known = world.folder / "known_hosts"
    lines = (world.lab.state / "known_hosts").read_text()
    known.write_text(lines + "".join(
        f"[127.0.0.1]:{link.port} {line.split(maxsplit=1)[1]}\n" for line in lines.splitlines()
        if line.split(maxsplit=1)[0] == address
    ))  # fmt: skip
    text = INVENTORY.read_text().replace(
        f"ansible_host: {address}", f"ansible_host: 127.0.0.1\n          ansible_port: {link.port}"
    )
    path = world.folder / f"over-the-link-to-{host}.yaml"
    path.write_text(text.replace("${XDG_STATE_HOME:-~/.local/state}/swarmkit/lab/known_hosts", str(known)))
    try:
        yield link, path
    finally:
        link.cut()
