import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.running import run_once
from fakes.swarm import FakeFleet, fake_fleet

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.finding import Finding
from swarmkit.observed.model import UPGRADE_LABEL, Observed
from swarmkit.observed.observe import observe
from swarmkit.observed.packages import EnginePackages, Package, parse_packages
from swarmkit.plan.apply import apply
from swarmkit.plan.context import Context
from swarmkit.plan.declaration import Declared
from swarmkit.plan.engines.plans import Checks, Wanted, upgrade_plan
from swarmkit.plan.model import Plan
from swarmkit.plan.progress import Silent
from swarmkit.reach.ssh import CommandResult

HOSTS = (
    Host("A", "10.88.0.11", "manager"),
    Host("B", "10.88.0.12", "manager"),
    Host("C", "10.88.0.13", "manager"),
    Host("D", "10.88.0.14", "worker", labels={"role": "data"}),
)
INVENTORY = Inventory(Path("inventory.yaml"), "prod", HOSTS)
OLD, NEW = "26.1.5+dfsg1-9", "26.1.5+dfsg1-9+lab1"
OFFERED = EnginePackages(Package("docker.io", OLD, NEW, (NEW,)), (Package("docker-cli", OLD, OLD),))
CURRENT = EnginePackages(Package("docker.io", NEW, NEW))


@pytest.fixture
def made() -> FakeFleet:
    fleet = fake_fleet(INVENTORY)
    run_once(fleet, Declared(INVENTORY))
    return fleet


def planned(
    fleet: FakeFleet,
    *,
    wanted: Wanted | None = None,
    upgraded: str = "",
    offered: EnginePackages = OFFERED,
    observed: Observed | None = None,
    proved: tuple[Finding, ...] = (),
) -> Plan:
    packages = {host.name: CURRENT if host.name in upgraded else offered for host in HOSTS}
    checks = Checks(lambda _: lambda: proved, lambda _: lambda: ())
    seen = observed or observe(fleet, kernel="never")
    return upgrade_plan(INVENTORY, seen, packages, wanted or Wanted(), checks)


def run(fleet: FakeFleet, plan: Plan) -> dict[str, str]:
    """Apply *plan* on hosts whose apt installs what it is told."""
    installed = dict.fromkeys("ABCD", OLD)

    def shell_of(name: str) -> None:
        def answer(script: str, arguments: tuple[str, ...]) -> CommandResult:
            if "only-upgrade" in script:
                installed[name] = arguments[0].partition("=")[2]
            return CommandResult(0, f"installed docker.io {installed[name]}\n", "")

        fleet[name].shell.answer = answer  # type: ignore[attr-defined]

    for name in "ABCD":
        shell_of(name)
    context = Context(fleet, Silent(), "A", lambda name, _: name)
    return {key: outcome.status for key, outcome in apply(plan, context).outcomes.items()}


def node(fleet: FakeFleet, name: str) -> tuple[str, dict[str, str]]:
    spec = fleet.cluster.nodes[fleet.engine(name).node_id]["Spec"]
    return spec["Availability"], spec["Labels"]


def test_workers_come_first_and_the_leader_last_one_after_another(made: FakeFleet) -> None:
    plan = planned(made)
    order = [one.step.target for one in plan.operations if one.step.key.startswith("upgrade:")]
    assert order == ["D", "B", "C", "A"]
    assert all(one.step.after == {before.step.key} for before, one in itertools.pairwise(plan.operations))
    assert set(run(made, plan).values()) == {"done"}
    assert all(node(made, name) == ("active", dict(host.labels)) for name, host in zip("ABCD", HOSTS, strict=True))


def test_data_that_stays_behind_when_its_service_moves_is_said_before(made: FakeFleet) -> None:
    container = {"Image": "git:1", "Mounts": [{"Type": "volume", "Source": "git-data", "Target": "/data"}]}
    template = {"ContainerSpec": container, "Placement": {"Constraints": ["node.hostname != host-a"]}}
    mode = {"Replicated": {"Replicas": 1}}
    made.engine("A").create("services", {"Name": "git", "TaskTemplate": template, "Mode": mode})
    said = [(one.code, one.evidence.partition(";")[0]) for one in planned(made).warnings if "stays behind" in one.what]
    assert said == [("H52", "volume git-data")]


