"""Bad input ends with 2, all complaints at once, and nothing contacted; every command says what it is for."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from swarmkit.cli.main import COMMANDS, cli
from swarmkit.errors import InputError


def swarmkit(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from swarmkit.cli.main import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A socket that stands for every host's sshd."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.3)
        yield server


def write_files(folder: Path, port: int, *, inventory: str = "", stack: str = "") -> tuple[str, str]:
    (folder / "inventory.yaml").write_text(
        f"managers:\n  hosts:\n    A:\n      ansible_host: 127.0.0.1\n      ansible_port: {port}\n"
        f"      swarm_advertise_addr: 192.0.2.1\n      swarm_known_hosts: {folder}/known_hosts\n{inventory}"
    )
    (folder / "stack.yaml").write_text(f"services:\n  web:\n    image: web:1\n{stack}")
    return str(folder / "inventory.yaml"), str(folder / "stack.yaml")


def test_bad_inventory_and_bad_stack_are_told_together_and_nothing_is_contacted(
    listener: socket.socket, tmp_path: Path
) -> None:
    inventory, stack = write_files(
        tmp_path,
        listener.getsockname()[1],
        inventory="      swarm_availability: sometimes\n      ansible_pasword: x\n",
        stack="    mem_limit: 5m\n    depends_on: [absent]\n",
    )
    for command in ("up", "plan"):
        done = swarmkit(command, "-i", inventory, "-f", stack)
        assert done.returncode == 2
        assert done.stdout == ""
        places = re.findall(r"\b[BH]\d\d (\S+):(\d+):\d+ ", done.stderr)
        assert {Path(file).name for file, _ in places} == {"inventory.yaml", "stack.yaml"}
        lines = {(Path(file).name, int(line)) for file, line in places}
        assert {("inventory.yaml", 8), ("stack.yaml", 4), ("stack.yaml", 5)} <= lines
    with pytest.raises(TimeoutError):
        listener.accept()


def test_good_input_does_contact_the_hosts(listener: socket.socket, tmp_path: Path) -> None:
    inventory, stack = write_files(tmp_path, listener.getsockname()[1])
    command = [sys.executable, "-c", "from swarmkit.cli.main import main; main()", "plan", "-i", inventory, "-f", stack]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        listener.settimeout(30)
        connection, (address, _) = listener.accept()
        connection.close()
        assert address == "127.0.0.1"
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("version", ["; rm -rf x", "$(id)", "latest", "-1", "28 ", ""])
def test_an_engine_version_that_is_none_is_refused_before_a_host_is_asked(
    listener: socket.socket, tmp_path: Path, version: str
) -> None:
    inventory, _ = write_files(tmp_path, listener.getsockname()[1])
    done = swarmkit("engine", "upgrade", "--yes", "-i", inventory, "--version", version)
    assert done.returncode == 2
    assert f"{version!r} is no version of a package" in done.stderr
    with pytest.raises(TimeoutError):
        listener.accept()


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("slow", "A"), "a bad line needs a delay or a loss"),
        (("slow", "A", "--reorder", "5"), "a bad line needs a delay or a loss"),
        (("skew", "A", "inf"), "inf s is no time to be off by"),
    ],
)
def test_a_fault_that_is_none_is_bad_input(arguments: tuple[str, ...], what: str) -> None:
    done = swarmkit("lab", "fault", *arguments)
    assert (done.returncode, what in done.stderr) == (2, True), done.stderr


def test_a_host_that_refuses_connections_is_unreachable(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    inventory, _ = write_files(tmp_path, port)
    done = swarmkit("status", "-i", inventory)
    assert done.returncode == 3
    assert f"A: cannot reach 127.0.0.1 port {port}" in done.stderr


def test_a_missing_inventory_is_bad_input(tmp_path: Path) -> None:
    done = swarmkit("status", "-i", str(tmp_path / "absent.yaml"))
    assert done.returncode == 2
    assert "no such file" in done.stderr


@pytest.mark.parametrize("value", ["-1", "abc", "0", "nan"])
def test_a_timeout_that_is_no_time_is_bad_input(value: str) -> None:
    result = CliRunner().invoke(cli, ["up", "-i", "x.yaml", "--timeout", value])
    assert result.exit_code == 2
    assert "B49" in result.output


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_command_says_what_it_is_for(command: str) -> None:
    result = CliRunner().invoke(cli, [command, "--help"])
    assert result.exit_code == 0, result.output
    assert "Usage:" in result.output
    assert result.output.count("\n") > 5


@pytest.mark.parametrize("command", ["up", "plan", "verify", "status", "doctor", "rollback"])
def test_help_tells_every_exit_code_that_a_command_can_end_with(command: str) -> None:
    said = " ".join(CliRunner().invoke(cli, [command, "--help"]).output.split())
    told = said.partition("Exit codes:")[2]
    codes = {"0", "1", "2", "3", "130", "143"} | ({"4"} if command in ("up", "verify", "doctor", "rollback") else set())
    assert codes <= set(re.findall(r"\b\d+\b", told)), told


@pytest.mark.parametrize("command", ["up", "plan", "verify"])
def test_help_tells_where_a_stack_has_its_name_from(command: str) -> None:
    said = " ".join(CliRunner().invoke(cli, [command, "--help"]).output.split())
    assert "Without it: the stack file's name:, else what the file is called" in said


@pytest.mark.parametrize(("words", "near"), [(("--only", "h633"), "H63"), (("--explain", "V277"), "V27")])
def test_an_unknown_code_is_answered_with_the_near_ones_and_where_all_are(words: tuple[str, str], near: str) -> None:
    said = CliRunner().invoke(cli, ["doctor", "-i", "x.yaml", *words])
    assert said.exit_code == 2
    assert near in said.output
    assert "swarmkit doctor --explain all" in said.output
    assert said.output.count(",") < 6, "not all of them"


def test_a_doctor_that_would_check_nothing_is_refused() -> None:
    words = ["--only", "H06", "--only", "H04", "--skip", "H04", "--skip", "H06"]
    said = CliRunner().invoke(cli, ["doctor", "-i", "x.yaml", *words])
    assert said.exit_code == 2
    assert "nothing would be checked" in said.output


def test_all_codes_are_listed_with_their_titles() -> None:
    lines = CliRunner().invoke(cli, ["doctor", "--explain", "all"]).output.splitlines()
    assert "V00  A manager tells of the cluster" in lines
    assert len(lines) > 90


def test_a_folder_of_images_that_is_not_there_is_told_with_what_makes_an_archive(tmp_path: Path) -> None:
    inventory, stack = write_files(tmp_path, 22)
    said = swarmkit("up", "-i", inventory, "-f", stack, "--images", str(tmp_path / "none"))
    assert said.returncode == 2
    assert "docker save IMAGE -o FOLDER/NAME.tar" in said.stderr


def test_the_entry_imports_no_library_of_hosts() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "import swarmkit.cli.main"],
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "click" in imported
    assert imported.isdisjoint({"paramiko", "docker", "fabric", "rich", "pydantic", "ruamel", "yaml"})


def test_the_managers_history_takes_an_inventory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SWARMKIT_INVENTORY", raising=False)
    said = swarmkit("history", "--cluster")
    assert said.returncode == 2
    assert "-i FILE" in said.stderr


@pytest.mark.parametrize(
    "words", [("skew", "A", "soon"), ("fill-disk", "A", "--left", "-1"), ("slow", "A", "--loss", "101")]
)
def test_faults_with_impossible_numbers_end_with_2(words: tuple[str, ...]) -> None:
    assert swarmkit("lab", "fault", *words).returncode == 2


def test_a_rehearsal_without_the_images_is_refused_before_anything_is_contacted_or_built(
    listener: socket.socket, tmp_path: Path
) -> None:
    inventory, stack = write_files(tmp_path, listener.getsockname()[1])
    done = swarmkit("rehearse", "--live", "-i", inventory, "-f", stack)
    assert done.returncode == 2
    assert "the twin reaches no registry, and there is no file of web:1" in done.stderr
    assert "--images DIR" in done.stderr
    with pytest.raises(TimeoutError):
        listener.accept()


def test_a_volume_to_start_empty_that_there_is_not_is_told_before_anything_is_contacted(
    listener: socket.socket, tmp_path: Path
) -> None:
    declared = "    volumes: ['data:/data']\nvolumes: {data: {}}\n"
    inventory, stack = write_files(tmp_path, listener.getsockname()[1], stack=declared)
    for command in (("rebuild",), ("rehearse", "--live")):
        done = swarmkit(*command, "-i", inventory, "-f", stack, "--stack", "shop", "--init-empty", "shop_dta")
        assert done.returncode == 2
        assert "no volume shop_dta in the stack" in done.stderr
        assert "there are: shop_data" in done.stderr
    with pytest.raises(TimeoutError):
        listener.accept()


def test_a_variable_that_is_not_set_is_told_beside_the_error_that_comes_of_it(tmp_path: Path) -> None:
    paths = write_files(tmp_path, 1, stack="    deploy: {replicas: '${COUNT_NOT_SET}'}\n")
    done = swarmkit("plan", "-i", paths[0], "-f", paths[1])
    assert done.returncode == 2
    assert "replicas" in done.stderr
    assert re.search(r"warning: \w+ \S*stack.yaml:4\S* .*COUNT_NOT_SET", " ".join(done.stderr.split())), done.stderr
    (tmp_path / "inventory.yaml").write_text("nonsense: [\n")
    (tmp_path / "stack.yaml").write_text("services: {web: {image: 'web:1', hostname: \"${NAME_NOT_SET}\"}}\n")
    assert "NAME_NOT_SET" in swarmkit("plan", "-i", paths[0], "-f", paths[1]).stderr


def test_a_backup_that_is_not_there_is_told_before_its_key_is_asked_for(tmp_path: Path) -> None:
    missing = tmp_path / "swarm.backup"
    result = CliRunner().invoke(cli, ["backup", "verify", str(missing)])
    assert isinstance(result.exception, InputError)
    assert str(result.exception).startswith(f"no backup {missing}")


def test_a_folder_without_backups_is_told_beside_an_empty_list(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["backup", "ls", str(tmp_path)])
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", f"no backup in {tmp_path}\n")


def test_a_backup_of_files_that_can_be_read_once_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    """- was read for the plan and then looked for as a file; a pipe was in the backup as an empty inventory."""
    inventory, stack = write_files(tmp_path, 1)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for files in (["-i", inventory, "-f", "-"], ["-i", str(pipe), "-f", stack]):
        done = swarmkit("backup", "take", *files, "-o", str(tmp_path), "--recipient", "age1x")
        assert done.returncode == 2
        assert f"{files[-1] if files[-1] == '-' else pipe}: no regular file" in done.stderr
