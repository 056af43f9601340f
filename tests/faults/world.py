"""The shop on three managers, runs of the tool that can be hurt, and the witness beside them."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from lab.shop_lab import ROOT, STACK, Lab

INVENTORY = Path(__file__).parent / "inventory.yaml"
HOSTS = {"S": "127.88.0.91", "T": "127.88.0.92", "U": "127.88.0.93"}
"""Frontend, backend and database: each of the three managers has one service."""
CANARY = "canary-Pa55word"
"""Begins every password of the world, so that one search finds the old ones and the new."""
FIRST_PASSWORD = f"{CANARY}-one"
PATIENCE_SECONDS = 900.0


class Run:
    """One run of the tool, watched line by line; *said* is what it wrote to stderr so far."""

    def __init__(self, command: Sequence[str], environment: dict[str, str], output: Path) -> None:
        self._output = output
        with output.open("wb") as stdout:
            self._process = subprocess.Popen(
                command, env=environment, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE,
                text=True,
            )  # fmt: skip
        self.said: list[str] = []
        self._told = threading.Condition()
        self._over = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stderr or ():
            with self._told:
                self.said.append(line.rstrip())
                self._told.notify_all()
        with self._told:
            self._over = True
            self._told.notify_all()

    def lines(self, count: int, after: str = "apply ...") -> bool:
        """Wait for *count* lines after the line *after*; tell whether they came before the run ended."""

        def there() -> bool:
            return after in self.said and len(self.said) - self.said.index(after) > count

        with self._told:
            assert self._told.wait_for(lambda: there() or self._over, PATIENCE_SECONDS), self.said
            return there()

    def says(self, text: str) -> bool:
        """Wait for a line with *text*; tell whether it came before the run ended."""

        def there() -> bool:
            return any(text in line for line in self.said)

        with self._told:
            assert self._told.wait_for(lambda: there() or self._over, PATIENCE_SECONDS), self.said
            return there()

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def end(self) -> subprocess.CompletedProcess[str]:
        """Wait for the run's end and return how it ended."""
        code = self._process.wait(PATIENCE_SECONDS)
        self._reader.join()
        return subprocess.CompletedProcess(self._process.args, code, self._output.read_text(), "\n".join(self.said))


