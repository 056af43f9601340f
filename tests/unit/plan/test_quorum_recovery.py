import base64
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.certificates import node_certificate
from fakes.locked_key import KEY, LOCKED
from fakes.running import run_once
from fakes.swarm import FakeFleet, FakeShell, fake_fleet

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.errors import SwarmkitError
from swarmkit.observed.model import RECOVERY_LABEL, Observed
from swarmkit.observed.observe import observe
from swarmkit.observed.raft import RaftFacts, cluster_of, parse_raft
from swarmkit.plan.context import Context
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Step
from swarmkit.plan.nodes.leaving import LeaveOldRaft
from swarmkit.plan.planner import make_plan
from swarmkit.plan.progress import Silent
from swarmkit.plan.states.operations import TakeLockOff
from swarmkit.plan.states.quorum_recovery import recovery_plan
from swarmkit.plan.states.recovery_operations import ForceNewCluster, mark_recovered
from swarmkit.plan.states.survey import Survey
from swarmkit.reach.engine import EngineError, Json, Kind
from swarmkit.reach.ssh import CommandResult
from swarmkit.recovery.locked_state import unlocked_key_file
from swarmkit.secret import Secret

HOSTS = tuple(Host(name, f"10.88.0.{11 + number}", "manager") for number, name in enumerate("ABCDE"))
INVENTORY = Inventory(Path("inventory.yaml"), "prod", HOSTS)
LOST = {name: f"{name}: cannot be reached" for name in "CDE"}
KNOWN = {"A": RaftFacts("cluster", 4, 250), "B": RaftFacts("cluster", 4, 254)}


@pytest.fixture
def made() -> FakeFleet:
    fleet = fake_fleet(INVENTORY)
    run_once(fleet, Declared(INVENTORY))
    return fleet


def without_leader(fleet: FakeFleet, *names: str) -> Observed:
    observed = observe(fleet, kernel="never")
    hosts = {name: observed.hosts[name] for name in names}
    return Observed(hosts, None, "The swarm does not have a leader")


def refused(survey: Survey, *, lost: str = "CDE", going_on: str = "") -> list[tuple[str, str]]:
    recovery = recovery_plan(survey, lost=lost, going_on=going_on)
    assert not recovery.plan.operations
    return [(finding.where, finding.what) for finding in recovery.plan.refusals]


def test_the_manager_with_the_newest_log_goes_on_and_the_other_survivor_joins_it(made: FakeFleet) -> None:
    survey = Survey(INVENTORY, without_leader(made, "A", "B"), KNOWN, LOST)
    recovery = recovery_plan(survey, lost="CDE")
    assert recovery.manager == "B"
    steps = [(operation.step.key, operation.step.target) for operation in recovery.plan.operations]
    assert steps == [("swarm:init", "B"), ("recover:old-managers", "B"), ("leave:A", "A")]
    assert all(operation.step.destructive for operation in recovery.plan.operations)
    assert "term 4, index 254" in recovery.plan.operations[0].step.reason


def test_the_operator_may_choose_who_goes_on(made: FakeFleet) -> None:
    survey = Survey(INVENTORY, without_leader(made, "A", "B"), KNOWN, LOST)
    chosen = recovery_plan(survey, lost="CDE", going_on="A")
    assert chosen.manager == "A"
    assert "what B knows and A does not is lost" in [finding.what for finding in chosen.plan.warnings]
    assert not [one for one in recovery_plan(survey, lost="CDE", going_on="B").plan.warnings if one.where == "B"]
    assert refused(survey, going_on="C") == [("C", "is no manager that answers")]


def test_a_silent_manager_is_lost_only_when_the_operator_says_so(made: FakeFleet) -> None:
    survey = Survey(INVENTORY, without_leader(made, "A", "B"), KNOWN, LOST)
    assert refused(survey, lost="CD") == [("E", "does not answer, and may be a manager that lives")]
    assert refused(survey, lost="BCDE") == [("B", "is said to be lost, but it answers")]


def test_a_quorum_of_survivors_needs_no_force(made: FakeFleet) -> None:
    raft = {**KNOWN, "C": RaftFacts("cluster", 4, 254)}
    survey = Survey(INVENTORY, without_leader(made, "A", "B", "C"), raft, {name: LOST[name] for name in "DE"})
    assert ("swarm", "3 of 5 managers answer, which is a quorum") in refused(survey, lost="DE")


