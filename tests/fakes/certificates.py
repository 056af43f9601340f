"""Certificates of nodes, as a swarm makes them."""

from __future__ import annotations

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def node_certificate(cluster: str, role: str = "swarm-worker", node: str = "n7") -> str:
    """Return a node's certificate in PEM."""
    return certificate_and_key(cluster, role, node)[0]


def certificate_and_key(cluster: str, role: str, node: str) -> tuple[str, str]:
    names = x509.NameOID
    said = ((names.ORGANIZATION_NAME, cluster), (names.ORGANIZATIONAL_UNIT_NAME, role), (names.COMMON_NAME, node))
    subject = x509.Name([x509.NameAttribute(oid, value) for oid, value in said])
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(tz=datetime.UTC)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(now + datetime.timedelta(90))
    pem = serialization.Encoding.PEM
    plain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return builder.sign(key, hashes.SHA256()).public_bytes(pem).decode(), plain.decode()
