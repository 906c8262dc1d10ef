"""Somebody at a browser: what it sends to the hub, to a lab and to the challenge, without a screen.

Like a browser it keeps cookies by their paths, follows redirects, says whether it opens a page or
asks for data, and returns the tokens against forged requests.
"""

from __future__ import annotations

import html
import re
import time
from typing import Any, Final

import httpx
from meters import Traffic

COURSE: Final = "jet-tagging"
CHALLENGE: Final = "/services/challenge"
GRADER: Final = f"/services/{COURSE}"
PATIENCE: Final = 600.0  # seconds that a busy machine may take for one answer
_TRIES: Final = 20
_NAVIGATE: Final = {"Sec-Fetch-Mode": "navigate", "Accept": "text/html"}
_FETCH: Final = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}
_FIELD: Final = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
# What a program of a student needs to hand in, and no more.
_SCOPES: Final = [
    "custom:challenge:submit",
    "read:users:name!user",
    "read:users:groups!user",
]


class TermError(Exception):
    """What went otherwise than it must; the message says what, and of whom."""


class Browser:
    """The browser of one person, who is known to the hub by name and password."""

    def __init__(self, address: str, name: str, password: str, traffic: Traffic) -> None:
        self.name, self._password, self._traffic = name, password, traffic
        self._options: dict[str, Any] = {
            "base_url": address,
            "timeout": PATIENCE,
            "trust_env": False,
            "event_hooks": {"response": [traffic.count]},
        }
        self._client = httpx.Client(follow_redirects=True, **self._options)
        self._program = httpx.Client(**self._options)
        self.lab = f"/user/{name}"

    def close(self) -> None:
        self._client.close()
        self._program.close()

    # --- pages and data

    def page(self, path: str) -> str:
        """Open a page, whatever redirects lead to it."""
        return self._answer(self._client, "GET", path, headers=_NAVIGATE).text

    def ask(self, method: str, root: str, path: str, **body: Any) -> Any:
        """Ask a server of the hub for data as its own pages do, and return the JSON."""
        headers = _FETCH | {"X-XSRFToken": self._xsrf(f"{root}/")}
        answer = self._answer(self._client, method, f"{root}/{path}", headers=headers, **body)
        return _json(answer) if answer.content else None

    def _xsrf(self, path: str) -> str:
        jar = self._client.cookies.jar
        return next((each.value for each in jar if (each.name, each.path) == ("_xsrf", path)), "")

    def _answer(
        self, client: httpx.Client, method: str, path: str, **options: Any
    ) -> httpx.Response:
        answer = self._sent(client, method, path, **options)
        if not answer.is_success:
            text = re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", answer.text))[:300]
            raise TermError(f"{self.name}: {method} {path}: {answer.status_code}: {text}")
        return answer

    def _sent(self, client: httpx.Client, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return client.request(method, path, **options)
        except httpx.TransportError as error:
            self._traffic.count_lost()
            raise TermError(f"{self.name}: {method} {path}: {error!r}") from None

    # --- hub and lab

    def log_in(self) -> None:
        form = dict(_FIELD.findall(self.page("/hub/login")))
        form |= {"username": self.name, "password": self._password}
        where = "/hub/login?next=%2Fhub%2Fhome"
        answer = self._answer(self._client, "POST", where, data=form, headers=_NAVIGATE)
        if answer.url.path != "/hub/home":
            raise TermError(f"{self.name} logged in and is at {answer.url.path}, not at /hub/home.")

    def start_lab(self) -> None:
        """Start the own server, and open the lab once it is ready."""
        self.ask("POST", "/hub", f"api/users/{self.name}/server")
        end = time.monotonic() + PATIENCE
        while not self._is_ready():
            if time.monotonic() > end:
                raise TermError(f"The lab of {self.name} did not start in {PATIENCE:.0f} s.")
            time.sleep(2)
        self.page(f"{self.lab}/lab")

    def _is_ready(self) -> bool:
        servers = self.ask("GET", "/hub", f"api/users/{self.name}")["servers"]
        return bool(servers and servers[""]["ready"])

    def exchange(self, action: str, lesson: str) -> list[dict[str, Any]]:
        """Fetch, submit, or fetch the feedback in the list of assignments; returns its rows."""
        form = {"course_id": COURSE, "assignment_id": lesson}
        done = self.ask("POST", self.lab, f"assignments/{action}", data=form)
        if not done["success"]:
            raise TermError(f"{self.name} cannot {action} {lesson}: {done['value'][-300:]}")
        return [row for row in done["value"] if row["assignment_id"] == lesson]

    def read(self, path: str) -> Any:
        """The content of a file or folder in the lab."""
        return self.ask("GET", self.lab, f"api/contents/{path}?content=1")["content"]

    def write_notebook(self, path: str, notebook: dict[str, Any]) -> None:
        body = {"type": "notebook", "format": "json", "content": notebook}
        self.ask("PUT", self.lab, f"api/contents/{path}", json=body)

    # --- challenge

    def make_token(self) -> None:
        """Ask the hub for a token, with which a program hands in."""
        body = {"note": "hands in scores", "scopes": _SCOPES}
        token = self.ask("POST", "/hub", f"api/users/{self.name}/tokens", json=body)["token"]
        self._program.headers["Authorization"] = f"token {token}"

    def hand_in(self, network: str, data: bytes) -> tuple[int, dict[str, Any]]:
        """Hand a file of scores in as a program does; returns status and content of the answer."""
        for _ in range(_TRIES):
            path = f"{CHALLENGE}/api/submissions/{network}"
            answer = self._sent(self._program, "POST", path, content=data)
            content = _json(answer)
            if content.get("reason") != "busy":
                break
            time.sleep(float(answer.headers.get("retry-after", 1)))
        return answer.status_code, content

    def handed_in(self) -> list[str]:
        """The SHA-256 of every file of the team that was accepted."""
        answer = self._answer(self._program, "GET", f"{CHALLENGE}/api/submissions")
        files = _json(answer)["submissions"]
        return [each["sha256"] for each in files if each["state"] == "SCORED"]

    def confirm(self, action: str, **fields: str) -> None:
        """Choose an action on the instructor's pages, and confirm it."""
        where = f"{CHALLENGE}/instructor/{action}"
        asked = self._answer(self._client, "GET", where, params=fields, headers=_NAVIGATE)
        form = {name: html.unescape(value) for name, value in _FIELD.findall(asked.text)}
        done = self._answer(self._client, "POST", where, data=form, headers=_NAVIGATE)
        if 'class="answer good"' not in done.text:
            raise TermError(f"{self.name} confirmed {action}, and no page says that it is done.")


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        where = f"{answer.request.method} {answer.request.url.path}"
        raise TermError(
            f"{where}: {answer.status_code}, and no JSON: {answer.text[:200]}"
        ) from None
