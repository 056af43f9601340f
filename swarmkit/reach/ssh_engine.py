"""The Docker engine of a host, spoken to over the host's SSH connection.

Requests and answers are the engine API's own JSON; the SDK's typed specs lack fields, and its ``update_service`` merges
so that a removed setting survives (docker/api/service.py).
"""

from __future__ import annotations

import contextlib
import json
import threading
import urllib.parse
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Literal

import paramiko
import requests
import urllib3

from swarmkit.errors import SwarmkitError
from swarmkit.reach.engine import EngineError, Json, Kind, Rotated
from swarmkit.reach.engine_client import EngineClient
from swarmkit.reach.ssh import Connection, ConnectionLostError, UnansweredError
from swarmkit.secret import Secret, mask

REQUEST_TIMEOUT_SECONDS = 30.0
SENDING_TIMEOUT_SECONDS = 60.0
"""How long an engine may take nothing of what is sent to it: one that stands still does not say so."""
FOLLOW_TIMEOUT_SECONDS = 30 * 86400.0
"""How long a container that is followed may print nothing; that its host is gone is seen by the connection itself."""
LOGS_TIMEOUT_SECONDS = 10.0
"""A manager that cannot reach the task's host never ends its answer."""
REGISTRY_TIMEOUT_SECONDS = 10.0
# The newest API this code was written against; the engine's own is used when it is older.
_NEWEST_API = (1, 47)
# What reading a stream raises when its channel or connection is closed under it.
_BROKEN_STREAM = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    paramiko.SSHException,
    OSError,
    EOFError,
    AttributeError,
    ValueError,
)
_CREATE_PATHS: Mapping[str, str] = {"networks": "/networks/create", "volumes": "/volumes/create"}


