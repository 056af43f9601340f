"""The Docker SDK's client with its transport replaced by channels of our SSH connection.

The SDK's own ``ssh://`` takes its settings from ~/.ssh/config alone; this way there is one connection a host, with one
host-key policy, one identity, and jump hosts for free.
"""

from __future__ import annotations

from typing import Any

import docker
import docker.transport.basehttpadapter
import urllib3
import urllib3.connection
import urllib3.connectionpool

from swarmkit.reach.ssh import Connection


class EngineClient(docker.APIClient):
    """The SDK's client with its transport replaced by channels of our SSH connection."""

    def __init__(self, connection: Connection) -> None:
        # An address that is never used: the adapter mounted below answers for every request.
        super().__init__(base_url="tcp://localhost:2375", version="1.40")
        self.path_prefix = ""
        self.base_url = "http+docker://engine"
        self.trust_env = False
        self.mount("http+docker://", _Adapter(connection))


class _Adapter(docker.transport.basehttpadapter.BaseHTTPAdapter):
    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._pool = _Pool(connection)

    def get_connection(self, url: str | bytes, proxies: object = None) -> _Pool:  # noqa: ARG002 - requests' signature
        return self._pool

    def get_connection_with_tls_context(self, *args: object, **options: object) -> _Pool:  # noqa: ARG002
        return self._pool

    def close(self) -> None:
        self._pool.close()


class _Pool(urllib3.connectionpool.HTTPConnectionPool):
    def __init__(self, connection: Connection) -> None:
        super().__init__("engine", maxsize=8, retries=urllib3.Retry(0))
        self._connection = connection

    def _new_conn(self) -> _HttpConnection:
        return _HttpConnection(self._connection)

    def _get_conn(self, timeout: float | None = None) -> Any:  # noqa: ARG002 - urllib3's signature
        # urllib3's own check of a kept connection calls select() on a file descriptor, which a channel costs one for.
        while True:
            try:
                kept = self.pool.get(block=False) if self.pool else None
            except Exception:  # noqa: BLE001 - queue.Empty: the pool holds no free connection
                return self._new_conn()
            if kept is None:
                return self._new_conn()
            if kept.sock is None or not (kept.sock.closed or kept.sock.eof_received):
                return kept
            # The engine has ended this one; urllib3 would find out only after sending a request into it.
            kept.close()


class _HttpConnection(urllib3.connection.HTTPConnection):
    def __init__(self, connection: Connection) -> None:
        super().__init__("engine")
        self._connection = connection

    def connect(self) -> None:
        self.sock = self._connection.open_engine_socket(timeout_seconds=20)
        self._limit_sending()

    def putrequest(self, *arguments: Any, **options: Any) -> None:
        """Begin a request; a kept connection has the limit of the answer that came over it last."""
        if self.sock is not None:
            self._limit_sending()
        super().putrequest(*arguments, **options)

    def _limit_sending(self) -> None:
        # What urllib3 calls the timeout of connecting is that of sending as well, until it waits for the answer.
        self.sock.settimeout(self.timeout if isinstance(self.timeout, (int, float)) else 30.0)
