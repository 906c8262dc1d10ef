"""Where the service lives: its prefix, its hub if it has one, and its own secret key.

A hub gives a service what it must know in environment variables, and so does whoever runs the
service as a unit of its own (``docs/challenge.md`` lists them).
"""

import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

from challenge.errors import ChallengeError

__all__ = ["KEY_FILE", "Hub", "Site", "address_of", "derived_key", "service_key"]

KEY_FILE: Final = "service.key"


@dataclass(frozen=True)
class Hub:
    """A JupyterHub, as one of its services sees it.

    Attributes
    ----------
    api_url : str
        Address of its API, without a slash at the end.
    api_token : str
        The service's own token, which is its secret in OAuth, too.
    client_id : str
        The service's name in OAuth, like ``service-challenge``.
    authorize_url : str
        Where browsers log in; a path if the hub has the same host.
    callback : str
        Where they come back to, spelt as the hub knows it.
    """

    api_url: str
    api_token: str = field(repr=False)
    client_id: str
    authorize_url: str
    callback: str


@dataclass(frozen=True)
class Site:
    """How one service is set up.

    Attributes
    ----------
    prefix : str
        Path below which it answers; begins and ends with a slash.
    hub : Hub or None
        None if people come by invitation only.
    teams_only : bool
        Refuse people of the hub who are in no group ``team-NAME``; else each is a team of one,
        under the own name.
    """

    prefix: str = "/"
    hub: Hub | None = None
    teams_only: bool = False

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], *, teams_only: bool = False) -> Self:
        """The site that the variables of a hub describe; one without a hub if there are none.

        Raises
        ------
        ChallengeError
            If some of the variables are there and others missing.

        Examples
        --------
        >>> Site.from_environment({})
        Site(prefix='/', hub=None, teams_only=False)
        """
        prefix = f"/{environ.get('JUPYTERHUB_SERVICE_PREFIX', '').strip('/')}/".replace("//", "/")
        token, api_url = (environ.get(f"JUPYTERHUB_API_{each}", "") for each in ("TOKEN", "URL"))
        if not token and not api_url:
            return cls(prefix, None, teams_only)
        client = environ.get("JUPYTERHUB_CLIENT_ID") or _usual_client(environ)
        if not (token and api_url and client):
            raise ChallengeError(
                "A service of a hub needs JUPYTERHUB_API_URL, JUPYTERHUB_API_TOKEN and "
                "JUPYTERHUB_CLIENT_ID (service-NAME): set those that are missing, or none."
            )
        base = environ.get("JUPYTERHUB_BASE_URL", "/").rstrip("/")
        authorize = f"{environ.get('JUPYTERHUB_HOST', '')}{base}/hub/api/oauth2/authorize"
        callback = environ.get("JUPYTERHUB_OAUTH_CALLBACK_URL") or f"{prefix}oauth_callback"
        return cls(prefix, Hub(api_url.rstrip("/"), token, client, authorize, callback), teams_only)


def address_of(
    environ: Mapping[str, str], host: str | None = None, port: int | None = None
) -> tuple[str, int]:
    """Where to listen: as given, else as a hub says, else at port 8080 of this machine alone.

    Examples
    --------
    >>> address_of({"JUPYTERHUB_SERVICE_URL": "http://127.0.0.1:10101"}, port=80)
    ('127.0.0.1', 80)
    """
    said = urlsplit(environ.get("JUPYTERHUB_SERVICE_URL", ""))
    if host is None:
        host = said.hostname or "127.0.0.1"
    if port is None:
        port = said.port or 8080
    return host, port


def _usual_client(environ: Mapping[str, str]) -> str:
    name = environ.get("JUPYTERHUB_SERVICE_NAME", "")
    return f"service-{name}" if name else ""


def service_key(folder: Path) -> bytes:
    """The secret that signs cookies and forms, the same for all replicas; made when it is missing.

    Whoever deletes the file logs everybody out.

    Raises
    ------
    ChallengeError
        If the folder cannot be written, or others can read the key.
    """
    path = folder / KEY_FILE
    try:
        if not path.exists():
            _make_key(path)
        if path.stat().st_mode & 0o077:
            raise ChallengeError(f"Others can read {path}: delete it, and start again.")
        return path.read_bytes()
    except OSError as error:
        raise ChallengeError(
            f"{path} cannot be read or made ({error.strerror}): run the service as the account "
            "that made the challenge."
        ) from error


def _make_key(path: Path) -> None:
    """Make the key once, whole, whoever else makes it at the same time."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secrets.token_bytes(32))
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(part)  # fails where another replica was faster
    except FileExistsError:
        pass
    finally:
        part.unlink()


def derived_key(key: bytes, *purpose: str) -> bytes:
    """A key for one purpose alone: what it signs means nothing elsewhere."""
    return hmac.digest(key, "\0".join(purpose).encode(), hashlib.sha256)