def test_who_took_the_lost_managers_out_of_the_inventory_is_told_to_put_them_back(made: FakeFleet) -> None:
    alone = replace(INVENTORY, hosts=HOSTS[:1])
    plan = recovery_plan(Survey(alone, without_leader(made, "A"), {"A": KNOWN["A"]}, {}), lost=()).plan
    (refusal,) = plan.refusals
    assert refusal.what == "1 of 1 managers answer, which is a quorum"
    assert "the inventory has A;" in refusal.evidence
    assert "put them back, and name them by --lost" in refusal.remedy


def test_nothing_is_forced_when_it_is_unknown_who_knows_most(made: FakeFleet) -> None:
    unknown = {"A": RaftFacts("cluster"), "B": KNOWN["B"]}
    survey = Survey(INVENTORY, without_leader(made, "A", "B"), unknown, LOST)
    assert refused(survey) == [("swarm", "which manager knows most cannot be told")]
    foreign = {"A": RaftFacts("another", 9, 999), "B": KNOWN["B"]}
    survey = Survey(INVENTORY, without_leader(made, "A", "B"), foreign, LOST)
    assert refused(survey) == [("swarm", "the managers are not of one cluster")]


def test_without_any_manager_there_is_nothing_to_go_on_with(made: FakeFleet) -> None:
    hosts = {"A": observe(made, kernel="never").hosts["A"]}
    hosts = {"A": replace(hosts["A"], engine=replace(hosts["A"].engine, swarm_state="inactive", is_manager=False))}
    survey = Survey(INVENTORY, Observed(hosts, None), {}, {**LOST, "B": "B: cannot be reached"})
    assert refused(survey, lost="BCDE") == [("swarm", "no manager is left that answers")]


def recovered(fleet: FakeFleet, old: str) -> Observed:
    """The swarm went on without *old*, which is back and still believes in the old one."""
    observed = observe(fleet, kernel="never")
    cluster = observed.cluster
    assert cluster
    left = observed.hosts[old].engine.node_id
    cluster = replace(
        cluster,
        labels={**cluster.labels, RECOVERY_LABEL: "1"},
        nodes=tuple(node for node in cluster.nodes if node.id != left),
    )
    hosts = {
        name: replace(facts, engine=replace(facts.engine, recovery=int(name != old)))
        for name, facts in observed.hosts.items()
    }
    return Observed(hosts, cluster)


def leaving(fleet: FakeFleet) -> LeaveOldRaft:
    """A has to leave, once B was forced to go on."""
    survey = Survey(INVENTORY, without_leader(fleet, "A", "B"), KNOWN, LOST)
    leave = recovery_plan(survey, lost="CDE").plan.operations[-1]
    assert isinstance(leave, LeaveOldRaft)
    return leave


def test_a_survivor_that_has_joined_the_new_raft_by_itself_stays_as_its_loss_would_be_the_quorum(
    made: FakeFleet,
) -> None:
    """Seen on the lab: the one that went on restarted its engine for a minute, the other joined, and left."""
    leave = leaving(made)
    assert leave.run(Context(made, Silent(), "B")) == "it has joined the new one by itself, and stays"
    assert made.engine("A").info()["Swarm"]["LocalNodeState"] == "active"


