"""A plan is read by others, kept in logs and sent to people: it shows no secret of a stack file."""

from __future__ import annotations

import time
from typing import Any

import pytest

from swarmkit.plan.stacks.shown_values import shown_value

VALUE = "hunter2"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        *(
            (f"TaskTemplate.ContainerSpec.Env.{name}", VALUE)
            for name in (
                "MYSQL_PWD", "DB_PASSWORD_1", "POSTGRES_PASSWORD", "ENCRYPTION_KEY", "APP_KEY", "SSH_KEY", "JWT_SECRET",
                "AWS_ACCESS_KEY_ID", "GITHUB_TOKEN", "PGPASSWORD", "SECRET_KEY_BASE", "CONNECTION_STRING", "passphrase",
                "DBPASS", "PGPASS", "SENDGRIDAPIKEY", "deployPrivateKey", "MY_SECRET-X", "secret.txt", "dbPwd",
            )
        ),
        ("TaskTemplate.ContainerSpec.Env.CONN", f"Server=x;User=u;Password={VALUE};Port=1"),
        ("TaskTemplate.ContainerSpec.Env.DATABASE", f"root:{VALUE}@tcp(db:3306)/x"),
        ("TaskTemplate.ContainerSpec.Env.SPRING", f'{{"db": {{"user": "u", "password": "{VALUE}"}}}}'),
        ("TaskTemplate.ContainerSpec.Env.URL", f"postgres://shop:{VALUE}@db/shop"),
        ("TaskTemplate.ContainerSpec.Args", ["redis-server", "--requirepass", VALUE]),
        ("TaskTemplate.ContainerSpec.Args", ["minio", f"--root-password={VALUE}"]),
        ("TaskTemplate.ContainerSpec.Args", ["sh", "-c", f"redis-cli --pass {VALUE} ping"]),
        ("TaskTemplate.ContainerSpec.Healthcheck.Test", ["CMD-SHELL", f"mysqladmin ping -p{VALUE}"]),
        ("TaskTemplate.ContainerSpec.Healthcheck.Test", ["CMD", "mysqladmin", "ping", f"-p{VALUE}"]),
        ("TaskTemplate.LogDriver.Options.splunk-token", VALUE),
        ("TaskTemplate.ContainerSpec.Mounts", [{"VolumeOptions": {"DriverConfig": {
            "Options": {"o": f"username=u,password={VALUE},vers=3.0"}}}}]),
        ("TaskTemplate.ContainerSpec.Mounts", [{"VolumeOptions": {"DriverConfig": {"Options": {"password": VALUE}}}}]),
        ("Labels.traefik.http.middlewares.a.basicauth.users", f"admin:{VALUE}"),
    ],
)  # fmt: skip
def test_what_may_be_a_secret_is_not_shown(path: str, value: Any) -> None:
    said = shown_value(path, value)
    assert VALUE not in said
    assert "[redacted]" in said


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("TaskTemplate.ContainerSpec.Env.POSTGRES_PASSWORD_FILE", "/run/secrets/db_password"),
        ("TaskTemplate.ContainerSpec.Env.MONKEY", "banana"),
        ("TaskTemplate.ContainerSpec.Env.KEYBOARD", "de"),
        ("TaskTemplate.ContainerSpec.Env.LOG", "level=debug, compass=north"),
        ("TaskTemplate.ContainerSpec.Image", "registry.example:5000/shop:1.0@sha256:0123"),
        ("TaskTemplate.ContainerSpec.Args", ["nginx", "-p", "8080", "--keep"]),
        ("TaskTemplate.ContainerSpec.Hosts", ["10.0.0.1 db"]),
        ("Labels.traefik.http.routers.a.rule", "Host(`shop.example`)"),
        ("TaskTemplate.ContainerSpec.Secrets", [{"SecretName": "shop_db_password-1", "File": {"Name": "db_password"}}]),
    ],
)
def test_what_is_none_is_shown_as_it_is(path: str, value: Any) -> None:
    assert "[redacted]" not in shown_value(path, value)


@pytest.mark.parametrize("name", ["KEY_" + "1" * 60 + "-x", "a_" * 400 + "x", "-" * 4000], ids=len)
def test_no_name_or_text_takes_long_to_look_at(name: str) -> None:
    began = time.process_time()
    shown_value(f"TaskTemplate.ContainerSpec.Env.{name}", f"{name} {name}")
    assert time.process_time() - began < 2
