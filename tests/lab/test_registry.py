"""A real registry that asks for a login: what is told without one, and that the swarm has and keeps what is sent."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import bcrypt
import pytest
from lab.spare_lab import ENGINES, SpareLab
from lab.test_node_life import IMAGE

from swarmkit.reach.registry_logins import registry_logins

pytestmark = pytest.mark.lab

REGISTRY = "10.88.0.34:5443"
PULLED = f"{REGISTRY}/idle:1"
FIRST, SECOND = "first-pass-w0rd", "second-pass-w0rd"
STACK = f"""
services:
  web:
    image: {PULLED}
    entrypoint: [/bin/sleep, "100000"]
    stop_grace_period: 1s
    deploy:
      placement: {{constraints: [node.role == worker]}}
      restart_policy: {{delay: 1s}}
      update_config: {{monitor: 1s}}
"""
CONFIGURATION = f"""
version: 0.1
storage: {{filesystem: {{rootdirectory: /root/registry/data}}}}
http: {{addr: "{REGISTRY}", tls: {{certificate: /root/registry/ca.crt, key: /root/registry/ca.key}}}}
auth: {{htpasswd: {{realm: lab, path: /root/registry/htpasswd}}}}
"""


@dataclass(frozen=True)
class Operator:
    """Who deploys: a machine with Docker's configuration of its own, and a stack."""

    lab: SpareLab
    inventory: Path
    stack: Path
    config: Path
    secrets: list[str] = field(default_factory=list)
    """What must be seen nowhere: each password, plain and as the configuration and the header hold it."""

    def log_in(self, password: str) -> None:
        """Leave what ``docker login`` leaves."""
        entry = {"auth": base64.b64encode(f"operator:{password}".encode()).decode()}
        self.config.write_text(json.dumps({"auths": {REGISTRY: entry}}))
        self.secrets.extend([password, entry["auth"], registry_logins([REGISTRY])[REGISTRY].text()])

    def up(self, *options: str, code: int = 0) -> str:
        files = ("-i", str(self.inventory), "-f", str(self.stack), "--stack", "private")
        done = self.lab.swarmkit("up", *files, "--yes", "--no-verify", *options, check=False)
        said = done.stdout + done.stderr
        assert done.returncode == code, said
        assert not [one for one in self.secrets if one in said]
        return said

    def container(self, host: str) -> str:
        return self.lab.run(host, "docker ps -q --no-trunc --filter name=private_web").stdout.strip()


def allow(lab: SpareLab, password: str) -> None:
    """Let the registry take this password alone; it reads the file again when that has changed."""
    line = b"operator:" + bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)) + b"\n"
    lab.run("X", "cat >/root/registry/htpasswd", stdin=line)


@pytest.fixture
def registry(spare_lab: SpareLab, tmp_path: Path) -> Iterator[None]:
    """A registry on X with a certificate that both engines trust; it has the image, no engine has."""
    binary = shutil.which("docker-registry")
    assert binary, "the package docker-registry is missing: .ci/install-packages test"
    folder = tmp_path / "registry"
    folder.mkdir()
    (folder / "config.yml").write_text(CONFIGURATION)
    shutil.copy(binary, folder / "docker-registry")
    names = ["-subj", "/CN=registry", "-addext", "subjectAltName=IP:10.88.0.34"]
    files = ["-keyout", folder / "ca.key", "-out", folder / "ca.crt"]
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    subprocess.run(["openssl", "req", *kind, *names, *files], check=True, capture_output=True)
    packed = subprocess.run(["tar", "-C", tmp_path, "-cz", "registry"], check=True, capture_output=True).stdout
    trusted = f"/etc/docker/certs.d/{REGISTRY}"
    try:
        spare_lab.run("X", "tar -C /root -xz", stdin=packed)
        for host in ("X", "Y"):
            spare_lab.run(host, f"mkdir -p {trusted} && cat >{trusted}/ca.crt", stdin=(folder / "ca.crt").read_bytes())
        allow(spare_lab, FIRST)
        serve = "/root/registry/docker-registry serve /root/registry/config.yml"
        spare_lab.run("X", f"systemd-run --unit=registry {serve}")
        push(spare_lab)
        yield
    finally:
        spare_lab.run("X", "systemctl stop registry", check=False)
        for host in ("Y", "X"):
            spare_lab.leave_swarm(host)
            spare_lab.run(host, f"docker rmi -f {PULLED}", check=False)
            spare_lab.run(host, f"rm -rf {trusted} /root/registry /root/.docker/config.json")


def push(lab: SpareLab) -> None:
    lab.run("X", f"until timeout 1 bash -c '</dev/tcp/{REGISTRY.replace(':', '/')}'; do sleep 0.2; done 2>/dev/null")
    lab.run("X", f"docker login -u operator --password-stdin {REGISTRY}", stdin=FIRST.encode())
    lab.run("X", f"{IMAGE.replace('idle:1', PULLED)} && docker push {PULLED} && docker rmi {PULLED}")
    lab.run("X", f"docker logout {REGISTRY}")


@pytest.fixture
def operator(
    registry: None,  # noqa: ARG001 - it is there before anybody deploys
    spare_lab: SpareLab,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Operator:
    (tmp_path / "inventory.yaml").write_text(spare_lab.inventory("registry"))
    (tmp_path / "stack.yaml").write_text(STACK)
    (tmp_path / "docker").mkdir()
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return Operator(
        spare_lab, tmp_path / "inventory.yaml", tmp_path / "stack.yaml", tmp_path / "docker" / "config.json"
    )


@ENGINES
def test_a_private_image_runs_with_the_login_that_was_sent_and_the_newest_one_counts(operator: Operator) -> None:
    lab = operator.lab

    # Without a login: the engine's "No such image" hides what the registry says.
    said = operator.up("--timeout", "40", code=4)
    assert "No such image" in said
    assert "no basic auth credentials" in said or "unauthorized" in said
    assert f"docker login {REGISTRY}, then swarmkit up --with-registry-auth" in " ".join(said.split())

    # The same file: only the login was missing, and it alone is sent.
    operator.log_in(FIRST)
    said = operator.up("--with-registry-auth")
    assert "send the registry's login" in said
    first = operator.container("Y")
    assert first

    # A newer password: what runs goes on.
    allow(lab, SECOND)
    operator.log_in(SECOND)
    operator.up("--with-registry-auth")
    assert operator.container("Y") == first

    # An update without the option keeps it: X lacks the image, and is given it for the newer password alone.
    assert lab.run("X", f"docker image inspect {PULLED}", check=False).returncode
    operator.stack.write_text(STACK.replace("worker", "manager"))
    operator.up()
    assert operator.container("X")

    runs = [path for path in (lab.state_home / "swarmkit" / "runs").rglob("*") if path.is_file()]
    assert len(runs) >= 4, "one for each up"
    assert not [path for path in runs if any(one in path.read_text() for one in operator.secrets)]
