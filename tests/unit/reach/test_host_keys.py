import base64
from pathlib import Path

import paramiko
import pytest

from swarmkit.errors import UnreachableError
from swarmkit.reach.host_keys import KnownHost, fingerprint, lookup_name, read_known_hosts, refusal, trusted_keys

ED25519 = "ssh-ed25519"


def key(seed: str) -> bytes:
    return b"key of " + seed.encode()


def line(names: str, seed: str, marker: str = "", key_type: str = ED25519) -> str:
    return f"{marker} {names} {key_type} {base64.b64encode(key(seed)).decode()} a comment".strip()


def known_hosts(folder: Path, *lines: str) -> Path:
    file = folder / "known_hosts"
    file.write_text("\n".join(lines) + "\n")
    return file


def seen(file: Path, address: str, seed: str, port: int = 22, host_key: str | None = None) -> UnreachableError | None:
    lookup = lookup_name(address, port)
    return refusal("A", trusted_keys(lookup, file, read_known_hosts(file), host_key), ED25519, key(seed))


def test_a_plain_entry_trusts_its_key_only(tmp_path: Path) -> None:
    file = known_hosts(tmp_path, line("10.0.0.1,a.example", "a"))
    assert seen(file, "10.0.0.1", "a") is None
    assert seen(file, "a.example", "a") is None
    assert seen(file, "10.0.0.1", "b") is not None
    assert seen(file, "10.0.0.2", "a") is not None


def test_a_hashed_entry_is_found_by_its_name(tmp_path: Path) -> None:
    file = known_hosts(tmp_path, line(paramiko.HostKeys.hash_host("10.0.0.1"), "a"))
    assert seen(file, "10.0.0.1", "a") is None
    assert seen(file, "10.0.0.2", "a") is not None


@pytest.mark.parametrize("hashed", [False, True])
def test_an_entry_of_another_port_is_found_by_address_and_port(tmp_path: Path, hashed: bool) -> None:
    name = "[10.0.0.1]:2222"
    file = known_hosts(tmp_path, line(paramiko.HostKeys.hash_host(name) if hashed else name, "a"))
    assert seen(file, "10.0.0.1", "a", port=2222) is None
    assert seen(file, "10.0.0.1", "a", port=22) is not None


def test_a_revoked_key_is_refused_even_when_another_line_trusts_it(tmp_path: Path) -> None:
    file = known_hosts(tmp_path, line("10.0.0.1", "a"), line("*", "a", "@revoked"))
    error = seen(file, "10.0.0.1", "a")
    assert error is not None
    assert "revoked" in error.what
    assert f"{file}:2" in error.why


def test_lines_that_cannot_be_used_do_not_hide_the_others(tmp_path: Path) -> None:
    file = known_hosts(
        tmp_path,
        "# a comment",
        "",
        line("*", "ca", "@cert-authority"),
        line("10.0.0.1", "x", key_type="sk-ssh-new@example.com"),
        "10.0.0.1 ssh-ed25519 not*base64",
        "10.0.0.1 ssh-ed25519 schlüssel",
        "|1|broken|hash ssh-ed25519 " + base64.b64encode(b"x").decode(),
        "half a",
        line("10.0.0.1", "a"),
    )
    assert seen(file, "10.0.0.1", "a") is None


def test_a_certificate_authority_vouches_for_nobody(tmp_path: Path) -> None:
    assert seen(known_hosts(tmp_path, line("10.0.0.1", "a", "@cert-authority")), "10.0.0.1", "a") is not None


def test_an_exclusion_wins_over_a_wildcard(tmp_path: Path) -> None:
    file = known_hosts(tmp_path, line("10.0.0.*,!10.0.0.9", "a"))
    assert seen(file, "10.0.0.1", "a") is None
    assert seen(file, "10.0.0.9", "a") is not None


def test_a_host_without_entry_is_refused_with_its_fingerprint(tmp_path: Path) -> None:
    error = seen(tmp_path / "known_hosts", "10.0.0.1", "a")
    assert error is not None
    assert fingerprint(key("a")) in error.why
    assert "swarmkit trust" in error.to_do


def test_the_command_that_records_a_key_names_the_operators_own_inventory(tmp_path: Path) -> None:
    keys = trusted_keys("10.0.0.1", tmp_path / "known_hosts", (), inventory=Path("my hosts.yaml"))
    unknown = refusal("A", keys, ED25519, key("a"))
    assert unknown is not None
    assert unknown.to_do == "check the fingerprint, then run: swarmkit trust -i 'my hosts.yaml' A"


def test_a_changed_key_is_refused_with_both_fingerprints_and_the_line(tmp_path: Path) -> None:
    file = known_hosts(tmp_path, "# first", line("10.0.0.1", "old"))
    error = seen(file, "10.0.0.1", "new")
    assert error is not None
    assert "changed" in error.what
    for words in (fingerprint(key("old")), fingerprint(key("new")), f"{file}:2"):
        assert words in error.why


def test_a_pinned_fingerprint_decides_alone(tmp_path: Path) -> None:
    file = known_hosts(tmp_path, line("10.0.0.1", "old"))
    assert seen(file, "10.0.0.1", "new", host_key=fingerprint(key("new"))) is None
    error = seen(file, "10.0.0.1", "old", host_key=fingerprint(key("new")))
    assert error is not None
    assert "inventory" in error.what


def test_a_pinned_key_line_trusts_its_key(tmp_path: Path) -> None:
    pinned = f"{ED25519} {base64.b64encode(key('a')).decode()}"
    assert seen(tmp_path / "none", "10.0.0.1", "a", host_key=pinned) is None
    assert seen(tmp_path / "none", "10.0.0.1", "b", host_key=pinned) is not None


def test_fingerprints_are_as_ssh_keygen_prints_them() -> None:
    assert fingerprint(b"") == "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"


def test_a_known_host_speaks_of_its_own_names_only() -> None:
    assert KnownHost(("h?st",), ED25519, b"", "x:1").matches("host")
    assert not KnownHost(("h?st",), ED25519, b"", "x:1").matches("hoost")
