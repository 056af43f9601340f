"""Where hosts, tasks and networks stand in the page's picture: lanes like a metro map's, arcs between hosts; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from swarmkit.proof import Proof, SeenHost, SeenNetwork, SeenPort, SeenTask, Verdict

HOST_HEIGHT, TASK_HEIGHT, GAP = 54, 36, 20
LANE_WIDTH, MARGIN = 18, 12
COLOURS = 8
"""How many the style sheet has for networks; more networks take them in turn."""
_WORST_FIRST: tuple[Verdict, ...] = ("broken", "not proved", "proved")


@dataclass(frozen=True)
class Row:
    """A service's tasks on a host that are on the same networks."""

    task: SeenTask
    count: int
    ports: tuple[SeenPort, ...]
    y: int


@dataclass(frozen=True)
class HostCard:
    host: SeenHost
    y: int
    """Middle of its heading."""
    height: int
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Lane:
    """A network as a coloured line, with a stop at each task, or host, that is on it."""

    network: SeenNetwork
    colour: int
    x: int
    stops: tuple[int, ...]

    @property
    def verdict(self) -> Verdict | None:
        """Return the worst of its pairs; None when it has none."""
        found = {pair.verdict for pair in self.network.pairs}
        return next((verdict for verdict in _WORST_FIRST if verdict in found), None)

    @property
    def told(self) -> str:
        """Return in a few words whether it is encrypted."""
        if not self.network.encrypted:
            return "not encrypted"
        pairs = self.network.pairs
        if not pairs:
            return "encrypted; no two hosts carry it"
        proved = sum(pair.verdict == "proved" for pair in pairs)
        return f"encrypted: {proved} of {len(pairs)} pair{'s' * (len(pairs) != 1)} of hosts proved"


@dataclass(frozen=True)
class Arc:
    """The verdict between two hosts, the worst of all networks that both carry."""

    first: str
    second: str
    verdict: Verdict
    told: str
    path: str


@dataclass(frozen=True)
class Topology:
    cards: tuple[HostCard, ...]
    lanes: tuple[Lane, ...]
    arcs: tuple[Arc, ...]
    post: int
    """Where the arcs end, from the left."""
    width: int
    height: int
    host_height: int = HOST_HEIGHT
    task_height: int = TASK_HEIGHT
    gap: int = GAP

    @property
    def met(self) -> frozenset[str]:
        """Return the hosts at which an arc ends."""
        return frozenset(name for arc in self.arcs for name in (arc.first, arc.second))


def draw(proof: Proof) -> Topology:
    """Return the places of everything in the picture."""
    cards = tuple(_cards(proof.hosts, proof.ports))
    heights = {card.host.name: card.y for card in cards}
    verdicts = _worst(proof.networks)
    order = list(heights)
    spans = [abs(order.index(one) - order.index(other)) for one, other in verdicts if {one, other} <= heights.keys()]
    left = MARGIN + (_bulge(max(spans)) * 3 // 4 if spans else 0)
    arcs = tuple(
        Arc(*pair, *verdict, _curve(left, heights[pair[0]], heights[pair[1]], _bulge(span)))
        for (pair, verdict), span in zip(verdicts.items(), spans, strict=True)
    )
    first_lane = left + (LANE_WIDTH if arcs else 0)
    lanes = tuple(
        Lane(network, number % COLOURS, first_lane + number * LANE_WIDTH, tuple(_stops(network, cards)))
        for number, network in enumerate(proof.networks)
    )
    height = sum(card.height + GAP for card in cards) - GAP if cards else 0
    return Topology(cards, lanes, arcs, left, first_lane + len(lanes) * LANE_WIDTH, height)


def _cards(hosts: Sequence[SeenHost], ports: Sequence[SeenPort]) -> Iterator[HostCard]:
    top = 0
    for host in hosts:
        counted = Counter(host.tasks)
        below = top + HOST_HEIGHT
        rows = tuple(
            Row(
                task,
                count,
                tuple(port for port in ports if port.service == task.service),
                below + number * TASK_HEIGHT + TASK_HEIGHT // 2,
            )
            for number, (task, count) in enumerate(counted.items())
        )
        height = HOST_HEIGHT + max(1, len(rows)) * TASK_HEIGHT
        yield HostCard(host, top + HOST_HEIGHT // 2, height, rows)
        top += height + GAP


def _stops(network: SeenNetwork, cards: Sequence[HostCard]) -> Iterator[int]:
    for card in cards:
        of_tasks = [row.y for row in card.rows if network.name in row.task.networks]
        yield from of_tasks
        # No task names ingress as its network: each host carries it.
        if not of_tasks and card.host.name in network.hosts:
            yield card.y


def _worst(networks: Sequence[SeenNetwork]) -> dict[tuple[str, str], tuple[Verdict, str]]:
    told: dict[tuple[str, str], list[tuple[Verdict, str]]] = {}
    for network in networks:
        for pair in network.pairs:
            told.setdefault((pair.first, pair.second), []).append((pair.verdict, f"{network.name} {pair.verdict}"))
    return {
        pair: (min((verdict for verdict, _ in of_pair), key=_WORST_FIRST.index), ", ".join(text for _, text in of_pair))
        for pair, of_pair in told.items()
    }


def _bulge(span: int) -> int:
    return min(22 + 16 * span, 96)


def _curve(x: int, start: int, end: int, bulge: int) -> str:
    return f"M{x} {start}C{x - bulge} {start} {x - bulge} {end} {x} {end}"
