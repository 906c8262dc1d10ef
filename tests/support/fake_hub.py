"""A hub for tests: people with groups and rights, tokens, OAuth with PKCE; and a service behind it.

It speaks as JupyterHub does: `GET user`, `oauth2/authorize`, `oauth2/token`.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from challenge.hub import Hub, Site, create_app
from challenge.hub.serving import server_for
from challenge.store import Challenge

PREFIX = "/services/challenge/"
RIGHTS = ["read", "submit", "manage"]
API = "http://hub.test/hub/api"


@dataclass
class FakeHub(httpx.AsyncBaseTransport):
    """The hub, reached without a network.

    Attributes
    ----------
    people : dict of str to dict
        What ``GET user`` answers for each name.
    tokens : dict of str to str
        Whose each token is.
    is_down : bool
    asked : list of str
        The paths of all requests.
    """

    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    is_down: bool = False
    asked: list[str] = field(default_factory=list)
    secret: str = "secret-of-the-service"

    def add(self, name: str, *groups: str, may: tuple[str, ...] = ("read", "submit")) -> str:
        """A person; returns a token."""
        scopes = [f"custom:challenge:{each}" for each in may]
        self.people[name] = {
            "name": name, "kind": "user", "groups": list(groups), "scopes": scopes,
        }  # fmt: skip
        return self.token(name)

    def token(self, name: str) -> str:
        token = secrets.token_hex(16)
        self.tokens[token] = name
        return token

    def authorize(self, address: str, name: str) -> str:
        """What a browser of `name` does at the login page; returns where it is sent."""
        asked = {key: each[0] for key, each in parse_qs(urlsplit(address).query).items()}
        assert asked["client_id"] == "service-challenge"
        assert asked["redirect_uri"] == f"{PREFIX}oauth_callback"
        code = secrets.token_hex(8)
        self.codes[code] = {"name": name, "challenge": asked["code_challenge"]}
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/hub/api/")
        self.asked.append(path)
        if self.is_down:
            raise httpx.ConnectError("refused", request=request)
        if path == "user":
            name = self.tokens.get(request.headers["authorization"].removeprefix("token "))
            if name is None:
                return httpx.Response(403, json={"message": "Missing or invalid credentials."})
            return httpx.Response(200, json=self.people[name])
        assert path == "oauth2/token"
        return self._token_for(parse_qs((await request.aread()).decode()))

    def _token_for(self, form: dict[str, list[str]]) -> httpx.Response:
        code = self.codes.pop(form["code"][0], None)
        digest = hashlib.sha256(form["code_verifier"][0].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if form["client_secret"] != [self.secret] or not code or code["challenge"] != challenge:
            return httpx.Response(400, json={"error": "invalid_grant"})
        return httpx.Response(200, json={"access_token": self.token(code["name"])})


@dataclass
class Service:
    """A service that listens at an address of this machine, and its clients."""

    challenge: Challenge
    hub: FakeHub
    app: Any
    address: str = ""
    clients: list[httpx.Client] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.address + self.app.state.site.prefix

    def client(self, token: str | None = None, **options: Any) -> httpx.Client:
        headers = {} if token is None else {"Authorization": f"token {token}"}
        options = {"timeout": 60, "trust_env": False} | options
        client = httpx.Client(base_url=self.url, headers=headers, **options)
        self.clients.append(client)
        return client

    def browser(self, name: str | None = None) -> httpx.Client:
        """A browser, logged in at the hub if a name is given."""
        client = self.client()
        client.headers["Accept"] = "text/html"
        if name is not None:
            begun = client.get("login")
            ended = client.get(self.address + self.hub.authorize(begun.headers["location"], name))
            assert ended.status_code == 302, ended.text
        return client


def hub_site(hub: FakeHub) -> Site:
    callback = f"{PREFIX}oauth_callback"
    return Site(
        PREFIX,
        Hub(API, hub.secret, "service-challenge", "/hub/api/oauth2/authorize", callback),
    )


@contextmanager
def running(challenge: Challenge, site: Site | None = None) -> Iterator[Service]:
    """A service for a challenge; behind a hub unless a site without one is given."""
    hub = FakeHub()
    app = create_app(challenge, hub_site(hub) if site is None else site, transport=hub)
    server = server_for(app)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(
            target=lambda: asyncio.run(server.serve(sockets=[listener])), daemon=True
        )
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.005)
        service = Service(challenge, hub, app, f"http://127.0.0.1:{listener.getsockname()[1]}")
        try:
            yield service
        finally:
            for client in service.clients:
                client.close()
            server.should_exit = True
            thread.join()
