"""The scripts themselves, run here by bash; a stand-in for nsenter leaves them in this namespace."""

import ast
import os
import shutil
import signal
import socket
import socketserver
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from swarmkit.errors import SwarmkitError
from swarmkit.reach.ssh import CommandResult
from swarmkit.verify.probe import dns
from swarmkit.verify.probe.script import LANGUAGES, Language, run_script

Resolver = tuple[int, list[bytes], bytes]

SAMPLES = Path(__file__).parent / "samples"


class LocalShell:
    """Runs scripts by this machine's /bin/sh, with *tools* before all others on the path."""

    def __init__(self, tools: Path) -> None:
        self.tools = tools
        self.only_tools = False

    def run(
        self, script: str, arguments: tuple[str, ...] = (), *, timeout_seconds: float, root: bool = True
    ) -> CommandResult:
        assert root
        path = str(self.tools) if self.only_tools else f"{self.tools}:{os.environ['PATH']}"
        done = subprocess.run(
            ["/bin/sh", "-s", "--", *arguments],
            input=script,
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            env={"PATH": path},
            check=False,
        )
        return CommandResult(done.returncode, done.stdout, done.stderr)


def install(folder: Path, name: str, script: str) -> None:
    tool = folder / name
    tool.write_text(f"#!/bin/bash\n{script}\n")
    tool.chmod(0o755)


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    install(tmp_path, "nsenter", 'shift 3; exec "$@"')
    return tmp_path


@pytest.fixture
def resolver() -> Iterator[Resolver]:
    """A DNS server over TCP that answers every question with one packet full of odd bytes."""
    reply = bytes(range(256)) + b"\0\n\0"

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            size = int.from_bytes(self.request.recv(2), "big")
            received.append(self.request.recv(size, socket.MSG_WAITALL))
            self.request.sendall(len(reply).to_bytes(2, "big") + reply)

    received: list[bytes] = []
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], received, reply
        server.shutdown()


def run(tools: Path, name: str, *wishes: str, speaks: Language | None = None) -> dict[str, str]:
    return run_script(LocalShell(tools), name, wishes, timeout_seconds=20, speaks=speaks)


def test_look_script_tells_what_chains_nftables_has(tools: Path) -> None:
    install(tools, "nft", '[[ $* == "list chains" ]] && printf "table inet filter {\\n\\tchain input {\\n"')
    assert run(tools, "look.sh")["firewalls"].splitlines()[-2:] == ["table inet filter {", "\tchain input {"]


