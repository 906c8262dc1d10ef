"""What people do with the pages in a real browser: watch, drop a file, use the keyboard."""

import shutil

import pytest
from challenges import ladder, new_challenge, send
from fake_hub import running

from challenge.hub import Site
from challenge.hub.pages import drawings
from challenge.intake import invite
from challenge.store import lifecycle

sync_api = pytest.importorskip("playwright.sync_api", reason="needs the extra 'test'")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed"),
]
DROP = """
([name, bytes]) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], name));
  const place = document.querySelector(".drop");
  const options = { dataTransfer: data, bubbles: true, cancelable: true };
  for (const kind of ["dragenter", "dragover", "drop"]) {
    place.dispatchEvent(new DragEvent(kind, options));
  }
}
"""


@pytest.fixture(scope="module")
def chromium():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """With files of two teams, one of which is watched in these tests."""
    challenge = new_challenge(tmp_path_factory.mktemp("browser") / "c", per_day=50)
    for step in (1, 2):
        send(challenge, ladder(step), team="Blue", network="resnet")
    send(challenge, ladder(1), team="The Top Quarks")
    with pytest.MonkeyPatch.context() as patch, running(challenge, Site()) as service:
        patch.setattr(drawings, "PATIENCE", 60.0)  # however slow this machine is
        yield service


def joined(chromium, service, team, **options):
    """A page of somebody who came by invitation; every fault in its console fails the test."""
    _, token = invite(service.challenge, team)
    page = chromium.new_context(base_url=service.url, **options).new_page()
    page.set_default_timeout(60_000)
    page.faults = []
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.on("console", lambda said: said.type == "error" and page.faults.append(said.text))
    page.goto(f"join#{token}")
    page.wait_for_url(service.url)
    page.faults.clear()  # a browser asks for favicon.ico by itself
    return page


@pytest.fixture
def student(chromium, service):
    page = joined(chromium, service, "The Top Quarks")
    yield page
    page.context.close()


@pytest.fixture
def boss(chromium, service):
    page = joined(chromium, service, None)
    yield page
    page.context.close()


def looks_again(page):
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_the_board_renews_itself_and_says_when_it_cannot(service, student):
    student.locator("#board th button").nth(1).click()  # by team
    student.evaluate("window.isTheSamePage = true")
    send(service.challenge, ladder(3), team="Green", network="transformer")
    looks_again(student)
    student.get_by_text("transformer").first.wait_for()
    assert student.evaluate("window.isTheSamePage")
    assert "Renewed at" in student.locator("#renewed").inner_text()
    teams = student.locator("#board .team").all_inner_texts()
    assert teams == sorted(teams, key=str.lower)  # still in the order that was chosen
    assert student.evaluate("document.activeElement.textContent") == "team"
    student.context.set_offline(True)
    looks_again(student)
    student.get_by_text("No connection").wait_for()
    student.context.set_offline(False)
    sync_api.expect(student.locator("#connection")).to_be_empty(timeout=60_000)


def test_whoever_is_logged_out_is_told_so_and_keeps_the_board(service, student):
    student.context.clear_cookies()
    looks_again(student)
    student.get_by_text("You are logged out").wait_for()
    assert student.locator("#board .team").count() > 0


def test_a_dropped_file_is_handed_in_and_the_answer_is_focused(service, student):
    student.goto("team")
    student.evaluate(DROP, ["dropped net.npy", list(ladder(4))])
    assert student.locator("#network").input_value() == "dropped net"
    student.get_by_role("button", name="Hand in").dblclick()
    student.get_by_role("heading", name="Accepted: dropped net").wait_for()
    assert student.evaluate("document.activeElement.id") == "answer"
    assert student.locator(".files li").count() == len(
        service.challenge.store.of_team("The Top Quarks")
    )
    student.evaluate(DROP, ["words.npy", list(b"not numbers at all")])
    student.get_by_role("button", name="Hand in").click()
    student.get_by_role("heading", name="Refused").wait_for()
    assert "Expected a .npy file" in student.locator("#answer").inner_text()
    assert all("422" in fault for fault in student.faults)


def test_a_student_hands_in_and_chooses_with_the_keyboard_alone(service, student, tmp_path):
    (tmp_path / "keys.npy").write_bytes(ladder(2))
    student.goto("team")
    student.keyboard.press("Tab")
    assert student.evaluate("document.activeElement.className") == "skip"
    student.keyboard.press("Enter")
    student.keyboard.press("Tab")
    assert student.evaluate("document.activeElement.id") == "file"
    student.locator("#file").set_input_files(tmp_path / "keys.npy")  # the system's own dialog
    student.keyboard.press("Tab")
    student.keyboard.type("net x")  # in place of the name of the file
    student.keyboard.press("Enter")
    student.get_by_role("heading", name="Accepted: net x").wait_for()
    button = student.get_by_role("button", name="Choose net x")
    button.focus()
    student.keyboard.press("Enter")
    student.get_by_text("final choice").wait_for()


def test_without_javascript_everything_can_still_be_done(chromium, service, student, tmp_path):
    (tmp_path / "plain.npy").write_bytes(ladder(3))
    plain = chromium.new_context(
        base_url=service.url,
        java_script_enabled=False,
        storage_state=student.context.storage_state(),
    ).new_page()
    plain.goto("")
    assert plain.locator("#board .team").count() > 0
    plain.goto("team")
    plain.locator("#file").set_input_files(tmp_path / "plain.npy")
    plain.get_by_role("button", name="Hand in").click()
    plain.get_by_role("heading", name="Accepted: plain").wait_for()
    plain.context.close()


def test_the_instructor_is_asked_once_and_can_turn_back(service, boss):
    boss.goto("instructor")
    boss.get_by_role("link", name="Pause…").click()
    boss.get_by_role("link", name="Back, change nothing").click()
    assert service.challenge.store.progress().paused is None
    boss.get_by_role("link", name="Pause…").click()
    boss.get_by_role("button", name="Pause").click()
    boss.get_by_role("heading", name="Done").wait_for()
    assert service.challenge.store.progress().paused is not None
    lifecycle.resume(service.challenge)
    assert boss.faults == []


STUDENT = ("", "team", "login")
BOSS = ("instructor", "instructor/team?name=Blue", "instructor/close", "instructor/audit")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_a_phone_needs_no_sideways_scrolling(student, boss, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    for page, places in ((student, STUDENT), (boss, BOSS)):
        page.emulate_media(color_scheme=scheme)
        for place in places:
            page.set_viewport_size({"width": 360, "height": 800})
            page.goto(place)
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= 360, f"{place or 'board'} is {wide} wide"
            page.set_viewport_size({"width": 1280, "height": 900})
            found = axe.run(page)
            assert found.violations_count == 0, f"{place}: {found.generate_report()}"
