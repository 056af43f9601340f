"""The operator's logins at registries, from Docker's own configuration and its credential helpers."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable
from pathlib import Path

import docker.auth
import docker.credentials
import docker.errors
from docker.utils.config import find_config_file

from swarmkit.errors import InputError
from swarmkit.secret import Secret

_WHERE = "in $DOCKER_CONFIG/config.json, else ~/.docker/config.json"


def registry_logins(registries: Iterable[str]) -> dict[str, Secret]:
    """Return for each of *registries* that the operator is logged in to what the API's header X-Registry-Auth says.

    Raises InputError when the configuration or a credential helper cannot be used.
    """
    _check_configuration()
    try:
        with warnings.catch_warnings():
            # Of a helper that is not installed the SDK also warns on stderr; its error says so too.
            warnings.simplefilter("ignore", UserWarning)
            config = docker.auth.load_config()
            found = {registry: config.resolve_authconfig(registry) for registry in sorted(registries)}
    except (docker.errors.DockerException, docker.credentials.StoreError) as error:
        what = f"the logins at registries cannot be read: {error}"
        raise InputError(what, to_do=f"see credHelpers and credsStore {_WHERE}") from error
    except (ValueError, AttributeError, TypeError):
        # The error itself, or what hangs on it, may carry a part of what could not be decoded.
        what = "the logins at registries cannot be read: an entry is not in Docker's format"
        raise InputError(what, to_do=f"log in again with docker login; the entries are {_WHERE}") from None
    return {registry: Secret(docker.auth.encode_header(login)) for registry, login in found.items() if login}


def _check_configuration() -> None:
    """Raise InputError for a file that the SDK would pass over in silence, as if nobody were logged in."""
    found = find_config_file()
    path = Path(str(found)) if found else None
    if path is None or path.suffix != ".json":
        return
    try:
        json.loads(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"Docker's configuration cannot be read: {error}", to_do=f"see the file {_WHERE}") from None
    except ValueError as error:
        place = f"{path}:{getattr(error, 'lineno', 1)}"
        raise InputError(f"Docker's configuration is no JSON: {place}", to_do="mend it, or log in again") from None
