"""What a browser without JavaScript does with the pages of the service, and what it sees."""

from __future__ import annotations

import html
import re

import httpx
from boards import Nodes

__all__ = ["act", "fields", "hand_in", "pick", "text_of"]


def text_of(answer: httpx.Response) -> str:
    """What a person reads, with single spaces."""
    return " ".join(" ".join(Nodes(answer.text).text).split())


def fields(answer: httpx.Response) -> dict[str, str]:
    """Names and values of all hidden fields."""
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', answer.text)
    return {name: html.unescape(value) for name, value in found}


def hand_in(
    browser: httpx.Client, data: bytes, *, network: str = "", file: str = "cnn.npy"
) -> httpx.Response:
    """Send the form of the team's page; redirects are not followed."""
    token = fields(browser.get("team"))["form_token"]
    form = {"form_token": token, "network": network}
    return browser.post("team/submissions", data=form, files={"file": (file, data)})


def pick(browser: httpx.Client, receipt: str) -> httpx.Response:
    """Press the button of one file."""
    token = fields(browser.get("team"))["form_token"]
    return browser.post("team/pick", data={"form_token": token, "receipt": receipt})


def act(browser: httpx.Client, action: str, **wish: str) -> httpx.Response:
    """Ask for an action, and confirm it."""
    asked = browser.get(f"instructor/{action}", params=wish)
    assert asked.status_code == 200, text_of(asked)
    return browser.post(f"instructor/{action}", data=fields(asked))
