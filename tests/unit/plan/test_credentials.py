import errno
import stat
from pathlib import Path

import pytest
from fakes.running import run_once
from fakes.swarm import FakeFleet, fake_fleet

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.errors import NotConvergedError, SwarmkitError, UnreachableError
from swarmkit.observed.observe import observe
from swarmkit.plan.apply import apply
from swarmkit.plan.context import Context
from swarmkit.plan.credentials.operations import KeyFile
from swarmkit.plan.credentials.plans import Change, credential_plan, unlock_plan
from swarmkit.plan.declaration import Declared
from swarmkit.plan.engines import started_engine
from swarmkit.plan.model import Plan
from swarmkit.plan.progress import Silent
from swarmkit.reach.ssh import CommandResult
from swarmkit.secret import Secret

HOSTS = tuple(Host(name, f"10.88.0.{number}", "manager") for number, name in enumerate("ABC", 11))
INVENTORY = Inventory(Path("inventory.yaml"), "prod", HOSTS)


@pytest.fixture
def made() -> FakeFleet:
    fleet = fake_fleet(INVENTORY)
    run_once(fleet, Declared(INVENTORY))
    return fleet


def planned(fleet: FakeFleet, change: Change, key_file: Path | None = None) -> Plan:
    kept = KeyFile(key_file) if key_file else None
    return credential_plan(INVENTORY, observe(fleet, kernel="never"), change, kept)


def run(fleet: FakeFleet, plan: Plan) -> list[str]:
    outcomes = apply(plan, Context(fleet, Silent(), "A")).outcomes.values()
    return [outcome.status for outcome in outcomes]


def test_rotated_tokens_are_others(made: FakeFleet) -> None:
    old = dict(made.cluster.tokens)
    assert run(made, planned(made, "tokens")) == ["done"]
    assert all(made.cluster.tokens[role] != token for role, token in old.items())


def test_tokens_that_stayed_the_same_are_no_success(made: FakeFleet) -> None:
    made.intercept(lambda *_: None)
    assert run(made, planned(made, "tokens")) == ["failed"]


def test_a_rotated_ca_is_another_root(made: FakeFleet) -> None:
    old = made.cluster.trust_root
    assert run(made, planned(made, "ca")) == ["done"]
    assert made.cluster.trust_root != old


def test_the_ca_is_not_rotated_while_a_node_is_away(made: FakeFleet) -> None:
    made.cluster.nodes[made.engine("C").node_id]["Status"]["State"] = "down"
    assert [(one.code, one.where) for one in planned(made, "ca").refusals] == [("H63", "host-c")]


def test_autolock_leaves_its_key_in_a_file_of_the_operator(made: FakeFleet, tmp_path: Path) -> None:
    file = tmp_path / "key"
    assert run(made, planned(made, "autolock-on", file)) == ["done"]
    assert file.read_text().strip() == made.cluster.unlock_key
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert planned(made, "autolock-on", tmp_path / "other").is_empty
    assert run(made, planned(made, "autolock-off")) == ["done"]
    assert planned(made, "autolock-off").is_empty