class SshEngine:
    """The engine at the end of an SSH connection; safe to use from several threads."""

    def __init__(self, connection: Connection) -> None:
        self.host = connection.host.name
        self._connection = connection
        self._client = EngineClient(connection)
        self.negotiate()

    def negotiate(self) -> None:
        """Use the engine's API version, or ours if the engine is newer: an old client is refused (HAZARDS H44)."""
        # For /version an engine runs containerd, runc and docker-init to ask theirs; /_ping costs it nothing.
        offered = self._request("GET", "/_ping", "tell its version", versioned=False).headers["Api-Version"]
        major, minor = (int(part) for part in offered.split("."))
        self.api_version: tuple[int, int] = min((major, minor), _NEWEST_API)
        self._client.path_prefix = f"/v{self.api_version[0]}.{self.api_version[1]}"

    def info(self) -> Json:
        return self._object("GET", "/info", "describe itself")

    def swarm(self) -> Json:
        return self._object("GET", "/swarm", "describe the swarm")

    def init_swarm(self, body: Json) -> None:
        self._call("POST", "/swarm/init", "initialise a swarm", body=body, timeout_seconds=60)

    def join_swarm(self, body: Json) -> None:
        self._call("POST", "/swarm/join", "join the swarm", body=body, timeout_seconds=60)

    def leave_swarm(self, *, force: bool) -> None:
        self._call("POST", "/swarm/leave", "leave the swarm", query={"force": _flag(force)}, timeout_seconds=60)

    def update_swarm(self, version: int, spec: Json, *, rotate: Collection[Rotated] = ()) -> None:
        query = {"version": str(version), **{f"rotate{what}": "true" for what in rotate}}
        self._call("POST", "/swarm/update", "update the swarm", query=query, body=spec, timeout_seconds=60)

    def unlock_key(self) -> Secret:
        """Return the key that unlocks the managers; empty when they do not lock."""
        answer = self._object("GET", "/swarm/unlockkey", "tell the unlock key")
        return Secret(str(answer.get("UnlockKey") or "").encode())

    def unlock_swarm(self, key: Secret) -> None:
        self._call("POST", "/swarm/unlock", "unlock", body={"UnlockKey": key.text()}, timeout_seconds=60)

    def find(self, kind: Kind, filters: Mapping[str, list[str]] | None = None) -> list[Json]:
        query = {"filters": json.dumps(filters)} if filters else {}
        if kind == "containers":
            query["all"] = "true"
            return self._array("/containers/json", query)
        if kind == "images":
            return self._array("/images/json", query)
        if kind == "volumes":
            return self._object("GET", "/volumes", "list volumes", query).get("Volumes") or []
        return self._array(f"/{kind}", query)

    def inspect(self, kind: Kind, identity: str) -> Json:
        suffix = "/json" if kind in ("images", "containers") else ""
        return self._object("GET", f"/{kind}/{_quote(identity)}{suffix}", f"show {kind[:-1]} {identity}")

    def create(self, kind: Kind, body: Json, *, registry_auth: Secret | None = None) -> str:
        path = _CREATE_PATHS.get(kind, f"/{kind}/create")
        # A container's name is no part of its body in the API.
        query = {"name": body["Name"]} if kind == "containers" and "Name" in body else {}
        action = f"create {kind[:-1]} {body.get('Name', '')}".rstrip()
        headers = _auth(registry_auth)
        answer = self._call("POST", path, action, query=query, body=body, headers=headers, timeout_seconds=60)
        return str(answer.get("ID") or answer.get("Id") or answer.get("Name"))

    def update(
        self, kind: Kind, identity: str, version: int, body: Json, *, registry_auth: Secret | None = None
    ) -> None:
        action = f"update {kind[:-1]} {body.get('Name', identity)}"
        query = {"version": str(version)}
        path, headers = f"/{kind}/{_quote(identity)}/update", _auth(registry_auth)
        self._call("POST", path, action, query=query, body=body, headers=headers, timeout_seconds=60)

    def remove(self, kind: Kind, identity: str, *, force: bool = False) -> None:
        query = {"force": "true"} if force else {}
        self._call("DELETE", f"/{kind}/{_quote(identity)}", f"remove {kind[:-1]} {identity}", query=query)

    def connect_container(self, network: str, container: str, endpoint: Json) -> None:
        body = {"Container": container, "EndpointConfig": endpoint}
        self._call("POST", f"/networks/{_quote(network)}/connect", f"connect {container} to {network}", body=body)

    def disconnect_container(self, network: str, container: str, *, force: bool = False) -> None:
        body = {"Container": container, "Force": force}
        path = f"/networks/{_quote(network)}/disconnect"
        self._call("POST", path, f"disconnect {container} from {network}", body=body)

    def start_container(self, container: str) -> None:
        self._call("POST", f"/containers/{_quote(container)}/start", f"start {container}", timeout_seconds=60)

    def stop_container(self, container: str, *, grace_seconds: int) -> None:
        path, query = f"/containers/{_quote(container)}/stop", {"t": str(grace_seconds)}
        self._call(
            "POST", path, f"stop {container}", query=query, timeout_seconds=grace_seconds + REQUEST_TIMEOUT_SECONDS
        )

    def follow_container(self, container: str) -> Iterator[tuple[Literal["stdout", "stderr"], bytes]]:
        """Yield what a container without a terminal prints, from its beginning until it ends."""
        query = {"stdout": "true", "stderr": "true", "follow": "true"}
        path = f"/containers/{_quote(container)}/logs"
        answer = self._request("GET", path, f"show the output of {container}", query=query, stream=True,
                               timeout_seconds=FOLLOW_TIMEOUT_SECONDS)  # fmt: skip
        with contextlib.closing(answer):
            try:
                while header := answer.raw.read(8):
                    size = int.from_bytes(header[4:], "big")
                    yield ("stderr" if header[0] == 2 else "stdout"), answer.raw.read(size)
            except _BROKEN_STREAM as error:
                raise ConnectionLostError(
                    f"{self.host}: the output of {container} broke off", mask(str(error))
                ) from error

    def load_image(self, archive: Iterable[bytes], timeout_seconds: float) -> str:
        """Send a docker-archive and return what the engine said; raises EngineError if it could not load it."""
        headers = {"Content-Type": "application/x-tar"}
        answer = self._request(
            "POST", "/images/load", "load an image", data=archive, headers=headers, timeout_seconds=timeout_seconds
        )
        said = [json.loads(line) for line in answer.text.splitlines() if line.strip()]
        for message in said:
            if "error" in message:
                raise EngineError(self.host, "load an image", answer.status_code, str(message["error"]))
        return "".join(str(message.get("stream", "")) for message in said).strip()

    def ask_registry(self, image: str) -> None:
        """Let the engine ask the registry of *image* for it, without credentials; EngineError says what it answered."""
        path = f"/distribution/{urllib.parse.quote(image)}/json"
        self._call("GET", path, f"find {image} in its registry", timeout_seconds=REGISTRY_TIMEOUT_SECONDS)

    def logs(self, kind: Literal["services", "tasks", "containers"], identity: str, *, lines: int) -> str:
        """Return the last *lines* of output, stdout and stderr together, without the stream's framing."""
        query = {"stdout": "true", "stderr": "true", "tail": str(lines)}
        path = f"/{kind}/{_quote(identity)}/logs"
        answer = self._request("GET", path, "show logs", query=query, timeout_seconds=LOGS_TIMEOUT_SECONDS)
        return mask(_unframe(answer.content))

    def events(self, filters: Mapping[str, list[str]], stop: threading.Event) -> Iterator[Json]:
        """Yield the engine's events until *stop* is set; a broken stream ends quietly, the caller polls anyway.

        The stream has a client of its own: it is closed from another thread than it is read by, and a connection closed
        that way must never come back to the pool that other requests take theirs from.
        """
        client = EngineClient(self._connection)
        url = f"{client.base_url}{self._client.path_prefix}/events"
        try:
            answer = client.get(url, params={"filters": json.dumps(dict(filters))}, stream=True, timeout=3600)
        except (SwarmkitError, *_BROKEN_STREAM):
            return

        def close_on_stop() -> None:
            stop.wait()
            with contextlib.suppress(*_BROKEN_STREAM):
                answer.close()

        threading.Thread(target=close_on_stop, daemon=True).start()
        try:
            for line in answer.iter_lines(chunk_size=1):
                if stop.is_set():
                    return
                if line:
                    yield json.loads(line)
        except _BROKEN_STREAM:
            return

    def close(self) -> None:
        self._client.close()

    def _object(self, method: str, path: str, action: str, query: Mapping[str, str] | None = None) -> Json:
        answer: Json = self._call(method, path, action, query=query)
        return answer

    def _array(self, path: str, query: Mapping[str, str]) -> list[Json]:
        answer: list[Json] = self._call("GET", path, f"list {path[1:]}", query=query)
        return answer

    def _call(
        self,
        method: str,
        path: str,
        action: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Json | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float = REQUEST_TIMEOUT_SECONDS,
    ) -> Any:
        answer = self._request(
            method, path, action, query=query, json=body, headers=headers, timeout_seconds=timeout_seconds
        )
        return answer.json() if answer.content else {}

    def _request(
        self,
        method: str,
        path: str,
        action: str,
        *,
        query: Mapping[str, str] | None = None,
        timeout_seconds: float = REQUEST_TIMEOUT_SECONDS,
        versioned: bool = True,
        **options: Any,
    ) -> requests.Response:
        prefix = self._client.path_prefix if versioned else ""
        url = f"{self._client.base_url}{prefix}{path}"
        try:
            sending_seconds = min(timeout_seconds, SENDING_TIMEOUT_SECONDS)
            limits = (sending_seconds, timeout_seconds)
            answer = self._client.request(method, url, params=query, timeout=limits, **options)
        except (requests.Timeout, TimeoutError) as error:
            raise UnansweredError(
                f"{self.host}: the engine did not {action} in {timeout_seconds:g} s",
                to_do=f"check the way to {self.host}, and its engine: systemctl status docker",
            ) from error
        except (
            requests.RequestException,
            urllib3.exceptions.HTTPError,
            paramiko.SSHException,
            OSError,
            EOFError,
        ) as error:
            if isinstance(_innermost(error), TimeoutError):
                raise ConnectionLostError(
                    f"{self.host}: the engine took nothing of what was sent to it for {sending_seconds:g} s",
                    f"to do: {action}",
                    f"see whether it stands still on {self.host}: systemctl status docker",
                ) from error
            raise ConnectionLostError(
                f"{self.host}: no answer from the engine to: {action}",
                mask(cause_of(error)),
                f"check the engine on {self.host}: systemctl status docker",
            ) from error
        if answer.status_code >= 400:
            raise EngineError(self.host, action, answer.status_code, _message(answer))
        return answer


