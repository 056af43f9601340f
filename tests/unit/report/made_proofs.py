"""Made-up proofs for the page: a healthy cluster, and one with faults whose hosts say hostile things."""

from __future__ import annotations

from itertools import combinations

from swarmkit.finding import Finding
from swarmkit.proof import PairVerdict, Proof, SeenHost, SeenNetwork, SeenPort, SeenTask, Verdict

HOSTILE = "<script>document.title = 'hacked'</script>"
HOSTILE_IMAGE = '"><img src=https://evil.example/x onerror="document.title=1">'
TOKEN = "SWMTKN-1-4x8pq2c9abc-7yzu1"
HOSTS = ("mercury", "venus", "earth", "mars")


def pairs(hosts: tuple[str, ...], wrong: dict[tuple[str, str], tuple[Verdict, str]]) -> tuple[PairVerdict, ...]:
    found = []
    for pair in combinations(hosts, 2):
        verdict, why = wrong.get(pair, ("proved", ""))
        found.append(PairVerdict(*pair, verdict, (why,) if why else ()))
    return tuple(found)


def hostile_proof() -> Proof:
    """Four hosts, one no node; three networks; errors, a warning and proofs; markup wherever a host has a say."""
    broken: dict[tuple[str, str], tuple[Verdict, str]] = {
        ("mercury", "venus"): ("broken", f"a clear frame enters on venus {HOSTILE}"),
        ("venus", "earth"): ("not proved", "the cable of earth was not watched"),
    }
    frontend = SeenTask("shop_frontend", ("shop_net",))
    backend = SeenTask("shop_backend", ("shop_net", "shop_data"))
    hostile = SeenTask(HOSTILE, ("shop_net", HOSTILE_IMAGE))
    hosts = (
        SeenHost("mercury", "10.88.0.11", "leader", "ready", (frontend, frontend)),
        SeenHost("venus", "10.88.0.12", "worker", "ready", (backend, hostile)),
        SeenHost("earth", "10.88.0.13", "worker", "down", (SeenTask("shop_database", ("shop_data",)),)),
        SeenHost("mars", "10.88.0.14", "", "no node"),
    )
    networks = (
        SeenNetwork("shop_net", encrypted=True, hosts=HOSTS[:3], pairs=pairs(HOSTS[:3], broken)),
        SeenNetwork("shop_data", encrypted=True, hosts=HOSTS[1:3], pairs=pairs(HOSTS[1:3], {})),
        SeenNetwork(HOSTILE_IMAGE, encrypted=False, hosts=("venus",)),
        SeenNetwork("ingress", encrypted=False, hosts=HOSTS[:3]),
    )
    return Proof(tuple(_findings()), hosts, networks, (SeenPort("shop_frontend", 8080, "tcp", "ingress"),))


def _findings() -> list[Finding]:
    way = "shop_frontend@mercury -> shop_backend"
    remedy = "on venus: sudo iptables -w -I INPUT -p esp -s 10.88.0.11 -j ACCEPT"
    return [
        Finding("V01", "ok", "mercury", "mercury is a ready manager, active"),
        Finding("V13", "warning", "ingress", "a request crosses in clear", f"the token is {TOKEN}", "speak TLS"),
        Finding("V04", "ok", way, "shop_frontend on mercury resolves shop_backend", "shop_backend is 10.0.1.4"),
        Finding("V05", "error", way, f"shop_frontend does not reach {HOSTILE}", HOSTILE_IMAGE, remedy),
        Finding("V17", "ok", "shop_backend@venus -> shop_database", "payloads of any size arrive"),
        Finding("V18", "ok", "shop_frontend@mercury -> shop_database", "gets no answer", HOSTILE),
        Finding("V24", "error", "host mars -> shop_database", "host mars gets to shop_database", "10.0.1.7 answers"),
    ]
