"""The class page: the board for whoever may read, renewed by a fragment with an ETag."""

import re

import pytest
from boards import HOSTILE, Nodes, drawn, entries
from browsing import text_of
from challenges import ladder, send

from challenge.board import as_fragment
from challenge.hub.pages import drawings
from challenge.hub.pages.drawings import Drawing, Drawings


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """However slow this machine is."""
    monkeypatch.setattr(drawings, "PATIENCE", 60.0)


@pytest.fixture
def browser(service, alice):
    return service.browser("alice")


def test_the_page_has_the_board_without_any_script(service, challenge, browser):
    send(challenge, ladder(2), team="Blue", network="resnet")
    page = browser.get("")
    assert page.status_code == 200
    assert "Blue" in text_of(page)
    assert "resnet" in text_of(page)


def test_links_lead_to_ones_own_pages_only(service, browser, prof):
    of_student, of_prof = (
        {a["href"] for tag, a in Nodes(each.get("").text).tags if tag == "a"}
        for each in (browser, service.browser("prof"))
    )
    prefix = service.app.state.site.prefix
    assert of_student == {"#main", prefix, f"{prefix}team", f"{prefix}logout"}
    assert of_prof == {"#main", prefix, f"{prefix}instructor", f"{prefix}logout"}


def test_only_scripts_with_the_nonce_of_this_answer_run(browser):
    page, again = browser.get(""), browser.get("")
    nonces = {a.get("nonce") for tag, a in Nodes(page.text).tags if tag == "script"}
    (nonce,) = nonces
    assert f"'nonce-{nonce}'" in page.headers["content-security-policy"]
    assert nonce not in again.text


def test_a_browser_that_has_the_board_gets_nothing_again(service, challenge, browser):
    first = browser.get("board")
    assert first.headers["content-type"].startswith("text/html")
    same = browser.get("board", headers={"If-None-Match": first.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    assert same.headers["etag"] == first.headers["etag"]
    send(challenge, ladder(1), team="Blue")
    newer = browser.get("board", headers={"If-None-Match": first.headers["etag"]})
    assert newer.status_code == 200
    assert "Blue" in newer.text


def test_the_page_knows_the_etag_of_its_board(browser):
    assert browser.get("board").headers["etag"] in re.sub("&#34;", '"', browser.get("").text)


def test_the_board_comes_packed_or_plain_as_the_browser_likes(service, challenge, browser):
    send(challenge, ladder(1))
    for place in ("", "board"):
        plain = browser.get(place, headers={"Accept-Encoding": "identity"})
        packed = browser.get(place, headers={"Accept-Encoding": "gzip"})
        assert "content-encoding" not in plain.headers
        assert packed.headers["content-encoding"] == "gzip"
        assert int(packed.headers["content-length"]) < len(plain.content) / 2
        board = plain.text[plain.text.index("<main") : plain.text.index("</main>")]
        assert board in packed.text


@pytest.mark.parametrize("place", ["", "board", "team", "instructor", "instructor/audit"])
def test_a_stranger_is_sent_to_the_login(service, place):
    answer = service.browser().get(place)
    assert answer.status_code == 303
    assert "/login?next=" in answer.headers["location"]


def test_hostile_names_stay_text(browser, tmp_path, monkeypatch):
    """What names cannot hold: the page must not rely on `challenge.words`."""
    board = drawn(tmp_path, of=entries(HOSTILE[::-1], HOSTILE))
    drawing = Drawing("", board, as_fragment(board), b"", '"x"', board.drawn_at)

    async def current(_drawings):
        return drawing

    monkeypatch.setattr(Drawings, "current", current)
    shown = Nodes(browser.get("").text)
    assert not any(tag in ("img", "object") for tag, _ in shown.tags)
    assert not any(name.startswith("on") for _, attributes in shown.tags for name in attributes)
    for name in HOSTILE[:5]:
        assert name in "".join(shown.text)


def test_logging_out_takes_the_cookie_away(service, browser):
    assert browser.get("team").status_code == 200
    assert "logged out" in text_of(browser.get("logout"))
    assert browser.get("team").status_code == 303