def _message(answer: requests.Response) -> str:
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:500]


def _auth(registry_auth: Secret | None) -> dict[str, str] | None:
    return {"X-Registry-Auth": registry_auth.text()} if registry_auth else None


def _flag(value: bool) -> str:  # noqa: FBT001 - a converter
    return "true" if value else "false"


def _quote(identity: str) -> str:
    return urllib.parse.quote(identity, safe="")


def _unframe(raw: bytes) -> str:
    """Drop the 8-byte frame headers of a log stream; a stream without them is returned as it is."""
    text = bytearray()
    position = 0
    while position + 8 <= len(raw):
        if raw[position] > 2 or raw[position + 1 : position + 4] != b"\0\0\0":
            return raw.decode(errors="replace")
        size = int.from_bytes(raw[position + 4 : position + 8], "big")
        text += raw[position + 8 : position + 8 + size]
        position += 8 + size
    return text.decode(errors="replace")


def cause_of(error: BaseException) -> str:
    """Return what the innermost of the errors that *error* carries says."""
    inner = _innermost(error)
    return str(inner) or type(inner).__name__


def _innermost(error: BaseException) -> BaseException:
    """Return the error that the others are of: urllib3's have it as an argument."""
    inner = next((one for one in reversed(error.args) if isinstance(one, BaseException)), None)
    return _innermost(inner) if inner else error
