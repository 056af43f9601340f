"""OpenSSH's own sshd on loopback addresses of this machine, without a lab."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

SSHD = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin") or "/usr/sbin/sshd"
BANNER_SECONDS = 10


def make_key(file: Path, passphrase: str = "") -> Path:
    subprocess.run(["ssh-keygen", "-q", "-a", "1", "-t", "ed25519", "-N", passphrase, "-f", str(file)], check=True)
    return file


class Sshd:
    """One sshd on a loopback address of its own, with its own host key; logs to a file beside its key."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder, self.address = folder, address
        folder.mkdir()
        self.host_key = make_key(folder / "host_key")
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, login_key: Path) -> None:
        if not self.port:
            with socket.create_server((self.address, 0)) as free:
                self.port = free.getsockname()[1]
        config = self.folder / "sshd_config"
        config.write_text(
            f"ListenAddress {self.address}\nHostKey {self.host_key}\nAuthorizedKeysFile {login_key}.pub\nPidFile none\n"
            "LogLevel VERBOSE\nStrictModes no\nUsePAM no\nPermitRootLogin prohibit-password\nAllowTcpForwarding yes\n"
        )
        log = str(self.folder / "log")
        self._process = subprocess.Popen([SSHD, "-D", "-p", str(self.port), "-f", str(config), "-E", log])
        deadline = time.monotonic() + BANNER_SECONDS
        while not self._greets():
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.05)

    def _greets(self) -> bool:
        try:
            with socket.create_connection((self.address, self.port), timeout=1) as connection:
                return connection.recv(4) == b"SSH-"
        except OSError:
            return False

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(timeout=10)
            self._process = None