def test_look_script_tells_udp_sockets_and_where_the_ingress_network_leads(tools: Path) -> None:
    install(tools, "nsenter", '[[ $1 == --net=/run/docker/netns/ingress_sbox ]] && shift && exec "$@"')
    install(tools, "iptables", 'echo "-A $*"')
    with socket.socket(type=socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        said = run(tools, "look.sh", "datagrams 1", "mesh")
        assert f"0100007F:{bound.getsockname()[1]:04X}" in said["datagrams.1"].splitlines()
    assert said["mesh_rules"] == "-A -w 5 -t mangle -S PREROUTING"
    assert "mesh_services" in said


@pytest.mark.parametrize("command", ["exec sleep 60", "sleep 60; true"])
def test_look_script_tells_a_container_whose_processes_a_signal_has_stopped(tools: Path, command: str) -> None:
    with subprocess.Popen(["sh", "-c", command], start_new_session=True) as process:
        try:
            first = Path(f"/proc/{process.pid}")
            children = first / "task" / first.name / "children"
            wait_for(lambda: children.read_text() or "sleep" in (first / "comm").read_text())
            assert run(tools, "look.sh", f"stopped {process.pid}")[f"stopped.{process.pid}"] == ""
            last = (children.read_text().split() or [first.name])[-1]
            os.kill(int(last), signal.SIGSTOP)
            wait_for(lambda: ") T " in Path(f"/proc/{last}/stat").read_text())
            assert run(tools, "look.sh", f"stopped {process.pid}")[f"stopped.{process.pid}"] == "stopped"
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def wait_for(so: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_look_script_tells_a_host_without_an_ingress_network(tools: Path) -> None:
    install(tools, "nsenter", "exit 1")
    assert run(tools, "look.sh", "mesh")["mesh_rules"] == "unreadable"


def test_look_script_knows_no_links_where_the_engine_keeps_no_namespace(tools: Path) -> None:
    assert run(tools, "look.sh", "links 0123456789abcdef")["links.0123456789abcdef"] == ""


def test_look_script_tells_the_routes_of_a_process_and_of_one_that_ended_none(tools: Path) -> None:
    assert run(tools, "look.sh", f"routes {os.getpid()}")[f"routes.{os.getpid()}"].startswith("Iface")
    assert run(tools, "look.sh", "routes 4194999")["routes.4194999"] == ""


def test_probe_script_tells_open_from_refused(tools: Path, resolver: Resolver) -> None:
    port = resolver[0]
    said = run(tools, "probe.sh", "in 1", f"tcp 0 127.0.0.1 {port}", "tcp 1 127.0.0.1 9")
    assert sorted(said["answers"].splitlines()) == ["tcp 0 ok", "tcp 1 Connection refused"]


def test_probe_script_carries_every_byte_of_question_and_answer(tools: Path, resolver: Resolver) -> None:
    port, received, reply = resolver
    query = dns.question("tasks.ten-chars.")
    escaped = "".join(f"\\x{byte:02x}" for byte in query)
    said = run(tools, "probe.sh", "in 1", f"dns 7 127.0.0.1 {port} {escaped}")
    kind, key, answer = said["answers"].split()
    assert (kind, key) == ("dns", "7")
    assert bytes.fromhex(answer) == len(reply).to_bytes(2, "big") + reply
    assert received == [query[2:]]


def test_probe_script_gives_no_line_for_what_does_not_answer(tools: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        asking = (f"dns 0 127.0.0.1 {port} \\x00", "tcp 1 127.0.0.1 9")
        said = run(tools, "probe.sh", "patience 1", "in 1", *asking)
    assert said["answers"].splitlines() == ["tcp 1 Connection refused"]


@pytest.mark.parametrize("speaks", [*LANGUAGES, None])
def test_probe_script_waits_as_long_as_it_is_told(tools: Path, speaks: Language | None) -> None:
    with socket.socket() as slow:
        slow.bind(("127.0.0.1", 0))
        slow.listen()
        port = slow.getsockname()[1]

        def answer_late() -> None:
            late, _ = slow.accept()
            with late:
                time.sleep(4)
                late.sendall(b"\0\1x")

        answering = threading.Thread(target=answer_late)
        answering.start()
        asking = (f"patience {6 if speaks else 5.5}", "in 1", f"dns 0 127.0.0.1 {port} \\x00")
        said = run(tools, "probe.sh", *(f"cable {line}" if speaks else line for line in asking), speaks=speaks)
        answering.join()
    assert "dns 0 000178" in said["cable" if speaks else "answers"].splitlines()


@pytest.mark.parametrize("speaks", LANGUAGES)
def test_probe_script_asks_and_connects_in_each_language(tools: Path, resolver: Resolver, speaks: Language) -> None:
    port, received, reply = resolver
    query = dns.question("tasks.ten-chars.")
    escaped = "".join(f"\\x{byte:02x}" for byte in query)
    asking = (f"dns 7 127.0.0.1 {port} {escaped}", f"tcp 0 127.0.0.1 {port}", "tcp 1 127.0.0.1 9", "in 99999999")
    wishes = [f"cable {line}" for line in ("in 1", *asking, "tcp 2 127.0.0.1 9")]
    answers = run(tools, "probe.sh", *wishes, speaks=speaks)["cable"].splitlines()
    whole = (len(reply).to_bytes(2, "big") + reply).hex()
    refused, lost = "tcp 1 Connection refused", "lost 99999999 No such file or directory"
    assert answers == ["ready", f"dns 7 {whole}", "tcp 0 ok", refused, lost, "end"]
    assert query[2:] in received


def test_python_of_the_oldest_hosts_reads_the_watcher() -> None:
    source = Path(dns.__file__).with_name("cable_on_host.py").read_text()
    read = ast.parse(source, feature_version=(3, 6))
    assert {"Watch", "Injector"} <= {one.name for one in read.body if isinstance(one, ast.ClassDef)}


@pytest.mark.parametrize("there", [("perl", "python3"), ("perl",), ("python3",), ()])
def test_look_script_tells_which_languages_are_lacking(tmp_path: Path, there: tuple[str, ...]) -> None:
    for tool in ("bash", "sh"):
        found = shutil.which(tool)
        assert found
        (tmp_path / tool).symlink_to(found)
    for language in there:
        install(tmp_path, language, "true")
    shell = LocalShell(tmp_path)
    shell.only_tools = True
    lacking = set(run_script(shell, "look.sh", (), timeout_seconds=20)["tools"].split())
    assert lacking & {"perl", "python3"} == {"perl", "python3"} - set(there)


def test_look_script_lists_what_listens(tools: Path) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        said = run(tools, "look.sh", f"listen {os.getpid()}", "listen 99999999")
        assert f"0100007F:{server.getsockname()[1]:04X}" in said[f"listen.{os.getpid()}"].splitlines()
    assert said["listen.99999999"] == "gone"


@pytest.mark.parametrize("knows_nokeys", [True, False])
def test_no_key_leaves_the_host(tools: Path, knows_nokeys: bool) -> None:
    refuse = "" if knows_nokeys else '[[ "$*" == *nokeys* ]] && exit 255'
    install(tools, "ip", f"{refuse}\ncat {SAMPLES / 'xfrm-state-with-keys.txt'}")
    install(tools, "iptables", "echo -P OUTPUT ACCEPT")
    said = run(tools, "look.sh", "ipsec")
    assert "src 10.88.0.11 dst 10.88.0.12" in said["states"]
    assert "replay-window 0 replay 0 failed 0" in said["states"]
    assert "5eec7e7" not in str(said)
    assert "aead" not in str(said)


def test_a_host_that_cannot_list_its_states_says_so(tools: Path) -> None:
    install(tools, "ip", "exit 1")
    install(tools, "iptables", "exit 1")
    said = run(tools, "look.sh", "ipsec")
    assert [said[name] for name in ("states", "policies", "mangle", "input")] == ["unreadable"] * 4


def test_a_host_that_lists_its_policies_never_says_it_cannot(tools: Path) -> None:
    """bash's wait for a process substitution gave -1 for one of 250 that had ended well: an alarm about nothing."""
    (tools / "ip").symlink_to("/bin/true")
    script = Path(dns.__file__).with_name("ipsec.sh")
    again = f". {script}; for round in {{1..1000}}; do esp_policies; done"
    path = {"PATH": f"{tools}:{os.environ['PATH']}"}
    done = subprocess.run(["/bin/bash", "-c", again], env=path, capture_output=True, check=True, text=True, timeout=60)
    assert "unreadable" not in done.stdout


def test_a_script_that_breaks_off_is_an_error(tools: Path) -> None:
    install(tools, "iptables", "kill -9 $PPID")
    with pytest.raises(SwarmkitError, match="could not run"):
        run(tools, "look.sh", "published")


def test_a_wish_with_shell_characters_is_refused(tools: Path) -> None:
    with pytest.raises(ValueError, match="not a wish"):
        run(tools, "look.sh", "listen $(id)")
