"""A class on the demo's hub: two students and an instructor, each at a browser of their own.

One hub serves all tests, in their order: the challenge is open at first and revealed in the end.
With ``COURSE_SCREENSHOTS=FOLDER``, pictures of the pages are written there.
"""

from __future__ import annotations

import csv
import os
import pwd
import re
from collections.abc import Iterator

import nbformat
import numpy as np
import pytest
from hub_browser import CHROMIUM, ROOT, Hub, Person, require_browser_and_proxy, running_hub
from toy_course import LESSON, lesson

from course_utils.jetfile import JetFile

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # other people's warnings
JETS = ROOT / "course_utils/samples/data/top_tagging_small.h5"
CHALLENGE = "/services/challenge"
HAND_IN = """\
import numpy as np
from course_utils.grading import submit
np.save("cnn.npy", np.random.default_rng(1).random({n_jets}).astype("float32"))
np.save("short.npy", np.zeros(3))
print(submit("cnn.npy"))
submit("short.npy")
"""
LOOK_AROUND = """\
import os
from pathlib import Path
import requests
token = {{"Authorization": "token " + os.environ["JUPYTERHUB_API_TOKEN"]}}
hub, challenge = os.environ["JUPYTERHUB_API_URL"], os.environ["CHALLENGE_URL"]
for method, url in [
    ("GET", hub + "/users"),
    ("POST", hub + "/groups/team-blue/users"),
    ("POST", challenge + "/instructor/reveal"),
]:
    body = {{"json": {{"users": ["{name}"]}}}} if method == "POST" else {{}}
    print(url.rpartition("/")[2], requests.request(method, url, headers=token, **body).status_code)
for path in {paths}:
    try:
        print(path, sorted(Path(path).iterdir()))
    except PermissionError:
        print(path, "is closed")
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory) -> Iterator[Hub]:
    """The demo with a lesson that validates in seconds; it leaves nothing behind."""
    require_browser_and_proxy()
    folder = tmp_path_factory.mktemp("lessons") / LESSON
    folder.mkdir()
    nbformat.write(lesson(), folder / f"{LESSON}.ipynb")
    with running_hub("--lesson", str(folder), "--jets", str(JETS)) as hub:
        yield hub
    assert hub.process.returncode == 0
    assert not hub.folder.exists()
    if os.geteuid() == 0:
        assert not {each.pw_name for each in pwd.getpwall()} & {hub.name(who) for who in hub.people}


@pytest.fixture(scope="module")
def browser(hub) -> Iterator:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        args = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=args)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def anna(hub, browser) -> Person:
    person = Person(hub, browser, "anna")
    person.log_in()
    person.start_lab()
    return person


@pytest.fixture(scope="module")
def ben(hub, browser) -> Person:
    person = Person(hub, browser, "ben")
    person.log_in()
    return person


@pytest.fixture(scope="module")
def prof(hub, browser) -> Person:
    person = Person(hub, browser, "prof")
    person.log_in()
    return person


@pytest.fixture(scope="module")
def scores(hub, tmp_path_factory) -> dict[str, str]:
    """Files that students bring: one to accept and one with a nan."""
    with JetFile(hub.jets) as file:
        good = np.random.default_rng(2).random(file.n_jets)
    folder = tmp_path_factory.mktemp("scores")
    bad = good.copy()
    bad[3] = np.nan
    for name, values in {"good": good, "bad": bad}.items():
        np.save(folder / f"{name}.npy", values)
    return {name: str(folder / f"{name}.npy") for name in ("good", "bad")} | {"n": str(len(good))}


def test_nobody_sees_the_board_without_a_login(hub, browser):
    page = browser.new_context().new_page()
    page.goto(f"{hub.address}{CHALLENGE}/")
    assert page.url.startswith(f"{hub.address}/hub/login")


def test_a_student_fetches_opens_validates_and_submits_a_lesson(anna):
    entries = anna.menu("Nbgrader")
    assert "Assignment List" in entries
    assert not {"Formgrader", "Course List", "Create Assignment"} & set(entries)
    anna.page.click(".lm-Menu-itemLabel:text-is('Assignment List')")
    anna.page.click("button:text-is('Fetch')")
    anna.page.wait_for_selector("button:text-is('Submit')")
    anna.page.click("button:text-is('Submit')")
    anna.page.wait_for_selector(f"#submitted_assignments_list .list_item:has-text('{LESSON}')")
    anna.picture("assignments")
    anna.open_notebook(f"{LESSON}/{LESSON}.ipynb")
    anna.page.click(".jp-NotebookPanel-toolbar >> text=Validate")
    anna.page.wait_for_selector(".jp-Dialog:has-text('failed')")  # nothing is solved yet
    anna.picture("validated")
    anna.page.click(".jp-Dialog button:has-text('OK')")


def test_a_cell_hands_in_and_prints_the_receipt_or_the_reason(anna, scores):
    said = anna.run_notebook("mine.ipynb", HAND_IN.format(n_jets=scores["n"]))
    assert "accepted red / cnn" in said
    assert "4 of 5 submissions left" in said
    assert re.search(r"<Receipt [0-9a-f]{12} of red / cnn: AUC \d\.\d+ ± \d\.\d+>", said)
    assert re.search(r"Not handed in\. .+ Your file is kept: short\.npy", said)
    assert "Traceback" not in said
    anna.picture("cell")


def test_a_notebook_of_a_student_reaches_nothing_of_others(anna, ben, hub):
    closed = [hub.folder / name for name in ("labels", "course", "hub")]
    paths = [str(path) for path in (*closed, hub.folder / "home" / ben.name)]
    said = anna.run_notebook("look.ipynb", LOOK_AROUND.format(name=anna.name, paths=paths))
    assert re.findall(r"^(\w+) (\d{3})$", said, re.M) == [
        ("users", "403"),
        ("users", "403"),
        ("reveal", "403"),
    ]
    if os.geteuid() == 0:  # elsewhere all share one account
        assert said.count("is closed") == len(paths)


def test_the_board_and_the_team_page_show_what_was_handed_in(anna):
    assert anna.visit(f"{CHALLENGE}/") == 200  # no further login, no question
    assert "red" in anna.page.inner_text("main")
    anna.picture("board")
    assert anna.visit(f"{CHALLENGE}/team") == 200
    text = anna.page.inner_text("main")
    assert "cnn" in text
    assert "4 of 5" in text
    anna.picture("team")


def test_another_team_uploads_by_hand_and_a_bad_file_is_refused_with_a_reason(ben, scores):
    ben.upload(scores["bad"], "first")
    assert "finite" in ben.page.inner_text("#answer.bad")
    ben.picture("refused")
    ben.upload(scores["good"], "first")
    assert "Accepted: first" in ben.page.inner_text("#answer.good")
    text = ben.page.inner_text("main")
    assert "4 of 5" in text
    assert "cnn" not in text  # of the other team
    ben.picture("uploaded")


def test_a_student_is_neither_instructor_nor_grader(ben):
    assert ben.visit(f"{CHALLENGE}/instructor") == 403
    assert ben.visit("/services/jet-tagging/formgrader") == 403


def test_the_formgrader_opens_for_the_instructor(prof):
    assert prof.visit("/services/jet-tagging/formgrader") == 200
    prof.page.wait_for_selector(f"text={LESSON}")
    prof.picture("formgrader")


def test_the_instructor_pauses_resumes_closes_reveals_and_exports(prof, ben, scores, tmp_path):
    assert prof.visit(f"{CHALLENGE}/instructor") == 200
    prof.picture("instructor")
    prof.act("Pause")
    ben.visit(f"{CHALLENGE}/team")
    assert "paused" in ben.page.inner_text("main")
    for action in ("Resume", "Close", "Reveal"):
        prof.act(action)
    prof.picture("revealed")
    with prof.page.expect_download() as download:
        prof.page.click("a:text-is('Marks (CSV)')")
    download.value.save_as(tmp_path / "marks.csv")
    with (tmp_path / "marks.csv").open(newline="") as file:
        marks = list(csv.DictReader(file))
    assert {row["student_id"] for row in marks} == {"red", "blue"}
    ben.visit(f"{CHALLENGE}/")
    assert "private" in ben.page.inner_text("body")
    ben.picture("ranks")
