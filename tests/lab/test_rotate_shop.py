"""The shop's database password rotated while the shop serves."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request

import pytest
from lab.shop_lab import PASSWORD, ROOT, Shop

# The playbook rotate-credentials shows the same with another stack.
pytestmark = [pytest.mark.lab, pytest.mark.nightly]


def order(url: str) -> int:
    body = json.dumps({"product_id": 3, "quantity": 1, "customer": "Ada"}).encode()
    request = urllib.request.Request(f"{url}/api/orders", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return int(answer.status)


def secrets(shop: Shop) -> list[str]:
    return shop.lab.run("A", "docker secret ls --format '{{.Name}}'").split()


def test_a_new_database_password_reaches_the_database_and_who_asks_it(deployed_shop: Shop) -> None:
    shop, new = deployed_shop, PASSWORD + "-anew"
    (old,) = secrets(shop)
    command = [sys.executable, "-m", "swarmkit", "rotate", "secrets", "--yes", "--stdin", "db_password"]
    said = subprocess.run(
        [*command, *map(str, shop.declared)], input=new, env=shop.lab.environment, capture_output=True, text=True,
        timeout=900, check=False, cwd=ROOT,
    )  # fmt: skip
    assert said.returncode == 0, said.stdout + said.stderr
    assert PASSWORD not in said.stdout + said.stderr
    assert (shop.stack.parent / "db_password.txt").read_text() == new
    (after,) = secrets(shop)
    assert after != old
    assert order(shop.url) == 201
    assert "nothing to do" in shop.up().stdout
