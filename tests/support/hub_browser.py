"""The demo's hub for a test, and people who use it in a real browser."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
COURSE = "jet-tagging"
_PEOPLE = re.compile(r"^(\S*(anna|ben|prof)) +(\S+) +(?:student|instructor)", re.M)
_SLOW = 180_000  # ms that a busy machine may take for one step
_TRIES = 6


def require_browser_and_proxy() -> None:
    """Skip where the hub cannot be driven; fail where `COURSE_NEEDS_HUB` says that it must be."""
    give_up = pytest.fail if os.environ.get("COURSE_NEEDS_HUB") else pytest.skip
    for module in ("playwright", "jupyterhub"):
        try:
            __import__(module)
        except ImportError:
            give_up(f"needs {module}: the extras jupyterhub and test")
    if CHROMIUM is None:
        give_up("needs Chromium")
    if shutil.which("configurable-http-proxy") is None and shutil.which("npm") is None:
        give_up("needs configurable-http-proxy, or npm to install it")
    if os.geteuid() == 0 and not others_can_run_it():
        give_up("needs a Python and a checkout that other accounts can read")


def others_can_run_it() -> bool:
    """Whether other accounts can start this Python with this checkout."""
    command = [sys.executable, "-c", "import course_utils, challenge, jupyterhub"]
    environment = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            command, user="nobody", group="nogroup", extra_groups=[], cwd="/",
            env=environment, capture_output=True,
        )  # fmt: skip
    except (PermissionError, LookupError):
        return False
    return done.returncode == 0


def playwright_timeout() -> type[Exception]:
    """What Playwright raises when something does not come; it need not be installed."""
    from playwright.sync_api import TimeoutError as TimedOut

    return TimedOut


@dataclass(frozen=True)
class Hub:
    """A running demo: its address, who may log in, and the challenge's jets without labels."""

    address: str
    people: dict[str, tuple[str, str]]  # name and password of anna, ben and prof
    jets: Path
    folder: Path
    process: subprocess.Popen[str]

    def name(self, who: str) -> str:
        return self.people[who][0]


@contextmanager
def running_hub(*options: str) -> Iterator[Hub]:
    """Run ``make hub``'s demo until the test is over; ends it as Ctrl-C does."""
    small = {"COURSE_MAX_JETS": "600", "COURSE_MAX_EPOCHS": "1", "COURSE_MAX_SEEDS": "1"}
    command = [sys.executable, str(ROOT / "deploy/hub/demo"), "--port", "0", *options]
    clean = {name: value for name, value in os.environ.items() if name != "JET_DATA"}
    process = subprocess.Popen(
        command,
        env=clean | small | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said: list[str] = []
    reader = threading.Thread(target=lambda: said.extend(process.stdout), daemon=True)
    reader.start()
    try:
        while not any("Ctrl-C" in line for line in said) and process.poll() is None:
            time.sleep(0.1)
        text = "".join(said)
        assert process.poll() is None, text
        yield Hub(
            re.search(r"^hub +(\S+)", text, re.M)[1],
            {who: (name, password) for name, who, password in _PEOPLE.findall(text)},
            Path(re.search(r"^Jets of the challenge: (.+)", text, re.M)[1]),
            Path(re.search(r"^Logs: (.+)/logs", text, re.M)[1]),
            process,
        )
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
        reader.join(5)
        process.stdout.close()
        print("".join(said))


class Person:
    """Somebody at a browser of their own."""

    def __init__(self, hub: Hub, browser: Any, who: str) -> None:
        self.hub, self.who, (self.name, self.password) = hub, who, hub.people[who]
        self.context = browser.new_context(viewport={"width": 1280, "height": 900})
        self.context.set_default_timeout(_SLOW)
        self.page = self.context.new_page()
        self.lab = f"{hub.address}/user/{self.name}"

    def visit(self, path: str) -> int:
        """Open a page of the hub and return its status."""
        return self.page.goto(self.hub.address + path).status

    def log_in(self) -> None:
        self.visit("/hub/login?next=%2Fhub%2Fhome")
        self.page.fill("#username_input", self.name)
        self.page.fill("#password_input", self.password)
        self.page.click("#login_submit")
        self.page.wait_for_url("**/hub/home")

    def start_lab(self) -> None:
        self.page.goto(f"{self.hub.address}/hub/spawn", wait_until="commit")
        self.page.wait_for_url(f"**/user/{self.name}/lab*")
        self.page.wait_for_selector(".lm-MenuBar-itemLabel:text-is('Nbgrader')")

    def open_notebook(self, path: str) -> None:
        """Open a notebook alone in the lab, in a workspace of its own, and wait for its kernel."""
        workspace = path.rpartition("/")[2].removesuffix(".ipynb")
        self.page.goto(f"{self.lab}/lab/workspaces/{workspace}/tree/{path}")
        self.page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status='idle']")

    def menu(self, title: str) -> list[str]:
        """Open a menu of the lab and return its entries."""
        self.page.click(f".lm-MenuBar-itemLabel:text-is('{title}')")
        entries = self.page.locator(".lm-Menu-itemLabel").all_inner_texts()
        return [entry for entry in entries if entry]

    def run_notebook(self, path: str, code: str) -> str:
        """Write a notebook of one cell into the home, open and run it; returns its output."""
        notebook = new_notebook(cells=[new_code_cell(f"{code}\nprint('the last ' + 'line')")])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
        body = {"type": "notebook", "content": nbformat.from_dict(notebook)}
        assert self.ask("PUT", f"api/contents/{path}", body) < 300
        self.open_notebook(path)
        # Not by a menu, which may not know yet which notebook is meant. A busy machine's page may
        # lose the keys while it is still being put together.
        begun = self.page.locator(".jp-InputPrompt:text-matches('[*0-9]')")
        for _ in range(_TRIES):
            self.page.click(".jp-CodeCell .cm-content")
            self.page.keyboard.press("Shift+Enter")
            with suppress(playwright_timeout()):
                begun.first.wait_for(timeout=_SLOW / _TRIES)
                break
        self.page.wait_for_selector(".jp-OutputArea-output:has-text('the last line')")
        return "\n".join(self.page.locator(".jp-OutputArea-output").all_inner_texts())

    def upload(self, path: str, network: str) -> None:
        """Hand a file in on the team page, and wait for the answer."""
        self.visit("/services/challenge/team")
        self.page.set_input_files("#file", path)
        self.page.fill("#network", network)
        self.page.click("#upload button[type=submit]")
        self.page.wait_for_selector("#answer")

    def act(self, action: str) -> None:
        """Choose an action on the instructor page, and confirm it."""
        self.visit("/services/challenge/instructor")
        self.page.click(f"a.button:has-text('{action}')")
        self.page.click("form button.main")
        self.page.wait_for_selector("#answer.good")

    def picture(self, name: str) -> None:
        """Write a picture of the page, if somebody wants to look at it."""
        if folder := os.environ.get("COURSE_SCREENSHOTS"):
            self.page.screenshot(path=f"{folder}/{name}.png", full_page=True)

    def ask(self, method: str, path: str, body: object = None) -> int:
        """Ask the own server, as the lab's JavaScript does; returns the status."""
        cookies = {each["name"]: each["value"] for each in self.context.cookies(f"{self.lab}/")}
        answer = self.context.request.fetch(
            f"{self.lab}/{path}",
            method=method,
            data=body,
            headers={"X-XSRFToken": cookies["_xsrf"]},
        )
        return answer.status
