"""The page of a proof: what it holds, that hosts' words stay words, and how it looks in a real browser."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from lab.browser import chromium, keep_picture, new_page
from made_proofs import HOSTILE, TOKEN, hostile_proof

from swarmkit.finding import Finding
from swarmkit.proof import Proof
from swarmkit.report.page.render import proof_page
from swarmkit.report.page.topology import draw
from swarmkit.report.page.ways import ways_of

NOW = datetime.datetime(2026, 11, 25, 9, 30, tzinfo=datetime.UTC)


def page_of(proof: Proof) -> str:
    return proof_page(proof, cluster="<b>shop</b>", seconds=6.24, now=NOW)


class Elements(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}


def test_what_hosts_say_becomes_no_element_and_secrets_are_masked() -> None:
    text = page_of(hostile_proof())
    seen = Elements(text)
    assert not seen.names & {"script", "img", "b", "link", "iframe", "a", "form"}
    assert not {name for name in seen.attributes if name.startswith("on") or name in ("src", "href", "srcset")}
    assert TOKEN not in text
    assert "[redacted]" in text
    assert "url(" not in text
    assert "@import" not in text


def test_a_proof_of_nothing_is_told_as_not_proved() -> None:
    error = Finding("V00", "error", "shop", "no manager tells of the cluster", "timed out", "swarmkit status")
    text = page_of(Proof((error,)))
    assert "not proved" in text
    assert "no manager tells of the cluster" in text
    assert "<svg" not in text


def cut_off_proof() -> Proof:
    """One host is cut off; of five errors three follow from that."""
    proof = hostile_proof()
    way = "shop_backend@earth -> shop_database"
    cut = Finding("V27", "error", "mars", "mars is cut off", "6 ways tried", "mend the network of mars first")
    more = [Finding(code, "error", way, f"{code} follows", follows_from="V27") for code in ("V04", "V05", "V17")]
    return replace(proof, findings=(*more, *proof.findings, cut))


def test_what_follows_from_a_host_that_is_cut_off_is_told_below_it_folded() -> None:
    text = page_of(cut_off_proof())
    headings = re.findall(r"<h3>(V\d+)", text)
    assert headings[0] == "V27"
    assert headings[-3:] == ["V04", "V05", "V17"]
    folded = text.partition('<details class="following">')[2].partition("</details>")[0]
    assert re.findall(r"<h3>(V\d+)", folded) == ["V04", "V05", "V17"]
    assert "V27" in folded.partition("</summary>")[0]


def test_lanes_stop_at_their_tasks_and_ingress_at_its_hosts() -> None:
    topology = draw(hostile_proof())
    by_name = {lane.network.name: lane for lane in topology.lanes}
    cards = {card.host.name: card for card in topology.cards}
    assert by_name["ingress"].stops == tuple(cards[name].y for name in ("mercury", "venus", "earth"))
    assert by_name["shop_data"].stops == (cards["venus"].rows[0].y, cards["earth"].rows[0].y)
    assert cards["mercury"].rows[0].count == 2
    assert by_name["shop_net"].told == "encrypted: 1 of 3 pairs of hosts proved"
    verdicts = {(arc.first, arc.second): (arc.verdict, arc.told) for arc in topology.arcs}
    assert verdicts["venus", "earth"] == ("not proved", "shop_net not proved, shop_data proved")
    assert verdicts["mercury", "venus"][0] == "broken"


def test_the_matrix_has_what_arrives_what_stays_apart_and_what_fails() -> None:
    ways = ways_of(hostile_proof().findings)
    assert ways.targets == ("shop_backend", "shop_database")
    told = {source: [cell and (cell.kind, cell.words) for cell in cells] for source, cells in ways.rows}
    assert told == {
        "shop_frontend@mercury": [("error", "not reached: V05"), ("ok", "apart")],
        "shop_backend@venus": [None, ("ok", "packets")],
        "host mars": [None, ("error", "not apart: V24")],
    }


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("page") / "proof.html"
    file.write_text(page_of(hostile_proof()))
    return file


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.mark.browser
@pytest.mark.xdist_group("browser")
@pytest.mark.parametrize(
    ("name", "context"),
    [
        ("proof-light", {"color_scheme": "light"}),
        ("proof-dark", {"color_scheme": "dark"}),
        ("proof-phone", {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2}),
    ],
)
def test_the_page_is_whole_in_a_browser_and_asks_nobody(
    browser: Any, page_file: Path, name: str, context: dict[str, Any]
) -> None:
    complaints: list[str] = []
    requests: list[str] = []
    page = new_page(browser, **context)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(page_file.as_uri())
    assert page.title() == "<b>shop</b>: not proved · swarmkit verify"
    assert page.get_by_role("heading", name="<b>shop</b> is not proved").is_visible()
    # Errors first.
    assert "V05" in page.locator(".finding h3").first.text_content()
    assert page.get_by_text("iptables -w -I INPUT -p esp").is_visible()
    assert page.locator(".task").filter(has_text=HOSTILE).is_visible()
    assert page.locator(".arc.error").count() == 1
    page.locator("summary").first.click()
    assert page.get_by_text("mercury is a ready manager, active").is_visible()
    full, visible = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert full == visible
    back, text = page.evaluate("(style => [style.backgroundColor, style.color])(getComputedStyle(document.body))")
    is_dark = _brightness(text) > _brightness(back) + 500
    assert is_dark == (name == "proof-dark")
    keep_picture(page, name)
    assert complaints == []
    assert requests == [page_file.as_uri()]


def _brightness(colour: str) -> int:
    return sum(int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(","))


@pytest.mark.browser
@pytest.mark.xdist_group("browser")
def test_on_a_phone_ports_are_told_below_and_names_break_between_words(browser: Any, page_file: Path) -> None:
    page = new_page(browser, viewport={"width": 375, "height": 760})
    page.goto(page_file.as_uri())
    told = page.locator(".published")
    assert [text.strip() for text in told.all_text_contents()] == [
        f"⇄ {port.published}/{port.protocol}: {port.service}, on every node" for port in hostile_proof().ports
    ]
    assert told.first.is_visible()
    assert page.locator("tbody th").first.inner_html() == "shop_<wbr>backend<wbr>@venus"
    # What is the test's own long name may be cut off; hosts' and services' of usual length are not.
    names = page.locator(".host header strong, .task > span:first-child")
    cut = names.evaluate_all("all => all.filter(one => one.scrollWidth > one.clientWidth).map(one => one.textContent)")
    assert [name for name in cut if len(name) < 20] == []
    keep_picture(page, "proof-small-phone")
    wide = new_page(browser)
    wide.goto(page_file.as_uri())
    assert wide.locator(".published").first.is_hidden()


@pytest.mark.browser
@pytest.mark.xdist_group("browser")
def test_a_click_selects_a_whole_remedy_to_copy(browser: Any, page_file: Path) -> None:
    page = new_page(browser)
    page.goto(page_file.as_uri())
    page.locator("pre.copy").first.click()
    assert page.evaluate("getSelection().toString()").strip() == (
        "on venus: sudo iptables -w -I INPUT -p esp -s 10.88.0.11 -j ACCEPT"
    )
