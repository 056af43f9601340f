"""What is masked in all that is shown, logged and kept."""

from __future__ import annotations

import pytest

from swarmkit.secret import mask


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://shop:s3cret@db:5432/shop?x=1", "postgres://shop:[redacted]@db:5432/shop?x=1"),
        ("amqp://:pw@mq and redis://a:b:c@r", "amqp://:[redacted]@mq and redis://a:[redacted]@r"),
        ("https://proxy:3128 tcp://10.0.0.1:2375/x@y", "https://proxy:3128 tcp://10.0.0.1:2375/x@y"),
        ("ssh://root@host mailto:a@b", "ssh://root@host mailto:a@b"),
        ("join with SWMTKN-1-abc-def now", "join with [redacted] now"),
    ],
)
def test_tokens_and_the_passwords_of_urls_are_masked_and_nothing_else(text: str, shown: str) -> None:
    assert mask(text) == shown
