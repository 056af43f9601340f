"""The operator's logins, as Docker's configuration and its credential helpers have them."""

from __future__ import annotations

import base64
import json
import traceback
from pathlib import Path

import pytest

from swarmkit.errors import InputError
from swarmkit.reach.registry_logins import registry_logins
from swarmkit.secret import Secret

HELPER = """#!/bin/sh
read registry
[ "$1" = get ] || exit 1
case $registry in
r.example) echo '{"ServerURL": "r.example", "Username": "from-helper", "Secret": "s3cret"}' ;;
token.example) echo '{"ServerURL": "token.example", "Username": "<token>", "Secret": "t0ken"}' ;;
broken.example) echo 'the keyring is locked'; exit 1 ;;
*) echo 'credentials not found in native keychain'; exit 1 ;;
esac
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """DOCKER_CONFIG's folder, with a credential helper ``test`` on the path."""
    helper = tmp_path / "docker-credential-test"
    helper.write_text(HELPER)
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path


def write(folder: Path, **config: object) -> None:
    (folder / "config.json").write_text(json.dumps(config))


def entry(name: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{name}:{password}".encode()).decode()}


def decoded(header: Secret) -> dict[str, str]:
    content: dict[str, str] = json.loads(base64.urlsafe_b64decode(header.reveal()))
    return {key.lower(): value for key, value in content.items() if value}


def test_a_login_becomes_the_header_of_the_api(folder: Path) -> None:
    hub = {"https://index.docker.io/v1/": entry("hub", "h")}
    write(folder, auths={"r.example:5000": entry("me", "pass:wörd?>"), **hub})
    logins = registry_logins({"r.example:5000", "docker.io", "none.example"})
    assert logins.keys() == {"r.example:5000", "docker.io"}
    assert decoded(logins["r.example:5000"]) == {
        "username": "me", "password": "pass:wörd?>", "serveraddress": "r.example:5000"
    }  # fmt: skip
    assert decoded(logins["docker.io"])["username"] == "hub"
    assert "wörd" not in repr(logins)


def test_credential_helpers_are_asked(folder: Path) -> None:
    write(folder, auths={"plain.example": entry("me", "p"), "r.example": {}}, credHelpers={"token.example": "test"},
          credsStore="test")  # fmt: skip
    logins = registry_logins({"r.example", "token.example", "plain.example", "none.example"})
    assert {registry: decoded(login) for registry, login in logins.items()} == {
        "r.example": {"username": "from-helper", "password": "s3cret", "serveraddress": "r.example"},
        "token.example": {"identitytoken": "t0ken", "serveraddress": "token.example"},
        "plain.example": {"username": "me", "password": "p", "serveraddress": "plain.example"},
    }


def test_without_a_configuration_there_is_no_login(folder: Path) -> None:
    assert not (folder / "config.json").exists()
    assert registry_logins({"r.example"}) == {}


@pytest.mark.parametrize(
    ("config", "registry", "says"),
    [
        ({"credsStore": "test"}, "broken.example", "the keyring is locked"),
        ({"credHelpers": {"r.example": "absent"}}, "r.example", "docker-credential-absent"),
        ({"auths": {"r.example": {"auth": "czNjcmV0LWFsb25l"}}}, "r.example", "not in Docker's"),
        ({"auths": {"r.example": {"auth": "s3cret!"}}}, "r.example", "not in Docker's"),
    ],
)
def test_what_cannot_be_read_is_told_without_what_it_holds(
    folder: Path, config: dict[str, object], registry: str, says: str, recwarn: pytest.WarningsRecorder
) -> None:
    write(folder, **config)
    with pytest.raises(InputError) as caught:
        registry_logins({registry})
    assert says in str(caught.value)
    assert not recwarn.list, "the SDK's own warning says the same on stderr"
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("content", ['{"auths": {"r.example": {"auth": "s3cret"}},}', "", "\xff"])
def test_a_configuration_that_is_no_json_is_not_taken_for_no_login(folder: Path, content: str) -> None:
    (folder / "config.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(InputError, match="Docker's configuration") as caught:
        registry_logins({"r.example"})
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))