def test_an_older_keys_file_is_never_written_over(made: FakeFleet, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("old")
    assert [one.code for one in planned(made, "autolock-on", tmp_path / "key").refusals] == ["H60"]


def test_a_key_that_a_killed_run_made_and_did_not_keep_is_kept_by_the_next(made: FakeFleet, tmp_path: Path) -> None:
    assert run(made, planned(made, "autolock-on", tmp_path / "first")) == ["done"]
    empty = tmp_path / "empty"
    empty.touch()
    wanted = KeyFile(tmp_path / "second", unfinished=(empty,))
    plan = credential_plan(INVENTORY, observe(made, kernel="never"), "autolock-on", wanted)
    assert run(made, plan) == ["done"]
    assert (tmp_path / "second").read_text() == (tmp_path / "first").read_text()
    assert not empty.exists()
    # The same with the very file that the killed run made.
    empty.touch()
    again = KeyFile(empty, unfinished=(empty,))
    assert run(made, credential_plan(INVENTORY, observe(made, kernel="never"), "autolock-on", again)) == ["done"]
    assert empty.read_text() == (tmp_path / "first").read_text()


def test_a_file_that_cannot_be_made_stops_before_the_key_changes(made: FakeFleet, tmp_path: Path) -> None:
    assert run(made, planned(made, "autolock-on", tmp_path / "no" / "key")) == ["failed"]
    assert planned(made, "autolock-off").is_empty


def test_a_key_that_a_full_disk_took_a_part_of_is_in_force_and_kept_by_the_next(
    made: FakeFleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To run the same again, as it said, would have made yet another key; and what was written of it counted as one."""
    file = tmp_path / "key"

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("swarmkit.plan.credentials.operations.os.fsync", full)
        (operation,) = planned(made, "autolock-on", file).operations
        with pytest.raises(SwarmkitError, match="is in force and could not be kept") as caught:
            operation.run(Context(made, Silent(), "A"))
    assert "swarmkit autolock on" in caught.value.to_do
    assert file.read_bytes() == b""
    again = KeyFile(file, unfinished=(file,))
    assert run(made, credential_plan(INVENTORY, observe(made, kernel="never"), "autolock-on", again)) == ["done"]
    assert file.read_text().strip() == made.cluster.unlock_key


def test_a_rotated_unlock_key_is_another(made: FakeFleet, tmp_path: Path) -> None:
    run(made, planned(made, "autolock-on", tmp_path / "first"))
    assert run(made, planned(made, "unlock-key", tmp_path / "second")) == ["done"]
    assert (tmp_path / "first").read_text() != (tmp_path / "second").read_text()


def test_there_is_no_key_to_rotate_while_managers_do_not_lock(made: FakeFleet, tmp_path: Path) -> None:
    assert [one.code for one in planned(made, "unlock-key", tmp_path / "key").refusals] == ["H60"]


def test_all_locked_managers_are_unlocked_and_a_wrong_key_unlocks_none(made: FakeFleet) -> None:
    for name in "ABC":
        made.engine(name).locked = True
    observed = observe(made, kernel="never")
    assert set(run(made, unlock_plan(observed, [Secret(b"SWMKEY-1-wrong")]))) <= {"failed", "not started"}
    key = Secret(made.engine("A").cluster.unlock_key.encode())  # type: ignore[union-attr]
    assert run(made, unlock_plan(observed, [Secret(b"SWMKEY-1-newer"), key])) == ["done"] * 6
    assert unlock_plan(observe(made, kernel="never"), [key]).is_empty
    (told,) = unlock_plan(observe(made, kernel="never"), [key], {"D": UnreachableError("no route")}).warnings
    assert (told.severity, told.where, told.evidence) == ("warning", "D", "no route")


@pytest.mark.parametrize(
    ("keys", "what"),
    [
        (["SWMKEY-1-wrong"], "A: the key that was given does not unlock it"),
        (["SWMKEY-1-wrong", "SWMKEY-1-older"], "A: none of the 2 keys given unlocks it"),
    ],
)
def test_a_wrong_key_is_told_with_where_the_others_are(made: FakeFleet, keys: list[str], what: str) -> None:
    made.engine("A").locked = True
    unlock, _ = unlock_plan(observe(made, kernel="never"), [Secret(key.encode()) for key in keys]).operations
    with pytest.raises(SwarmkitError) as caught:
        unlock.run(Context(made, Silent(), "A"))
    assert (caught.value.what, caught.value.why) == (what, "swarm could not be unlocked: invalid key provided")
    assert "--store DIR" in caught.value.to_do
    assert "a backup holds that of its day" in caught.value.to_do
    assert "SWMKEY" not in str(caught.value)


def test_an_unlocked_manager_that_hears_no_other_node_is_started_once_more(
    made: FakeFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(started_engine, "AGENT_TIMEOUT_SECONDS", 0.1)
    for name in "ABC":
        made.engine(name).locked = True
    shell, restarts = made.hosts["B"].shell, list[str]()

    def answer(script: str, _arguments: tuple[str, ...]) -> CommandResult:
        if "systemctl restart docker" in script:
            restarts.append(script)
        return CommandResult(0 if restarts or "/proc/net/tcp" not in script else 1, "", "")

    shell.answer = answer
    key = Secret(made.engine("A").cluster.unlock_key.encode())  # type: ignore[union-attr]
    assert run(made, unlock_plan(observe(made, kernel="never"), [key])) == ["done"] * 6
    assert len(restarts) == 1
    assert not any("restart" in script for name in "AC" for script in made.hosts[name].shell.scripts)


def without_a_name(fleet: FakeFleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the entry of a join that never ended, told as managers tell it: with nothing of its engine."""
    fleet.cluster.add_node("entryofnobody123", "", "", "worker", "active", "")
    fleet.cluster.nodes["entryofnobody123"]["Status"] = {"State": "unknown"}
    shown = fleet.cluster.shown_node

    def told(node: dict[str, object]) -> dict[str, object]:
        return {**shown(node), "Description": {}} if node["ID"] == "entryofnobody123" else shown(node)

    monkeypatch.setattr(fleet.cluster, "shown_node", told)


def test_the_ca_is_not_rotated_while_a_join_has_left_an_entry_that_would_hold_it_up(
    made: FakeFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_a_name(made, monkeypatch)
    (refusal,) = planned(made, "ca").refusals
    assert (refusal.code, refusal.where) == ("H63", "node entryofnobod")
    assert "swarmkit up removes it" in refusal.remedy


def test_an_entry_of_a_join_that_comes_during_a_rotation_of_the_ca_is_told_as_what_holds_it_up(
    made: FakeFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such an entry has no description, and the wait ended with a KeyError."""
    monkeypatch.setattr("swarmkit.plan.credentials.operations.CA_TIMEOUT_SECONDS", 0.1)
    (operation,) = planned(made, "ca").operations
    without_a_name(made, monkeypatch)
    with pytest.raises(NotConvergedError, match=r"waited 0\.1 s for: node entryofnobod") as caught:
        operation.run(Context(made, Silent(), "A"))
    assert "swarmkit up" in caught.value.to_do
