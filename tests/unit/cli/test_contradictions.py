"""Words of `network create` and `connect` that cannot go together are told before a host is asked."""

from __future__ import annotations

from typing import Any

import pytest

from swarmkit.cli.networking.contradictions import check_words
from swarmkit.cli.networking.words import container_links, pairs
from swarmkit.errors import InputError
from swarmkit.plan.networks.wish import NetworkWish

SUBNET = {"subnets": ("10.1.0.0/24",)}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"options": {"encrypted": ""}}, "only overlays are encrypted: a bridge is not"),
        ({"ingress": True}, "for an overlay"),
        ({"ingress": True, "driver": "overlay", "scope": "local"}, "for an overlay"),
        ({"ingress": True, "driver": "overlay", "attachable": True}, "cannot be attachable"),
        ({"ingress": True, "driver": "overlay", "config_from": "c"}, "config-only"),
        ({**SUBNET, "driver": "overlay", "aux_addresses": ({"r": "10.1.0.9"},)}, "keep no auxiliary addresses"),
        ({**SUBNET, "driver": "macvlan", "config_from": "c"}, "takes the addresses of the other network"),
        ({"driver": "macvlan", "config_from": "c", "ipam_options": {"a": "b"}}, "takes the addresses of the other"),
        ({**SUBNET, "driver": "macvlan", "ipam_driver": "null"}, "gives no addresses of a --subnet"),
        ({"ipam_driver": "null"}, "a bridge needs addresses"),
        ({**SUBNET, "aux_addresses": ({"r": "10.1.0.1"},)}, "first address for the gateway"),
    ],
)
def test_words_that_no_engine_takes_together_are_refused(words: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        check_words(NetworkWish("app", **words))


def test_all_of_them_are_told_together() -> None:
    with pytest.raises(InputError, match=r"for an overlay.*; .*cannot be attachable.*; .*null: a bridge") as caught:
        check_words(NetworkWish("app", ingress=True, attachable=True, ipam_driver="null"))
    assert caught.value.to_do == "give -d overlay; leave --attachable out; leave --ipam-driver out"


@pytest.mark.parametrize(
    "words",
    [
        {"ingress": True, "driver": "overlay", **SUBNET},
        {**SUBNET, "aux_addresses": ({"r": "10.1.0.1"},), "gateways": ("10.1.0.2",)},
        {**SUBNET, "aux_addresses": ({"r": "10.1.0.1"},), "ip_ranges": ("10.1.0.128/25",)},
        {"driver": "macvlan", "config_only": True, **SUBNET, "aux_addresses": ({"r": "10.1.0.9"},)},
        {"driver": "ipvlan", "ipam_driver": "null"},
        {"driver": "macvlan", "scope": "swarm", "config_from": "c"},
    ],
)
def test_words_that_go_together_are_none_of_them(words: dict[str, Any]) -> None:
    check_words(NetworkWish("app", **words))


def test_pairs_may_have_to_have_a_value() -> None:
    assert pairs("--opt", ("encrypted", "a=b=c")) == {"encrypted": "", "a": "b=c"}
    assert pairs("--driver-opt", ("a=", "b=c"), with_values=True) == {"a": "", "b": "c"}
    for word in ("encrypted", "=x"):
        with pytest.raises(InputError, match="no KEY=VALUE"):
            pairs("--driver-opt", (word,), with_values=True)


def test_a_link_is_a_container_and_perhaps_another_name_of_it() -> None:
    assert container_links(("db", "db:store")) == ("db", "db:store")
    for word in ("", ":store", "db:", "a:b:c"):
        with pytest.raises(InputError, match="no CONTAINER:ALIAS"):
            container_links((word,))
