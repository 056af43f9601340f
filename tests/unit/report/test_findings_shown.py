import io

from rich.console import Console

from swarmkit.finding import Finding
from swarmkit.proof import Proof
from swarmkit.report.findings import is_proved, print_findings, proof_as_json

PROOFS = [
    *(Finding("V01", "ok", name, f"{name} is a ready worker, active") for name in "ABC"),
    Finding("V08", "ok", "shop_net", "network shop_net was made with the option encrypted"),
]
WARNING = Finding("V13", "warning", "ingress", "ports cross in clear", "published: 8080")
ERROR = Finding("V11", "error", "A -> B", "B decrypts nothing", "A sent 1234 bytes", "allow IP protocol 50")


def lines_of(*findings: Finding) -> list[str]:
    stream = io.StringIO()
    print_findings(Console(file=stream, width=100), findings)
    return stream.getvalue().splitlines()


def test_proofs_are_condensed_by_code() -> None:
    assert lines_of(*PROOFS) == [
        "proved  V01  3 hosts are ready nodes, as declared  (A, B, C)",
        "proved  V08  network shop_net was made with the option encrypted",
        "",
        "4 proved",
    ]


def test_errors_stand_first_and_in_full_and_the_count_last() -> None:
    assert lines_of(*PROOFS[3:], WARNING, ERROR) == [
        "error  V11  A -> B",
        "  B decrypts nothing",
        "  seen   A sent 1234 bytes",
        "  to do  allow IP protocol 50",
        "  more   swarmkit doctor --explain V11, docs/checks.md#v11",
        "",
        "warning  V13  ingress",
        "  ports cross in clear",
        "  seen   published: 8080",
        "  more   swarmkit doctor --explain V13, docs/checks.md#v13",
        "",
        "proved  V08  network shop_net was made with the option encrypted",
        "",
        "not proved: 1 error, 1 warning, 1 proved",
    ]


def test_what_is_broken_stands_before_all_else_that_is_wrong() -> None:
    leaks = Finding("V12", "error", "A <-> B", "broken: network shop_net is open between A and B")
    cause = Finding("V14", "error", "C", "C does not answer: nothing is proved there")
    follows = Finding("V12", "error", "A <-> C", "the encryption is not proved", follows_from="V14")
    unreached = Finding("V05", "error", "web@A -> api", "web does not reach api")
    shown = lines_of(WARNING, unreached, cause, follows, leaks)
    heads = [line for line in shown if line.startswith(("error", "warning"))]
    assert heads == ["error  V12  A <-> B", "error  V14  C", "error  V05  web@A -> api", "warning  V13  ingress"]


def test_proofs_of_an_unnamed_code_and_of_many_places_are_counted() -> None:
    shown = lines_of(*(Finding("V99", "ok", f"node{n}", "all is well") for n in range(9)))
    assert shown[0] == ("proved  V99  9 times: all is well  (node0, node1, node2, node3, node4, node5 and 3 more)")


def test_silence_proves_nothing() -> None:
    assert not is_proved([])
    assert not is_proved([WARNING])
    assert not is_proved([*PROOFS, ERROR])
    assert is_proved([*PROOFS, WARNING])
    assert lines_of()[-1] == "not proved: 0 proved"


def test_json_counts_and_keeps_every_finding() -> None:
    shown = proof_as_json(Proof((*PROOFS, ERROR)))
    assert (shown["schema"], shown["proved"]) == ("swarmkit.verify/1", False)
    assert shown["counts"] == {"error": 1, "warning": 0, "ok": 4}
    assert shown["findings"][-1]["remedy"] == "allow IP protocol 50"
