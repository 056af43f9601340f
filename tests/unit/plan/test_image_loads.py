"""Images whose load a power cut ended: an engine lists them, and takes up their layers, with empty files."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from fakes.cluster import Refused
from fakes.running import run_once
from fakes.swarm import FakeFleet, FakeShell, write_archive

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.image_archive import ImageArchive
from swarmkit.errors import SwarmkitError
from swarmkit.observed.observe import observe
from swarmkit.plan.context import Context
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Step
from swarmkit.plan.progress import Silent
from swarmkit.plan.stacks import image_loads
from swarmkit.plan.stacks.operations import SendImage
from swarmkit.reach.ssh import CommandResult

BOOT = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
IMAGE, OTHER = "sha256:1", "sha256:2"


def on_host(script: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run one of the scripts here, as a host does."""
    return subprocess.run(["sh", "-c", script, "sh", *words], capture_output=True, text=True, check=False, timeout=60)


def note(folder: Path, image: str = IMAGE, there: str = "") -> str:
    return on_host(image_loads._NOTE, str(folder), image, "shop/db:1", there).stdout


def settle(folder: Path, image: str = IMAGE) -> int:
    return on_host(image_loads._SETTLE, str(folder), image, str(folder)).returncode


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "swarmkit" / "loads"


def test_a_load_is_noted_until_it_is_on_the_disk(folder: Path) -> None:
    assert note(folder) == ""
    assert (folder / IMAGE).read_text() == f"{BOOT} shop/db:1\n"
    assert settle(folder) == 0
    assert list(folder.iterdir()) == []


def test_a_load_that_was_killed_is_not_taken_for_one_whose_power_was_cut(folder: Path) -> None:
    note(folder, OTHER)
    assert note(folder) == ""


@pytest.mark.parametrize("left", ["another-boot shop/db:1\n", ""])
def test_a_load_whose_power_was_cut_is_told_until_that_image_lies_there_whole(folder: Path, left: str) -> None:
    folder.mkdir(parents=True)
    (folder / IMAGE).write_text(left)
    told = note(folder, OTHER)
    assert told.split() == [IMAGE, *left.split()[1:]]
    settle(folder, OTHER)
    assert note(folder) == told
    settle(folder)
    assert note(folder) == ""


def test_nothing_is_noted_of_an_image_that_is_there(folder: Path) -> None:
    assert note(folder, there="there") == ""
    assert list(folder.iterdir()) == []
    assert settle(folder) == 0


@pytest.fixture
def archive(tmp_path: Path) -> ImageArchive:
    path = tmp_path / "db.tar"
    return ImageArchive(path, write_archive(path, "shop/db:1"), ("shop/db:1",), path.stat().st_size)


def told_of_cuts(fleet: FakeFleet, *cut: str, settled: list[str]) -> None:
    """Let A say that the power cut the loads of the images *cut*; notes which ones it is told to settle."""
    shell = fleet["A"].shell
    assert isinstance(shell, FakeShell)

    def answer(script: str, words: tuple[str, ...]) -> CommandResult:
        if script == image_loads._NOTE:
            return CommandResult(0, "".join(f"{one} shop/other:1\n" for one in cut), "")
        settled.append(words[1])
        return CommandResult(0, "", "")

    shell.answer = answer


def written(fleet: FakeFleet) -> list[str]:
    """Return what will be asked of A's engine: its loads and removals, in order."""
    asked: list[str] = []

    def around(action: str, write: Any) -> Any:
        asked.append(action)
        return write()

    fleet.engine("A").intercept = around
    return asked


def send(fleet: FakeFleet, archive: ImageArchive) -> str:
    operation = SendImage(Step("image", "image", "create", "A", "send image shop/db:1"), "A", archive)
    return operation.run(Context(fleet, Silent(), "A"))


def test_an_image_is_sent_once_and_settled(fleet: FakeFleet, archive: ImageArchive) -> None:
    settled: list[str] = []
    told_of_cuts(fleet, settled=settled)
    asked = written(fleet)
    assert send(fleet, archive) == "0 MB"
    assert (asked, settled) == (["load an image"], [archive.image_id])


