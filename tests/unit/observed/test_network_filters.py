"""Filters mean what they mean to Docker's tool."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from swarmkit.errors import InputError
from swarmkit.observed.network_filters import LISTED_BY, PRUNED_BY, moment, read_filter
from swarmkit.observed.networks import HostNetwork

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ALL = (*LISTED_BY, *PRUNED_BY)


def network(name: str = "shop_net", **raw: Any) -> HostNetwork:
    whole = {"Driver": "bridge", "Labels": {"team": "shop", "empty": ""}, "Created": "2026-02-28T12:00:00.123456789Z"}
    whole |= raw
    return HostNetwork("A", "0123456789abcdef", name, str(whole["Driver"]), "local", whole, {})


@pytest.mark.parametrize(
    ("words", "passes"),
    [
        ((), True),
        (("name=op_n",), True),
        (("name=^net",), False),
        (("name=^net", "name=^shop"), True),
        (("name=(",), False),
        (("id=012345",), True),
        (("id=xyz",), False),
        (("driver=bridge",), True),
        (("driver=brid",), False),
        (("driver=overlay", "driver=bridge"), True),
        (("scope=local", "driver=overlay"), False),
        (("scope=swarm",), False),
        (("label=team",), True),
        (("label=team=shop", "label=empty="), True),
        (("label=team=shop", "label=other"), False),
        (("label=team=other",), False),
        (("label!=team",), False),
        (("label!=team=other",), True),
        (("label!=team", "label!=other"), True),
        (("type=custom",), True),
        (("type=builtin",), False),
        (("type=builtin", "type=custom"), True),
        (("until=24h",), False),
        (("until=23h59m",), True),
        (("until=2026-02-28T12:00:01Z",), True),
        (("until=2026-02-28T12:00:00Z",), False),
    ],
)
def test_a_network_passes_what_docker_lets_pass(words: tuple[str, ...], passes: bool) -> None:
    assert read_filter(words, ALL, NOW).passes(network()) is passes


@pytest.mark.parametrize(("name", "builtin"), [("bridge", True), ("none", True), ("ingress", False), ("app", False)])
def test_ingress_is_none_of_those_that_docker_calls_built_in(name: str, builtin: bool) -> None:
    assert read_filter(("type=builtin",), ALL, NOW).passes(network(name)) is builtin


@pytest.mark.parametrize(
    ("name", "used", "dangling"), [("app", (), True), ("app", ("0123456789abcdef",), False), ("bridge", (), False)]
)
def test_a_network_dangles_that_nothing_is_on_and_the_engine_did_not_make(
    name: str, used: tuple[str, ...], dangling: bool
) -> None:
    for word, passes in (("true", dangling), ("1", dangling), ("false", not dangling), ("0", not dangling)):
        assert read_filter((f"dangling={word}",), ALL, NOW).passes(network(name), used) is passes


def test_what_has_no_time_of_its_own_is_not_older_than_anything() -> None:
    assert not read_filter(("until=1h",), ALL, NOW).passes(network(Created=None))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("nothing=true",), "is none of this command"),
        (("dangling=maybe",), "true or false"),
        (("dangling=true", "dangling=false"), "true or false"),
        (("name",), "is none of this command"),
        (("type=other",), "is no type"),
        (("until=1h", "until=2h"), "given twice"),
        (("until=soon",), "is no time"),
        (("until=",), "is no time"),
    ],
)
def test_a_filter_that_docker_would_refuse_is_refused(words: tuple[str, ...], says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_filter(words, ALL, NOW)
    if words[0].startswith("until"):
        with pytest.raises(InputError, match="none of this command"):
            read_filter(words, LISTED_BY, NOW)


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("1.5h", NOW - timedelta(minutes=90)),
        ("1h30m10s", NOW - timedelta(seconds=5410)),
        ("1772280000", datetime(2026, 2, 28, 12, 0, tzinfo=UTC)),
        ("2026-02-28T14:00:00+02:00", datetime(2026, 2, 28, 12, 0, tzinfo=UTC)),
        ("2026-02-28T14:00", datetime(2026, 2, 28, 14, 0).astimezone(UTC)),
        ("2026-02-28", datetime(2026, 2, 28).astimezone(UTC)),
    ],
)
def test_a_time_is_written_in_dockers_ways(text: str, means: datetime) -> None:
    assert moment(text, NOW) == means
