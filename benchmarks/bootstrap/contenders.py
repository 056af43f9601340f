"""The ways to bring the shop up, each as one command that ends when all tasks run, or when that is proved."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab_hosts import DATA_ADDRESSES, HERE, INVENTORY, REPOSITORY, SSH_ADDRESSES, LabHosts

STACK = REPOSITORY / "examples" / "shop" / "stack.yaml"
PASSWORD_FILE = STACK.parent / "db_password.txt"
NAMES = {"a": "swarmkit up --no-verify", "b": "shell script", "c": "Ansible", "proved": "swarmkit up"}


def ensure_password() -> None:
    """Make the shop's password where no `make demo` has made one."""
    if not PASSWORD_FILE.exists():
        PASSWORD_FILE.touch(mode=0o600)
        PASSWORD_FILE.write_text(secrets.token_urlsafe(24))


@dataclass(frozen=True)
class Contenders:
    hosts: LabHosts
    images: Path
    ansible: Path
    """Folder of the virtual environment that has Ansible."""
    log: Path

    def bootstrap(self, way: str) -> float:
        """Run *way*, one of NAMES, and return its seconds."""
        ways = {"a": self.unproved_up, "b": self.shell_script, "c": self.playbook, "proved": self.swarmkit_up}
        return ways[way]()

    def swarmkit_up(self, *options: str) -> float:
        return self.swarmkit("up", "--yes", *options, "-f", str(STACK), "--images", str(self.images))

    def unproved_up(self) -> float:
        return self.swarmkit_up("--no-verify")

    def swarmkit(self, verb: str, *options: str) -> float:
        command = [str(self.hosts.swarmkit), verb, "-i", str(INVENTORY), *options]
        return self._seconds(command, self.hosts.environment)

    def help(self) -> float:
        return self._seconds([str(self.hosts.swarmkit), "--help"], self.hosts.environment)

    def shell_script(self) -> float:
        environment = {
            **os.environ,
            "KEY": str(self.hosts.key),
            "KNOWN_HOSTS": str(self.hosts.known_hosts),
            "PASSWORD_FILE": str(PASSWORD_FILE),
            **{f"SSH_{host}": address for host, address in SSH_ADDRESSES.items()},
            **{f"DATA_{host}": address for host, address in DATA_ADDRESSES.items()},
            **{f"IMAGE_{service.upper()}": image for service, image in self.hosts.image_ids().items()},
        }
        return self._seconds([str(HERE / "shell.sh")], environment)

    def playbook(self) -> float:
        values = {
            "lab_key": str(self.hosts.key),
            "lab_known_hosts": str(self.hosts.known_hosts),
            "password_file": str(PASSWORD_FILE),
            "images": self.hosts.image_ids(),
            "ansible_python_interpreter": str(self.ansible / "bin" / "python"),
        }
        program = str(self.ansible / "bin" / "ansible-playbook")
        with _sockets() as sockets:
            extra = json.dumps({**values, "sockets": str(sockets)})
            command = [program, "-i", str(INVENTORY), "-e", extra, str(HERE / "playbook.yaml")]
            return self._seconds(command, {**os.environ, "ANSIBLE_CONFIG": str(HERE / "ansible.cfg")})

    def _seconds(self, command: list[str], environment: dict[str, str]) -> float:
        with self.log.open("a") as log:
            log.write(f"\n$ {Path(command[0]).name}\n")
            log.flush()
            started = time.monotonic()
            ended = subprocess.run(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False
            )
            seconds = time.monotonic() - started
        if ended.returncode:
            sys.exit(f"{Path(command[0]).name} ended with {ended.returncode}, see {self.log}")
        return seconds


@contextmanager
def _sockets() -> Iterator[Path]:
    """Offer a folder for forwarded sockets, and close what forwards them at the end (not timed)."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        try:
            yield Path(folder)
        finally:
            for master in Path(folder).glob("*.master"):
                address = f"root@{SSH_ADDRESSES[master.stem]}"
                close = ["ssh", "-o", f"ControlPath={master}", "-O", "exit", address]
                subprocess.run(close, check=False, capture_output=True)


def install_ansible(folder: Path) -> None:
    """Make a virtual environment with Ansible in *folder*, unless it is there."""
    if (folder / "bin" / "ansible-playbook").exists():
        return
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = str(folder / "bin" / "pip")
    subprocess.run([pip, "install", "--quiet", "ansible", "docker"], check=True)
