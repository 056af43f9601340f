import hashlib
import threading
from typing import Any

import pytest
from nacl.bindings import crypto_pwhash_scryptsalsa208sha256_ll as scrypt

from swarmkit.declared.stack.service import SecretFile
from swarmkit.plan.stacks import names
from swarmkit.plan.stacks.names import file_name
from swarmkit.secret import Secret


def test_two_that_ask_for_a_secrets_name_at_once_hash_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []
    both = threading.Event()

    def slow(password: bytes, salt: bytes, **how: Any) -> bytes:
        hashed.append(threading.current_thread().name)
        both.wait(0.2)
        return scrypt(password, salt, **how)

    monkeypatch.setattr(names, "scrypt", slow)
    file = SecretFile("password", "shop_password", Secret(b"asked for by two"))
    given: list[str] = []
    asking = [threading.Thread(target=lambda: given.append(file_name(file))) for _ in range(2)]
    for one in asking:
        one.start()
    for one in asking:
        one.join()
    assert len(hashed) == 1
    assert len(set(given)) == 1
    assert given[0].startswith("shop_password-")


@pytest.mark.parametrize("content", [b"", b"hunter2", b"\0\xff" * 40, b"key" * 100_000], ids=len)
@pytest.mark.parametrize("driver", [None, "golang"])
def test_a_secrets_name_is_that_of_every_other_scrypt(content: bytes, driver: str | None) -> None:
    # Another hash would make every secret of a running stack anew.
    salt = b"shop_password" if driver is None else b"shop_password\0golang"
    digest = hashlib.scrypt(content, salt=salt, n=2**14, r=8, p=1, dklen=6).hex()
    file = SecretFile("password", "shop_password", Secret(content), template_driver=driver)
    assert file_name(file) == f"shop_password-{digest}"


@pytest.mark.parametrize(("length", "is_whole"), [(51, True), (52, False), (64, False), (200, False)])
@pytest.mark.parametrize("is_config", [True, False])
def test_a_name_that_leaves_no_room_for_its_hash_is_shortened_to_one_of_its_own(
    length: int, is_whole: bool, is_config: bool
) -> None:
    base = f"monitoring_{'x' * (length - 11)}"
    name, other = (
        file_name(SecretFile("x", one, Secret(b"text"), is_config=is_config)) for one in (base, f"{base[:-1]}y")
    )
    assert len(name) <= 64
    assert name != other
    assert name.startswith(f"{base}-" if is_whole else base[:42])


def test_a_configs_name_changes_with_its_content_and_needs_no_slow_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(names, "scrypt")
    one, same, other = (
        file_name(SecretFile("motd", "shop_motd", Secret(text), is_config=True)) for text in (b"a", b"a", b"b")
    )
    assert one == same != other
