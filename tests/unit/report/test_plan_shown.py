import io
import json
from collections.abc import Collection
from dataclasses import dataclass

from rich.console import Console

from swarmkit.finding import Finding
from swarmkit.plan.context import Context
from swarmkit.plan.model import Plan, Step
from swarmkit.plan.stacks.spec_diff import Change
from swarmkit.report.plan_json import plan_as_json
from swarmkit.report.plan_text import print_plan


@dataclass(frozen=True)
class Shown:
    step: Step

    def run(self, context: Context) -> str:
        raise AssertionError(f"a shown plan is not run: {context}")


def plan(*steps: Step, refusals: tuple[Finding, ...] = (), warnings: tuple[Finding, ...] = ()) -> Plan:
    return Plan(tuple(Shown(step) for step in steps), refusals, warnings)


def text_of(shown: Plan, width: int = 100, hosts: Collection[str] = ()) -> str:
    stream = io.StringIO()
    print_plan(Console(file=stream, width=width), shown, cluster="shop", hosts=hosts)
    return stream.getvalue()


INIT = Step("swarm", "swarm", "create", "A", "initialise the swarm", "no host is in one")
JOIN_B = Step("join:B", "node", "create", "B", "join as worker", "not in a swarm", frozenset({"swarm"}))
LABEL_A = Step("label:A", "node", "update", "A", "set labels", changes=(Change("labels.tier", "", "frontend"),))
DATABASE = Step("service:db", "service", "create", "shop_db", "create service", "not there yet")
WAIT_DATABASE = Step("wait:db", "service", "wait", "shop_db", "wait until shop_db runs healthy")
SHOWN_WHOLE = """\
plan for cluster shop

swarm
  + A  initialise the swarm  (no host is in one)

nodes
  + B  join as worker  (not in a swarm)
  ~ A  set labels
       labels.tier: (none) -> frontend

services
  + shop_db  create service  (not there yet)
             then waits until shop_db runs healthy

3 create · 1 update · across 2 hosts
"""


def test_plan_is_grouped_by_subject_with_reasons_changes_and_a_count() -> None:
    assert text_of(plan(INIT, JOIN_B, DATABASE, WAIT_DATABASE, LABEL_A)) == SHOWN_WHOLE


def test_order_of_parallel_operations_within_other_subjects_does_not_matter() -> None:
    assert text_of(plan(DATABASE, INIT, WAIT_DATABASE, JOIN_B, LABEL_A)) == SHOWN_WHOLE


def test_empty_plan_says_that_nothing_is_to_do() -> None:
    assert text_of(plan()) == "nothing to do: the cluster is as declared\n"


def test_plan_that_only_waits_says_what_for() -> None:
    assert text_of(plan(WAIT_DATABASE)).splitlines() == [
        "nothing to do: the cluster is as declared",
        "    shop_db  waits until shop_db runs healthy",
    ]


def test_refused_plan_shows_all_refusals_with_errors_first_and_nothing_else() -> None:
    warning = Finding("H60", "warning", "B", "its memory is short")
    error = Finding("H49", "error", "A -> B", "two swarms", "ids x and y", "on B run: docker swarm leave")
    assert text_of(plan(refusals=(warning, error), warnings=(warning,))).splitlines() == [
        "cluster shop: refused for 2 reasons, nothing was changed",
        "",
        "error  H49  A -> B",
        "  two swarms",
        "  seen   ids x and y",
        "  to do  on B run: docker swarm leave",
        "",
        "warning  H60  B",
        "  its memory is short",
    ]


def test_warnings_stand_after_the_plan() -> None:
    shown = text_of(plan(INIT, warnings=(Finding("H60", "warning", "B", "its memory is short"),)))
    assert shown.index("1 create") < shown.index("H60")


def test_removal_of_a_volume_is_said_to_be_final() -> None:
    volume = Step("v", "volume", "remove", "shop_data", "remove volume", "asked for", destructive=True)
    network = Step("n", "network", "remove", "shop_net", "remove network", "asked for", destructive=True)
    assert text_of(plan(volume)).count("cannot be undone") == 1
    assert "cannot be undone" not in text_of(plan(network))


def test_lines_are_no_wider_than_the_console_and_wrap_beside_their_target() -> None:
    long = Step("s", "service", "create", "shop_db", "create service " + "with many words " * 10, "because " * 5)
    lines = text_of(plan(long), width=80).splitlines()
    assert max(map(len, lines)) <= 80
    assert [line for line in lines if line.startswith(" " * 13)]
    assert all(line == line.rstrip() for line in lines)


def test_hosts_count_only_what_the_inventory_names_when_it_is_given() -> None:
    image = Step("i", "image", "create", "C", "send shop/db", "38 MB; it lacks it")
    assert "across 3 hosts" in text_of(plan(INIT, JOIN_B, image, DATABASE), hosts=["A", "B", "C"])


def test_what_a_host_says_can_neither_steer_the_terminal_nor_show_a_token() -> None:
    step = Step("x", "node", "create", "B", "join\x1b[2J as SWMTKN-1-abc-def")
    shown = text_of(plan(step))
    assert "\x1b" not in shown
    assert "abc-def" not in shown


def test_json_has_schema_operations_and_what_they_wait_for() -> None:
    shown = json.loads(json.dumps(plan_as_json(plan(INIT, JOIN_B, LABEL_A))))
    assert shown["schema"] == "swarmkit.plan/1"
    assert (shown["empty"], shown["refused"]) == (False, False)
    assert [operation["key"] for operation in shown["operations"]] == ["swarm", "join:B", "label:A"]
    assert shown["operations"][1]["after"] == ["swarm"]
    assert shown["operations"][2]["changes"] == [{"path": "labels.tier", "old": "", "new": "frontend"}]


def test_json_of_a_refused_plan_carries_the_refusals() -> None:
    shown = plan_as_json(plan(refusals=(Finding("H49", "error", "A", "SWMTKN-1-abc-def"),)))
    assert shown["refused"] is True
    assert shown["refusals"][0] == {
        "code": "H49",
        "severity": "error",
        "where": "A",
        "what": "[redacted]",
        "evidence": "",
        "remedy": "",
    }


def test_why_there_is_nothing_to_do_is_said_where_a_plan_knows() -> None:
    assert text_of(Plan(why_nothing="nothing is newer")) == "nothing to do: nothing is newer\n"
