from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from swarmkit.cli import options
from swarmkit.cli.main import cli
from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.errors import InputError
from swarmkit.workflows.node import host_of


@click.command()
@options.inventory_option
@options.stack_files_option
@options.stack_name_option
@options.json_option
@options.yes_option
@options.ask_become_pass_option
@options.allow_even_managers_option
@options.timeout_option
def command(**values: object) -> None:
    print(values)


def run(*arguments: str, environment: dict[str, str] | None = None) -> tuple[int, str]:
    result = CliRunner(env=environment).invoke(command, arguments)
    return result.exit_code, result.output


def test_inventory_is_required() -> None:
    code, output = run()
    assert code == 2
    assert "--inventory" in output


def test_inventory_may_come_from_the_environment() -> None:
    code, output = run(environment={"SWARMKIT_INVENTORY": "lab.yaml"})
    assert code == 0
    assert "lab.yaml" in output


@pytest.mark.parametrize("value", ["-1", "0", "abc", "nan", "inf", "", "99999999999999999"])
def test_timeout_must_be_a_positive_number(value: str) -> None:
    code, output = run("-i", "x", "--timeout", value)
    assert code == 2
    assert "B49" in output


def test_timeout_is_a_number_of_seconds_with_a_default() -> None:
    assert "'timeout_seconds': 300.0" in run("-i", "x")[1]
    assert "'timeout_seconds': 1.5" in run("-i", "x", "--timeout", "1.5")[1]


def write_password(path: Path, content: bytes, mode: int) -> None:
    path.write_bytes(content)
    path.chmod(mode)


def test_sudo_password_comes_from_a_private_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_password(tmp_path / "p", b"swordfish\n", 0o600)
    monkeypatch.setenv(options.PASSWORD_FILE_VARIABLE, str(tmp_path / "p"))
    password = options.sudo_password(ask=False)
    assert password is not None
    assert password.text() == "swordfish"


@pytest.mark.parametrize(("content", "mode"), [(b"swordfish", 0o640), (b"", 0o600), (b"one\ntwo\n", 0o600)])
def test_unfit_password_files_are_refused_without_their_content(
    content: bytes, mode: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_password(tmp_path / "p", content, mode)
    monkeypatch.setenv(options.PASSWORD_FILE_VARIABLE, str(tmp_path / "p"))
    with pytest.raises(InputError) as caught:
        options.sudo_password(ask=False)
    assert "swordfish" not in str(caught.value)


def test_absent_password_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(options.PASSWORD_FILE_VARIABLE, str(tmp_path / "p"))
    with pytest.raises(InputError, match="cannot read"):
        options.sudo_password(ask=False)


def test_no_password_is_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(options.PASSWORD_FILE_VARIABLE, raising=False)
    assert options.sudo_password(ask=False) is None


def test_confirmation_without_a_terminal_is_refused_unless_given_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert options.confirmed("remove it?", yes=True)
    with pytest.raises(InputError, match="remove it"):
        options.confirmed("remove it?", yes=False)


def test_a_manager_of_a_backup_may_be_named_where_the_inventory_has_it_no_more() -> None:
    inventory = Inventory(Path("i.yaml"), "prod", (Host("A", "192.0.2.1", "manager"),))
    options.check_hosts(inventory, ("A", "B"), backed_up=["A", "B"])
    with pytest.raises(InputError, match="no host C in the inventory or among the backup's managers") as caught:
        options.check_hosts(inventory, ("C",), backed_up=["A", "B"])
    assert caught.value.to_do == "there are: A, B"
    with pytest.raises(InputError, match=r"no host B in the inventory\n"):
        options.check_hosts(inventory, ("B",))


def test_an_absent_host_is_told_as_such_and_not_as_none_of_the_inventory() -> None:
    hosts = (Host("A", "192.0.2.1", "manager"),)
    inventory = Inventory(Path("i.yaml"), "prod", hosts, leaving=(Host("B", "192.0.2.2", "worker"),))
    with pytest.raises(InputError) as caught:
        options.check_hosts(inventory, ("B",))
    assert caught.value.to_do == "there are: A; with swarm_state: absent: B"
    with pytest.raises(InputError, match="host B has swarm_state: absent"):
        host_of(inventory, "B")


@pytest.mark.parametrize("command", ["doctor", "verify", "plan", "up"])
def test_the_name_of_a_stack_whose_file_is_not_given_is_refused_and_not_ignored(command: str) -> None:
    """All of the cluster was proved, as if it were that stack."""
    done = CliRunner().invoke(cli, [command, "-i", "no-such-file.yaml", "--stack", "shop"])
    assert done.exit_code == 2
    assert "--stack names the stack of a file: give it with -f" in done.output


def test_a_code_is_explained_without_its_zero_too() -> None:
    assert CliRunner().invoke(cli, ["doctor", "--explain", "h6"]).output.startswith("H06")
