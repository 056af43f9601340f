"""How long a certificate of the swarm is valid, whether its renewal is overdue, and the way back from its end; pure."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

_DUE_SHARE = 0.15
"""Docker renews between half and four fifths of a certificate's time (moby swarmkit ca/renewer.go)."""


@dataclass(frozen=True)
class Validity:
    begin: datetime.datetime
    end: datetime.datetime

    def is_overdue(self, now: datetime.datetime) -> bool:
        """Tell whether it ends soon and was not renewed when it was due."""
        return self.end - now < (self.end - self.begin) * _DUE_SHARE

    def __str__(self) -> str:
        return f"valid from {self.begin:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M} UTC"


def rejoin_remedy(host: str) -> str:
    """Return what brings *host* back whose certificate has ended: its own engine alone cannot get another one."""
    return (
        f"a worker, on {host}: docker swarm leave, then here: swarmkit up; the only manager there is, on {host}: "
        "docker swarm init --force-new-cluster"
    )


def validity(text: str) -> Validity | None:
    """Return how long the first certificate of a PEM file is valid; None when there is none in it."""
    if "BEGIN CERTIFICATE" not in text:
        return None
    from cryptography import x509

    certificate = x509.load_pem_x509_certificates(text.encode())[0]
    return Validity(certificate.not_valid_before_utc, certificate.not_valid_after_utc)