def test_a_host_that_was_drained_stays_drained(made: FakeFleet) -> None:
    made.cluster.nodes[made.engine("D").node_id]["Spec"]["Availability"] = "drain"
    plan = planned(made, wanted=Wanted(("D",)))
    assert "it is drain, and stays so" in [finding.what for finding in plan.warnings]
    assert set(run(made, plan).values()) == {"done"}
    assert node(made, "D")[0] == "drain"


def test_what_is_not_proved_stops_before_the_host_takes_tasks_again_and_the_next_run_goes_on(made: FakeFleet) -> None:
    bad = (Finding("V01", "error", "D", "D is not the node that is declared"),)
    outcomes = run(made, planned(made, proved=bad))
    assert outcomes["upgrade:D"] == "done"
    assert outcomes["host:D"] == "failed"
    assert {status for key, status in outcomes.items() if key.endswith((":A", ":B", ":C"))} == {"not started"}
    assert node(made, "D") == ("drain", {"role": "data", UPGRADE_LABEL: "was active"})
    again = planned(made, upgraded="D")
    assert [one.step.key for one in again.operations][:2] == ["activate:D", "all:D"]
    run(made, again)
    assert node(made, "D") == ("active", {"role": "data"})


def test_nothing_newer_is_nothing_to_do(made: FakeFleet) -> None:
    plan = planned(made, upgraded="ABCD")
    assert plan.is_empty
    said = plan.why_nothing
    assert said.startswith("the hosts' package sources offer no newer engine (D runs ")
    assert planned(made, upgraded="ABCD", wanted=Wanted(version="26.1.5")).is_empty


def test_what_cannot_be_upgraded_is_refused_beforehand(made: FakeFleet) -> None:
    def refused(plan: Plan) -> set[str]:
        assert not plan.operations
        return {finding.code for finding in plan.refusals}

    assert refused(planned(made, offered=EnginePackages(None, (), "no apt-get"))) == {"H61"}
    assert refused(planned(made, wanted=Wanted(version="20.10.24"))) == {"H61"}
    made.engine("D").leave_swarm(force=True)
    assert "H49" in refused(planned(made, wanted=Wanted(("D",))))
    made.cluster.nodes.pop(next(key for key, node in made.cluster.nodes.items() if node["Spec"]["Role"] == "worker"))
    odd = EnginePackages(Package("docker-ce", "5:28.5.2-1~debian.13~trixie", "5:29.1.0-1~debian.13~trixie",
                                 ("5:29.1.0-1~debian.13~trixie",)))  # fmt: skip
    assert refused(planned(made, offered=odd)) == {"H05"}
    seen = observe(made, kernel="never")
    assert seen.cluster
    down = replace(seen.cluster.nodes[1], state="down", reachability="unreachable")
    nodes = (seen.cluster.nodes[0], down, *seen.cluster.nodes[2:])
    assert refused(planned(made, observed=replace(seen, cluster=replace(seen.cluster, nodes=nodes)))) == {"H54"}
    entry = replace(seen.cluster.nodes[-1], id="entryofnobody", hostname="", state="unknown")
    left = replace(seen, cluster=replace(seen.cluster, nodes=(*seen.cluster.nodes, entry)))
    (refusal,) = planned(made, observed=left).refusals
    assert (refusal.where, refusal.remedy) == ("node entryofnobod", "swarmkit up removes it: a join left it")


def test_the_version_may_be_the_engines_own() -> None:
    versions = ("5:29.3.0-1~debian.13~trixie", "5:29.2.1-1~debian.13~trixie")
    said = "installed docker-ce 5:28.5.2-1~debian.13~trixie\ncandidate docker-ce 5:29.3.0-1~debian.13~trixie\n"
    said += "".join(f"newer docker-ce {version}\n" for version in versions) + "said W: one source did not answer\n"
    found = parse_packages(said)
    assert found.engine == Package("docker-ce", "5:28.5.2-1~debian.13~trixie", versions[0], versions)
    assert found.complaints == "W: one source did not answer"
    fleet = fake_fleet(INVENTORY)
    run_once(fleet, Declared(INVENTORY))
    plan = planned(fleet, wanted=Wanted(version="29.2.1"), offered=found)
    assert "install docker-ce 5:29.2.1-1~debian.13~trixie" in {one.step.summary for one in plan.operations}
