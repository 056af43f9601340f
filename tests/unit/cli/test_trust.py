import base64
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paramiko
import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from swarmkit.cli.trust import trust
from swarmkit.errors import InputError, UnreachableError
from swarmkit.reach.host_keys import fingerprint
from swarmkit.reach.known_hosts_file import KeyLine, record_keys


def ed25519_key(folder: Path, name: str) -> paramiko.PKey:
    file = folder / name
    private = Ed25519PrivateKey.generate()
    file.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    return paramiko.Ed25519Key.from_private_key_file(str(file))


@contextmanager
def ssh_server(*keys: paramiko.PKey) -> Iterator[int]:
    """Answer SSH key exchanges on a free port of the loopback, with *keys* as the host's."""
    listener = socket.create_server(("127.0.0.1", 0))
    transports = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            for key in keys:
                transport.add_server_key(key)
            transport.start_server(event=threading.Event(), server=paramiko.ServerInterface())
            transports.append(transport)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for transport in transports:
            transport.close()


def write_inventory(folder: Path, ports: dict[str, int], variables: str = "", *, aliases: bool = True) -> Path:
    hosts = "".join(
        f"        {name}: {{ansible_host: 127.0.0.{n}, ansible_port: {port}, "
        f"swarm_advertise_addr: 10.0.0.{n}{variables}}}\n"
        for n, (name, port) in enumerate(ports.items(), 1)
    )
    (folder / "ssh_config").write_text("".join(f"Host 127.0.0.{n}\n  HostKeyAlias node-{n}\n" for n in (1, 2)))
    config = f"    swarm_ssh_config: {folder}/ssh_config\n" if aliases else ""
    file = folder / "lab.yaml"
    file.write_text(
        f"all:\n  vars:\n    swarm_known_hosts: {folder}/known_hosts\n{config}"
        f"  children:\n    managers:\n      hosts:\n{hosts}"
    )
    return file


def run(inventory: Path, *arguments: str) -> Result:
    return CliRunner().invoke(trust, ["-i", str(inventory), *arguments])


def line_of(lookup: str, key: paramiko.PKey) -> str:
    return f"{lookup} {key.get_name()} {base64.b64encode(key.asbytes()).decode()}\n"


def test_unknown_key_is_shown_and_recorded(tmp_path: Path) -> None:
    key = ed25519_key(tmp_path, "key")
    with ssh_server(key) as port:
        result = run(write_inventory(tmp_path, {"A": port}), "--yes")
    assert result.exception is None
    assert result.stdout.splitlines() == [
        f"A at 127.0.0.1 port {port}: unknown",
        f"  {fingerprint(key.asbytes())}  ssh-ed25519",
        f"  known hosts: {tmp_path}/known_hosts",
    ]
    known_hosts = tmp_path / "known_hosts"
    assert known_hosts.read_text() == line_of("node-1", key)
    assert known_hosts.stat().st_mode & 0o777 == 0o600


def test_key_recorded_for_another_port_is_found_again(tmp_path: Path) -> None:
    key = ed25519_key(tmp_path, "key")
    with ssh_server(key) as port:
        inventory = write_inventory(tmp_path, {"A": port}, aliases=False)
        run(inventory, "--yes")
        assert (tmp_path / "known_hosts").read_text() == line_of(f"[127.0.0.1]:{port}", key)
        assert run(inventory).exception is None


def test_trusted_key_needs_no_answer_and_changes_nothing(tmp_path: Path) -> None:
    key = ed25519_key(tmp_path, "key")
    with ssh_server(key) as port:
        inventory = write_inventory(tmp_path, {"A": port})
        run(inventory, "--yes")
        before = (tmp_path / "known_hosts").stat()
        result = run(inventory)
    assert result.exception is None
    assert "trusted" in result.stdout
    assert (tmp_path / "known_hosts").stat() == before


def test_without_terminal_and_yes_nothing_is_recorded(tmp_path: Path) -> None:
    with ssh_server(ed25519_key(tmp_path, "key")) as port:
        result = run(write_inventory(tmp_path, {"A": port}))
    assert isinstance(result.exception, InputError)
    assert "--yes" in str(result.exception)
    assert not (tmp_path / "known_hosts").exists()


def test_declined_key_is_not_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("swarmkit.cli.trust.confirmed", lambda *_, **__: False)
    with ssh_server(ed25519_key(tmp_path, "key")) as port:
        result = run(write_inventory(tmp_path, {"A": port}))
    assert isinstance(result.exception, UnreachableError)
    assert not (tmp_path / "known_hosts").exists()