def test_after_a_cut_the_layers_that_it_left_are_taken_up_and_removed_before_the_image_is_loaded(
    fleet: FakeFleet, archive: ImageArchive
) -> None:
    settled: list[str] = []
    told_of_cuts(fleet, OTHER, archive.image_id, settled=settled)
    fleet.engine("A").images |= {OTHER: ["shop/other:1"], archive.image_id: ["shop/db:1"], "sha256:whole": ["x:1"]}
    asked = written(fleet)
    assert "twice, as the power was cut" in send(fleet, archive)
    removed = ["remove image shop/other:1", "remove image shop/db:1"]
    assert asked == [*removed, "load an image", "remove image shop/db:1", "load an image"]
    assert fleet.engine("A").images == {archive.image_id: ["shop/db:1"], "sha256:whole": ["x:1"]}
    assert settled == [archive.image_id]


def test_an_engine_that_fails_over_what_a_cut_left_is_sent_the_image_again(
    fleet: FakeFleet, archive: ImageArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    told_of_cuts(fleet, OTHER, settled=[])
    engine, loads = fleet.engine("A"), [1, 2]
    load = engine.load_image

    def broken_at_first(chunks: Iterable[bytes], timeout_seconds: float) -> str:
        if loads.pop(0) == 1:
            raise Refused(500, "error creating overlay mount: no such file or directory").at("A", "load an image")
        return load(chunks, timeout_seconds)

    monkeypatch.setattr(engine, "load_image", broken_at_first)
    send(fleet, archive)
    assert list(engine.images) == [archive.image_id]


def test_an_image_that_is_whole_is_not_removed_for_the_cut_of_another(fleet: FakeFleet, archive: ImageArchive) -> None:
    told_of_cuts(fleet, OTHER, settled=[])
    fleet.engine("A").images[archive.image_id] = ["shop/db:older-name"]
    asked = written(fleet)
    send(fleet, archive)
    assert asked == ["load an image"]


def test_a_cut_image_that_a_container_uses_is_told_with_what_to_do(fleet: FakeFleet, archive: ImageArchive) -> None:
    told_of_cuts(fleet, archive.image_id, settled=[])
    engine = fleet.engine("A")
    engine.images[archive.image_id] = ["shop/db:1"]

    def around(action: str, write: Any) -> Any:
        if action.startswith("remove"):
            raise Refused(409, "conflict: container 1a2b is using its referenced image").at("A", action)
        return write()

    engine.intercept = around
    with pytest.raises(SwarmkitError, match="shop/db:1 has to be sent anew") as told:
        send(fleet, archive)
    assert "remove the containers that use it" in told.value.to_do


def test_an_image_that_cannot_be_written_to_the_disk_is_no_image_that_was_sent(
    fleet: FakeFleet, archive: ImageArchive
) -> None:
    shell = fleet["A"].shell
    assert isinstance(shell, FakeShell)
    shell.answer = lambda script, _: CommandResult(int(script == image_loads._SETTLE), "", "Input/output error")
    with pytest.raises(SwarmkitError, match="may not be on the disk yet"):
        send(fleet, archive)


def test_up_takes_an_image_whose_load_did_not_end_for_one_that_is_not_there(fleet: FakeFleet, tmp_path: Path) -> None:
    run_once(fleet, Declared(Inventory(tmp_path / "i.yaml", "prod", tuple(one.host for one in fleet.values()))))
    fleet.engine("B").images |= {IMAGE: ["shop/db:1"], OTHER: ["shop/web:1"]}
    fleet.machine("B").loads[IMAGE] = f"{BOOT} shop/db:1"
    assert observe(fleet, kernel="never").hosts["B"].engine.images == {OTHER: ("shop/web:1",)}
    # In the containerd store an image has another ID, and its tag has to do.
    fleet.engine("B").info_changes["DriverStatus"] = [["driver-type", "io.containerd.snapshotter.v1"]]
    fleet.machine("B").loads = {"sha256:other-number": f"{BOOT} shop/web:1"}
    assert observe(fleet, kernel="never").hosts["B"].engine.images == {IMAGE: ("shop/db:1",)}
