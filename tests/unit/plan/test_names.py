import hashlib
import threading
from typing import Any

import pytest

from swarmkit.declared.stack.service import SecretFile
from swarmkit.plan.stacks.names import file_name
from swarmkit.secret import Secret


def test_two_that_ask_for_a_secrets_name_at_once_hash_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []
    both = threading.Event()

    def slow(password: bytes, **how: Any) -> bytes:
        hashed.append(threading.current_thread().name)
        both.wait(0.2)
        return scrypt(password, **how)

    scrypt = hashlib.scrypt
    monkeypatch.setattr(hashlib, "scrypt", slow)
    file = SecretFile("password", "shop_password", Secret(b"asked for by two"))
    names: list[str] = []
    asking = [threading.Thread(target=lambda: names.append(file_name(file))) for _ in range(2)]
    for one in asking:
        one.start()
    for one in asking:
        one.join()
    assert len(hashed) == 1
    assert len(set(names)) == 1
    assert names[0].startswith("shop_password-")


def test_a_configs_name_changes_with_its_content_and_needs_no_slow_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(hashlib, "scrypt")
    one, same, other = (
        file_name(SecretFile("motd", "shop_motd", Secret(text), is_config=True)) for text in (b"a", b"a", b"b")
    )
    assert one == same != other