@dataclass
class World:
    """The lab, the files the operator has, and every run so far."""

    lab: Lab
    folder: Path
    images: Path
    runs: list[subprocess.CompletedProcess[str]] = field(default_factory=list)
    note: str = "0"
    """What the stack file gives the backend as NOTE: another one is an update of its task."""
    counted: dict[str, int] = field(default_factory=dict)
    """Of the case that runs: orders that were acknowledged, and how many of them are lost, as check_orders has seen."""
    over: str = ""
    """A file of the operator's that is merged over the stack file, while there is one."""
    inventory: Path = INVENTORY
    """What the operator declares: all three are managers, or S alone is."""
    managers: str = "STU"

    @property
    def stack(self) -> Path:
        text = STACK.read_text()
        for seconds in ("20s", "35s", "90s"):
            text = text.replace(f"monitor: {seconds}", "monitor: 3s")
        path = self.folder / "stack.yaml"
        path.write_text(text.replace("DB_HOST: database", f"DB_HOST: database\n      NOTE: '{self.note}'"))
        return path

    @property
    def declared(self) -> list[str]:
        files = ["-f", str(self.stack)]
        if self.over:
            path = self.folder / "over.yaml"
            path.write_text(self.over)
            files += ["-f", str(path)]
        return ["-i", str(self.inventory), *files, "--stack", "shop"]

    @property
    def environment(self) -> dict[str, str]:
        return {**self.lab.environment, "TMPDIR": str(self.folder / "tmp")}

    def set_password(self, password: str) -> None:
        assert password.startswith(CANARY)
        path = self.folder / "db_password.txt"
        path.touch(mode=0o600)
        path.write_text(password)

    def start(self, *arguments: str, inventory: Path | None = None) -> Run:
        """Start ``swarmkit up`` and return while it runs."""
        options = [*arguments, "--yes", "-i", str(inventory or self.inventory), *self.declared[2:]]
        options += ["--images", str(self.images)]
        return self.start_command("up", *options)

    def start_command(self, *words: str) -> Run:
        """Start any command of the tool and return while it runs."""
        command = [sys.executable, "-m", "swarmkit", *words]
        return Run(command, self.environment, self.folder / f"output-{time.monotonic_ns()}")

    def finish(self, run: Run) -> subprocess.CompletedProcess[str]:
        """Wait for a run and keep how it ended."""
        self.runs.append(run.end())
        return self.runs[-1]

    def up(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.finish(self.start(*arguments))

    def recovered(self, since: float, *arguments: str) -> float:
        """Run ``up`` until it succeeds; return the seconds since the fault's end.

        It may end with 4 where the engine, once it hears the host again, takes back the update that the fault ended.
        """
        for _ in range(2):
            done = self.up(*arguments)
            if done.returncode != 4 or "run up again, which makes the update anew" not in done.stderr:
                break
        assert done.returncode == 0, done.stdout + done.stderr
        return round(time.time() - since, 1)

    def swarmkit(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        self.runs.append(self.lab.swarmkit(*arguments))
        return self.runs[-1]

    def fault(self, *words: str) -> None:
        """Do a fault of the lab's."""
        done = self.lab.swarmkit("lab", "fault", *words)
        assert done.returncode == 0, done.stderr

    def cut_power_of_all(self) -> float:
        """Cut the power of all hosts, with all on their disks; return when they had it again, once they have booted."""
        for host in HOSTS:
            self.lab.run(host, "sync")
        for host in HOSTS:
            self.fault("power-off", host)
        for host in reversed(HOSTS):
            self.fault("power-on", host)
        powered = time.time()
        self.lab.up()
        return powered

    def sql(self, query: str) -> list[str]:
        """Ask the database, on its own host."""
        container = "$(docker ps -q --filter label=com.docker.swarm.service.name=shop_database)"
        return self.lab.run("U", f'docker exec {container} psql -tA shop -c "{query}"').splitlines()


def where_backups_go(folder: Path) -> tuple[Path, tuple[str, ...]]:
    """Return a folder for backups, and the options that seal and open them."""
    key, backups = folder / "passphrase", folder / "backups"
    key.touch(mode=0o600)
    key.write_text("correct horse battery staple\n")
    backups.mkdir(mode=0o700)
    return backups, ("--passphrase-file", str(key))


@dataclass(frozen=True)
class Witness:
    """What the writer has noted."""

    run: str
    notes: Path

    @property
    def acknowledged(self) -> dict[str, float]:
        """Customer -> the moment of its acknowledgement."""
        lines = (line.split() for line in self.notes.read_text().splitlines())
        return {f"{self.run}-{number}": float(moment) for number, moment, status in lines if status == "201"}

    def acknowledged_since(self, moment: float) -> int:
        return sum(at > moment for at in self.acknowledged.values())

    def longest_silence(self) -> float:
        moments = sorted(self.acknowledged.values())
        return max((after - before for before, after in itertools.pairwise(moments)), default=0.0)

    def wait_for_order(self, seconds: float = 180) -> float:
        """Wait until an order that is placed from now on is acknowledged; return how long it took."""
        began = time.time()
        while not self.acknowledged_since(began):
            assert time.time() < began + seconds, f"no order was acknowledged in {seconds:g} s"
            time.sleep(0.2)
        return time.time() - began


@contextmanager
def witness(run: str, folder: Path) -> Iterator[Witness]:
    """Yield a writer of its own process that has had its first acknowledgement."""
    notes = folder / f"{run}.orders"
    notes.touch()
    command = [sys.executable, str(Path(__file__).parent / "writer.py"), run, str(notes), *HOSTS.values()]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
        try:
            seen = Witness(run, notes)
            seen.wait_for_order()
            yield seen
        finally:
            process.kill()


def processes_of(world: World) -> list[str]:
    """Return the command lines of this machine's processes that belong to the world, the lab's own left out."""
    mine = f"XDG_STATE_HOME={world.lab.environment['XDG_STATE_HOME']}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if mine in (entry / "environ").read_bytes().split(b"\0") and "swarmkit.lab.supervisor" not in words:
                found.append(words)
    return [words for words in found if "swarmkit" in words and str(os.getpid()) not in words]
