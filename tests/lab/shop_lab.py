"""The real thing: lab hosts with their own kernels, the shop's images, and the shop deployed once a session.

The tests' lab has its own state folder and host numbers, so that it runs beside the lab a developer uses.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from lab.groups import after_group
from lab.onlookers import Seen, onlookers

ROOT = Path(__file__).resolve().parents[2]
INVENTORY = Path(__file__).parent / "inventory.yaml"
STACK = ROOT / "examples" / "shop" / "stack.yaml"
PASSWORD = "canary-Pa55word-of-the-tests"
HEALING_SECONDS = 240
"""An engine's restart, its tasks' start and half a minute of gossip, on a busy machine."""
SECRETS = (PASSWORD, "SWMTKN")
"""What nobody may see but those it is for: the database's password and the tokens to join."""


@dataclass(frozen=True)
class Lab:
    """The tests' lab and the command line, run as an operator runs it."""

    state: Path
    environment: dict[str, str] = field(repr=False)
    inventory: Path = INVENTORY

    def swarmkit(
        self, *arguments: str | Path, seconds: float = 600, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run ``swarmkit`` with *arguments* and return how it ended, both outputs as text."""
        command = [sys.executable, "-m", "swarmkit", *map(str, arguments)]
        return subprocess.run(
            command,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            cwd=ROOT,
        )

    def run(self, host: str, *command: str) -> str:
        """Run *command* on *host* and return what it printed; fail the test when it fails."""
        result = self.swarmkit("lab", "ssh", host, "--", *command)
        assert result.returncode == 0, f"{host}: {command}: {result.stdout}{result.stderr}"
        return result.stdout

    def up(self, inventory: Path | None = None) -> None:
        """Boot the hosts of an inventory, and wait until their engines answer."""
        result = self.swarmkit("lab", "up", "-i", inventory or self.inventory)
        assert result.returncode == 0, result.stdout + result.stderr


@dataclass(frozen=True)
class Shop:
    lab: Lab
    stack: Path
    images: Path
    first_up: subprocess.CompletedProcess[str]
    seen: Seen
    """What could be seen in process lists during the first up: see SECRETS."""
    url: str = "http://127.88.0.31:8080"

    @property
    def declared(self) -> list[str | Path]:
        return ["-i", self.lab.inventory, "-f", self.stack, "--stack", "shop"]

    @property
    def arguments(self) -> list[str | Path]:
        return [*self.declared, "--images", self.images]

    def up(self) -> subprocess.CompletedProcess[str]:
        return self.lab.swarmkit("up", "--yes", *self.arguments)

    def wait_until_proved(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Wait until a fault's end has healed what it did, and return what verify found then, by code and place.

        What lost its peers for a while is not there at once: the backend, without its database, becomes unhealthy,
        is ended and made anew.
        """
        deadline = time.monotonic() + HEALING_SECONDS
        while (said := self.lab.swarmkit("verify", *self.declared, "--json")).returncode:
            assert time.monotonic() < deadline, said.stdout + said.stderr
            time.sleep(2)
        return {(one["code"], one["where"]): one for one in json.loads(said.stdout)["findings"]}


@pytest.fixture(scope="session")
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Hosts A, B and C, booted and bare; ended after the last test of their group."""
    state = tmp_path_factory.mktemp("state")
    environment = {**os.environ, "XDG_STATE_HOME": str(state)}
    environment.pop("SWARMKIT_INVENTORY", None)
    made = Lab(state / "swarmkit" / "lab", environment)
    after_group(request, lambda: made.swarmkit("lab", "down"))
    try:
        made.up()
        yield made
    finally:
        made.swarmkit("lab", "down")


@pytest.fixture(scope="session")
def images() -> Path:
    """The folder with the shop's images, built if they are not there."""
    subprocess.run([ROOT / "examples" / "shop" / "build-images"], check=True, capture_output=True)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "swarmkit" / "images"


@pytest.fixture(scope="session")
def deployed_shop(lab: Lab, images: Path, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The shop, brought from bare hosts to proved by one ``swarmkit up``."""
    folder = tmp_path_factory.mktemp("shop")
    stack = Path(shutil.copy(STACK, folder / "stack.yaml"))
    password = folder / "db_password.txt"
    password.write_text(PASSWORD)
    password.chmod(0o600)
    arguments = ("-i", lab.inventory, "-f", stack, "--stack", "shop", "--images", images)
    with onlookers(lab, "ABC", SECRETS) as seen:
        first = lab.swarmkit("up", "--yes", *arguments)
        assert first.returncode == 0, first.stdout + first.stderr
    return Shop(lab, stack, images, first, seen)


@pytest.fixture
def shop_url(deployed_shop: Shop) -> str:
    return deployed_shop.url