def test_a_survivor_that_is_just_becoming_one_of_two_is_asked_for_until_they_have_a_leader(
    made: FakeFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the second catches up nobody leads: the recovery ended there with 4."""
    leave, find, asked = leaving(made), made.engine("B").find, list[str]()

    def without_leader_yet(kind: Kind, filters: dict[str, list[str]] | None = None) -> list[Json]:
        asked.append(kind)
        if len(asked) < 3:
            raise EngineError("B", "list nodes", 503, "rpc error: The swarm does not have a leader.")
        return find(kind, filters)

    monkeypatch.setattr(made.engine("B"), "find", without_leader_yet)
    assert leave.run(Context(made, Silent(), "B")) == "it has joined the new one by itself, and stays"


def test_a_survivor_that_the_new_raft_does_not_have_leaves_the_old_one(made: FakeFleet) -> None:
    leave = replace(leaving(made), node_id="unknown")
    leave.run(Context(made, Silent(), "B"))
    assert made.engine("A").info()["Swarm"]["LocalNodeState"] == "inactive"


def test_a_manager_that_missed_the_recovery_leaves_and_up_says_how(made: FakeFleet) -> None:
    observed = recovered(made, "E")
    assert observed.cluster
    own = RaftFacts(observed.cluster.id)
    recovery = recovery_plan(Survey(INVENTORY, observed, dict.fromkeys("ABCDE", own), {}), lost=())
    assert [operation.step.key for operation in recovery.plan.operations] == ["leave:E"]
    refusal = make_plan(Declared(INVENTORY), observed).refusals[0]
    assert (refusal.where, refusal.remedy) == ("E", "run: swarmkit recover quorum")


def test_entries_that_a_killed_recovery_left_are_removed_by_the_next(made: FakeFleet) -> None:
    observed = recovered(made, "E")
    assert observed.cluster
    first, *others = observed.cluster.nodes
    lost = replace(first, id="lost", hostname="lost", address="10.88.0.99", state="down", reachability="")
    cluster = replace(observed.cluster, nodes=(first, *others, lost))
    raft = dict.fromkeys("ABCD", RaftFacts(cluster.id))
    recovery = recovery_plan(Survey(INVENTORY, Observed(observed.hosts, cluster), raft, {}), lost=["lost"])
    assert [operation.step.key for operation in recovery.plan.operations] == ["recover:mark", "recover:old-managers"]


def promoted_while_down(fleet: FakeFleet, members: str) -> Survey:
    """E was a worker that is down, and was promoted: its entry is a manager's, and no raft ever had it."""
    observed = observe(fleet, kernel="never")
    assert observed.cluster
    ids = {observed.hosts[name].engine.node_id: name for name in "ABCDE"}
    nodes = tuple(
        replace(node, state="down", reachability="") if ids[node.id] == "E" else node
        for node in observed.cluster.nodes
        if ids[node.id] in (*members, "E")
    )
    hosts = {name: observed.hosts[name] for name in members}
    raft = dict.fromkeys(members, RaftFacts(observed.cluster.id))
    inventory = replace(INVENTORY, hosts=tuple(host for host in HOSTS if host.name in (*members, "E")))
    seen = Observed(hosts, replace(observed.cluster, nodes=nodes))
    return Survey(inventory, seen, raft, {"E": "E: cannot be reached"})


def test_a_worker_that_was_promoted_while_down_is_left_in_a_swarm_of_several_managers(made: FakeFleet) -> None:
    """No recovery leaves several: the swarm was marked as recovered, and the node removed by force."""
    recovery = recovery_plan(promoted_while_down(made, "ABCD"), lost=())
    assert recovery.plan.is_empty
    assert not recovery.plan.refusals


def test_whether_the_only_manager_was_forced_to_go_on_is_for_the_operator_to_say(made: FakeFleet) -> None:
    survey = promoted_while_down(made, "A")
    (refusal,) = recovery_plan(survey, lost=()).plan.refusals
    assert (refusal.code, refusal.where) == ("H54", "E")
    assert refusal.what == "is a manager by its entry, no member of the raft, and away"
    assert survey.observed.cluster
    (of_e,) = (node.id for node in survey.observed.cluster.nodes if node.state == "down")
    again = "swarmkit recover quorum --lost E"
    assert refusal.remedy == f"if a recovery was cut off, end it: {again}; else on A: docker node rm --force {of_e}"
    confirmed = recovery_plan(survey, lost="E").plan
    assert [operation.step.key for operation in confirmed.operations] == ["recover:mark", "recover:old-managers"]


def cut_off(fleet: FakeFleet, state: str) -> Observed:
    """A new cluster was forced and nothing else done; E is *state* to it, and back with the old raft."""
    observed = observe(fleet, kernel="never")
    assert observed.cluster
    own = observed.hosts["E"].engine.node_id
    nodes = tuple(
        replace(node, state=state, reachability="") if node.id == own else node for node in observed.cluster.nodes
    )
    return Observed(observed.hosts, replace(observed.cluster, nodes=nodes))


@pytest.mark.parametrize("state", ["down", "unknown", "ready"])
def test_up_touches_no_swarm_whose_recovery_was_cut_off_before_its_mark(made: FakeFleet, state: str) -> None:
    refusal = make_plan(Declared(INVENTORY), cut_off(made, state)).refusals[0]
    assert (refusal.where, refusal.remedy) == ("E", "run: swarmkit recover quorum")


@pytest.mark.parametrize("state", ["down", "unknown", "ready"])
def test_a_recovery_that_was_cut_off_before_its_mark_is_finished_by_the_next(made: FakeFleet, state: str) -> None:
    """The force's answer was lost: the old managers are known still, and E is back with the old raft."""
    observed = cut_off(made, state)
    assert observed.cluster
    raft = dict.fromkeys("ABCDE", RaftFacts(observed.cluster.id))
    plan = recovery_plan(Survey(INVENTORY, observed, raft, {}), lost=()).plan
    assert [operation.step.key for operation in plan.operations] == ["recover:mark", "recover:old-managers", "leave:E"]
    mark = plan.operations[0]
    mark.run(Context(made, Silent(), observed.cluster.told_by))
    assert RECOVERY_LABEL in made[observed.cluster.told_by].engine.swarm()["Spec"]["Labels"]


def test_a_restored_swarm_s_recovery_is_later_than_those_that_its_backup_does_not_know_of(
    made: FakeFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recovery after the backup, then a restore: by counting from the backup's, both would be the first."""
    engine = made.engine("A")
    of_backup = dict(engine.swarm()["Spec"]["Labels"])

    def recovered(labels: dict[str, str], now: float) -> int:
        monkeypatch.setattr("swarmkit.plan.states.recovery_operations.time.time", lambda: now)
        made.cluster.spec["Labels"] = labels
        mark_recovered(engine, {})
        return int(engine.swarm()["Spec"]["Labels"][RECOVERY_LABEL])

    before = recovered(of_backup, 1_800_000_000.5)
    assert recovered(of_backup, 1_800_000_900.5) > before
    # Where the clock is behind, it counts on.
    assert recovered({RECOVERY_LABEL: str(before)}, 5.0) == before + 1


def test_a_manager_of_a_foreign_swarm_is_never_told_to_leave(made: FakeFleet) -> None:
    observed = recovered(made, "E")
    assert observed.cluster
    raft = {**dict.fromkeys("ABCD", RaftFacts(observed.cluster.id)), "E": RaftFacts("foreign")}
    assert refused(Survey(INVENTORY, observed, raft, {})) == [("E", "it is a manager of another swarm")]


def test_a_swarm_with_its_quorum_has_nothing_to_recover(made: FakeFleet) -> None:
    observed = observe(made, kernel="never")
    assert observed.cluster
    raft = dict.fromkeys("ABCDE", RaftFacts(observed.cluster.id))
    recovery = recovery_plan(Survey(INVENTORY, observed, raft, {}), lost=())
    assert recovery.plan.is_empty
    assert not recovery.plan.refusals


def test_what_a_manager_cannot_tell_stays_unknown() -> None:
    assert parse_raft("") == RaftFacts()
    assert parse_raft("raft 4 254\n") == RaftFacts("", 4, 254)
    assert str(parse_raft("raft 4 254\n")) == "raft log at term 4, index 254"
    assert "unknown" in str(parse_raft("cat: no such file"))


def test_a_manager_that_locks_is_unlocked_on_its_disk_before_the_force_and_asked_to_lock_again(made: FakeFleet) -> None:
    survey = Survey(INVENTORY, without_leader(made, "A"), {"A": replace(KNOWN["A"], locks=True)}, {"B": "", **LOST})
    assert refused(survey, lost="BCDE") == [("A", "its state is locked: the swarm's unlock key is needed")]
    plan = recovery_plan(survey, lost="BCDE", unlock_keys=[Secret(b"SWMKEY-1-x")]).plan
    assert [operation.step.key for operation in plan.operations][:2] == ["swarm:init:lock", "swarm:init"]
    force = plan.operations[1]
    assert isinstance(force, ForceNewCluster)
    assert force.step.after == {"swarm:init:lock"}
    assert force.body["Spec"] == {"EncryptionConfig": {"AutoLockManagers": True}, "CAConfig": {"ForceRotate": 0}}


def test_the_lock_is_taken_off_by_whichever_key_of_the_store_opens_it(made: FakeFleet) -> None:
    wrong = Secret(b"SWMKEY-1-" + base64.b64encode(b"x" * 32).rstrip(b"="))
    step = Step("swarm:init:lock", "swarm", "update", "A", "take the lock off its state")
    made.engine("A").info_changes = {"DockerRootDir": "/var/lib/docker"}
    shell = made["A"].shell
    assert isinstance(shell, FakeShell)
    written: list[str] = []

    def answer(script: str, _: tuple[str, ...]) -> CommandResult:
        if not script.startswith("cat "):
            written.append(script)
        return CommandResult(0, "-----BEGIN PRIVATE KEY-----" if written else LOCKED, "")

    shell.answer = answer
    with pytest.raises(SwarmkitError, match="no unlock key that was given opens its state"):
        TakeLockOff(step, (wrong,), restart=False).run(Context(made, Silent(), "A"))
    assert not written
    TakeLockOff(step, (wrong, KEY), restart=False).run(Context(made, Silent(), "A"))
    assert unlocked_key_file(LOCKED, KEY) in written[0]


def test_locked_managers_that_are_a_quorum_are_to_be_unlocked(made: FakeFleet) -> None:
    seen = without_leader(made, "A", "B", "C")
    hosts = {
        name: replace(facts, engine=replace(facts.engine, swarm_state="locked")) for name, facts in seen.hosts.items()
    }
    raft = dict.fromkeys("ABC", RaftFacts("cluster", locks=True))
    survey = Survey(INVENTORY, replace(seen, hosts=hosts), raft, {name: LOST[name] for name in "DE"})
    told = {finding.what: finding.remedy for finding in recovery_plan(survey, lost="DE").plan.refusals}
    assert told["3 of 5 managers answer, which is a quorum"].startswith("run: swarmkit unlock;")


def test_a_manager_whose_lock_an_earlier_run_took_off_is_asked_to_lock_again(made: FakeFleet) -> None:
    raft = {"A": replace(KNOWN["A"], lock_is_off=True)}
    survey = Survey(INVENTORY, without_leader(made, "A"), raft, {"B": "", **LOST})
    plan = recovery_plan(survey, lost="BCDE").plan
    force = plan.operations[0]
    assert isinstance(force, ForceNewCluster)
    assert force.body["AutoLockManagers"] is True
    assert "it locks again when it leads" in force.step.reason


def test_an_unlock_key_for_a_state_that_is_not_locked_is_told_to_be_unused(made: FakeFleet) -> None:
    survey = Survey(INVENTORY, without_leader(made, "A"), {"A": KNOWN["A"]}, {"B": "", **LOST})
    plan = recovery_plan(survey, lost="BCDE", unlock_keys=[Secret(b"SWMKEY-1-x")]).plan
    assert [finding.where for finding in plan.warnings if finding.code == "H60"] == ["A"]
    force = plan.operations[0]
    assert isinstance(force, ForceNewCluster)
    assert force.body["AutoLockManagers"] is False


def test_a_host_that_could_not_join_again_refuses_the_recovery_before_its_force(made: FakeFleet) -> None:
    """Seen by reading: the force was made, the survivors had left, and then the plan of the members was refused."""
    seen = without_leader(made, "A", "B")
    late = replace(seen.hosts["A"], system=replace(seen.hosts["A"].system, clock_offset_seconds=900.0))
    survey = Survey(INVENTORY, replace(seen, hosts={**seen.hosts, "A": late}), KNOWN, LOST)
    assert {finding.code for finding in recovery_plan(survey, lost="CDE").plan.refusals} == {"H34"}
    agreed = recovery_plan(survey, lost="CDE", overridden={"H34"}).plan
    assert agreed.operations
    assert "H34" in [finding.code for finding in agreed.warnings]
    ended = replace(seen.hosts["A"], engine=replace(seen.hosts["A"].engine, swarm_state="error"))
    known = Survey(INVENTORY, replace(seen, hosts={**seen.hosts, "A": ended}), {"B": KNOWN["B"]}, LOST)
    assert refused(known) == [("A", "its swarm state is error")]


def test_a_host_whose_state_does_not_start_is_left_out_where_that_is_accepted(made: FakeFleet) -> None:
    """Its engine takes no request to join: the plan would fail, and lost managers that came back were not fenced."""
    seen = observe(made, kernel="never")
    ended = replace(seen.hosts["E"].engine, swarm_state="error", node_id="")
    observed = replace(seen, hosts={**seen.hosts, "E": replace(seen.hosts["E"], engine=ended)})
    assert "H49" in {finding.code for finding in make_plan(Declared(INVENTORY), observed).refusals}
    assert make_plan(Declared(INVENTORY, overridden=frozenset({"H49"})), observed).is_empty


def test_a_certificate_that_was_cut_off_tells_nothing() -> None:
    whole = node_certificate("c1")
    assert cluster_of(whole) == "c1"
    assert cluster_of(f"{whole[:200]}\n-----END CERTIFICATE-----\n") == ""