def test_changed_key_is_shown_with_the_old_one_and_never_recorded_without_replace(tmp_path: Path) -> None:
    old, new = ed25519_key(tmp_path, "old"), ed25519_key(tmp_path, "new")
    with ssh_server(new) as port:
        inventory = write_inventory(tmp_path, {"A": port})
        content = f"# mine\n{line_of('node-1', old)}"
        (tmp_path / "known_hosts").write_text(content)
        result = run(inventory, "--yes")
    assert isinstance(result.exception, UnreachableError)
    assert re.search(r"swarmkit trust -i \S+/lab.yaml --replace A", str(result.exception))
    assert f"was  {fingerprint(old.asbytes())}  {tmp_path}/known_hosts:2" in result.stdout
    assert f"now  {fingerprint(new.asbytes())}" in result.stdout
    assert (tmp_path / "known_hosts").read_text() == content


def test_replace_puts_the_new_key_in_place_of_the_old(tmp_path: Path) -> None:
    old, new = ed25519_key(tmp_path, "old"), ed25519_key(tmp_path, "new")
    with ssh_server(new) as port:
        inventory = write_inventory(tmp_path, {"A": port})
        lookup = "node-1"
        (tmp_path / "known_hosts").write_text(f"# mine\n{line_of(lookup, old)}{line_of('other', old)}")
        result = run(inventory, "--yes", "--replace")
        assert result.exception is None
        assert run(inventory).exception is None
    assert (tmp_path / "known_hosts").read_text() == f"# mine\n{line_of('other', old)}{line_of(lookup, new)}"


def test_host_known_by_another_key_type_is_asked_for_that_type(tmp_path: Path) -> None:
    rsa, ed25519 = paramiko.RSAKey.generate(2048), ed25519_key(tmp_path, "key")
    with ssh_server(ed25519, rsa) as port:
        inventory = write_inventory(tmp_path, {"A": port})
        (tmp_path / "known_hosts").write_text(line_of("node-1", rsa))
        result = run(inventory)
    assert result.exception is None
    assert "ssh-rsa" in result.stdout


def test_key_that_the_inventory_pins_otherwise_cannot_be_recorded(tmp_path: Path) -> None:
    other = fingerprint(ed25519_key(tmp_path, "other").asbytes())
    with ssh_server(ed25519_key(tmp_path, "key")) as port:
        inventory = write_inventory(tmp_path, {"A": port}, f", swarm_host_key: '{other}'")
        result = run(inventory, "--yes", "--replace")
    assert isinstance(result.exception, UnreachableError)
    assert "swarm_host_key" in str(result.exception)
    assert not (tmp_path / "known_hosts").exists()


def test_unreachable_host_does_not_keep_others_from_being_recorded(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = taken.getsockname()[1]
    with ssh_server(ed25519_key(tmp_path, "key")) as port:
        inventory = write_inventory(tmp_path, {"A": port, "B": closed})
        result = run(inventory, "--yes", "--allow-even-managers")
    assert isinstance(result.exception, UnreachableError)
    assert "B: no SSH host key" in str(result.exception)
    assert (tmp_path / "known_hosts").read_text().count("\n") == 1


def test_named_host_that_is_not_in_the_inventory_is_refused(tmp_path: Path) -> None:
    inventory = write_inventory(tmp_path, {"node1": 1})
    result = run(inventory, "node2")
    assert isinstance(result.exception, InputError)
    assert "did you mean node1?" in str(result.exception)


def test_only_named_hosts_are_asked(tmp_path: Path) -> None:
    with ssh_server(ed25519_key(tmp_path, "key")) as port:
        inventory = write_inventory(tmp_path, {"A": port, "B": 1})
        result = run(inventory, "--yes", "--allow-even-managers", "A")
    assert result.exception is None


def test_recording_keeps_every_byte_of_other_lines(tmp_path: Path) -> None:
    hashed = paramiko.HostKeys.hash_host("node1")
    file = tmp_path / "known_hosts"
    kept = b"# \xff note\r\n@revoked node1 ssh-ed25519 AAAA\n*.example ssh-rsa AAAA\n|1|odd|salt ssh-rsa AAAA\n"
    file.write_bytes(kept + f"{hashed} ssh-rsa AAAA\nnode1,node2 ssh-rsa BBBB c\nnode1 ssh-rsa CCCC".encode())
    record_keys(file, [KeyLine("node1", "ssh-ed25519", b"k")], replacing=["node1"])
    assert file.read_bytes() == kept + b"node2 ssh-rsa BBBB c\nnode1 ssh-ed25519 aw==\n"


def test_recording_ends_an_unfinished_line_first(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text("node2 ssh-rsa AAAA")
    record_keys(file, [KeyLine("node1", "ssh-ed25519", b"k")])
    assert file.read_text() == "node2 ssh-rsa AAAA\nnode1 ssh-ed25519 aw==\n"


def test_recording_follows_a_symbolic_link_and_makes_folders(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "deep" / "known_hosts")
    record_keys(link, [KeyLine("node1", "ssh-ed25519", b"k")])
    assert link.is_symlink()
    assert (tmp_path / "deep" / "known_hosts").read_text() == "node1 ssh-ed25519 aw==\n"
    assert [entry.name for entry in (tmp_path / "deep").iterdir()] == ["known_hosts"]
