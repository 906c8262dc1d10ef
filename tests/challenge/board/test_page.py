"""The page: complete, escaped, and running no script but its own."""

import base64
import hashlib
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import timedelta

import pytest
from boards import HOSTILE, NOON, TEAMS, Nodes, drawn, entries, html_text

from challenge.board import as_fragment
from challenge.board import text as board
from challenge.store.records import Phase


@pytest.fixture(params=list(Phase), ids=str)
def shown(tmp_path, request):
    return drawn(tmp_path, request.param)


def test_the_page_has_the_same_nodes_whatever_the_names(tmp_path):
    plain = Nodes(board.as_html(drawn(tmp_path, of=entries())))
    teams = HOSTILE[::-1]
    nasty = Nodes(board.as_html(drawn(tmp_path, of=entries(teams, HOSTILE))))
    changing = ("cx", "x1", "x2", "x", "points", "data-v", "class", "y", "cy", "d")

    def skeleton(page):
        kept = [(tag, sorted(set(attrs) - set(changing))) for tag, attrs in page.tags]
        return [
            each for each in kept if each[0] not in ("circle", "polyline", "i", "li", "b", "bdi")
        ]

    assert skeleton(nasty) == skeleton(plain)
    assert not any(name.startswith("on") for _, attrs in nasty.tags for name in attrs)
    assert sum(tag == "script" for tag, _ in nasty.tags) == 1
    for name in HOSTILE[:5]:
        assert name in "".join(nasty.text)


def test_the_page_needs_nothing_from_elsewhere(shown):
    page = board.as_html(shown)
    for tag, attributes in Nodes(page).tags:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base", "form", "use", "a")
        assert not {"src", "href", "xlink:href", "style", "srcset"} & set(attributes)
    assert "url(" not in page
    assert "@import" not in page


def test_the_page_lets_only_its_own_script_run(shown):
    page = board.as_html(shown)
    (script,) = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policies = [
        attributes["content"]
        for tag, attributes in Nodes(page).tags
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert len(policies) == 1
    assert f"script-src 'sha256-{digest}'" in policies[0]
    assert "default-src 'none'" in policies[0]


def test_the_page_draws_a_bar_a_bracket_and_a_curve_where_they_belong(shown):
    tags = Nodes(board.as_html(shown)).tags
    classes = [set(attributes.get("class", "").split()) for _, attributes in tags]
    assert sum("error-bar" in each or "below" in each for each in classes) == len(shown.lines)
    assert any("first" in each and "top" in each for each in classes)
    n_leaders = sum(bool(each.diagnostics or each.working_points) for each in shown.lines)
    curves = [attributes for tag, attributes in tags if tag == "polyline"]
    assert len(curves) == n_leaders + 1  # and the one of chance


def test_the_fragment_is_the_page_without_its_frame_and_without_the_time(shown):
    fragment, later = as_fragment(shown), replace(shown, drawn_at=NOON + timedelta(hours=1))
    assert as_fragment(later) == fragment
    assert board.as_html(later) != board.as_html(shown)
    tags = {tag for tag, _ in Nodes(fragment).tags}
    assert not tags & {"html", "head", "body", "script", "style"}
    names = [line.network for line in shown.lines]
    assert [each for each in names if each in html_text(fragment)] == names


def test_a_line_of_the_board_is_short_so_that_a_thousand_are_quick_to_send(shown):
    rows = re.findall(r"<tr class.*?</tr>", as_fragment(shown), flags=re.DOTALL)
    assert len(rows) == len(shown.lines)
    assert max(map(len, rows)) < 900


def test_without_jets_the_final_page_has_curves_and_no_bins(tmp_path):
    page = board.as_html(drawn(tmp_path, Phase.REVEALED, pt=None, mass=None))
    assert "Background rejection of the leaders" in page
    assert "AUC by jet" not in page
    assert "mass sculpting" not in page
    assert "mass sculpting" in board.as_html(drawn(tmp_path, Phase.REVEALED))


def in_browser(page, folder):
    """The document after its scripts had their chance to run."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium is installed")
    (folder / "board.html").write_text(page, encoding="utf-8")
    options = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run"
        " --disable-background-networking --disable-component-update --disable-sync"
    )
    place = f"--user-data-dir={folder / 'profile'}"
    done = subprocess.run(
        [browser, *options.split(), place, "--dump-dom", (folder / "board.html").as_uri()],
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=True,
    )
    return Nodes(done.stdout), done.stdout


def without_policy(page):
    return re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)


@pytest.mark.parametrize("change", [str, without_policy], ids=["policy", "no policy"])
def test_hostile_names_run_no_script_in_a_browser(tmp_path, change):
    page = board.as_html(drawn(tmp_path, of=entries(HOSTILE[::-1], HOSTILE)))
    document, text = in_browser(change(page), tmp_path)
    assert "<title>Spring: leaderboard</title>" in text
    assert sum(tag == "script" for tag, _ in document.tags) == 1
    assert not any(tag == "img" for tag, _ in document.tags)
    assert not any(name.startswith("on") for _, attrs in document.tags for name in attrs)


def test_the_policy_stops_a_script_that_slipped_through(tmp_path):
    planted = "<script>document.title = 'owned'</script></body>"
    page = board.as_html(drawn(tmp_path)).replace("</body>", planted)
    assert "<title>owned</title>" not in in_browser(page, tmp_path)[1]
    (tmp_path / "profile").rename(tmp_path / "first")
    assert "<title>owned</title>" in in_browser(without_policy(page), tmp_path)[1]


@pytest.mark.parametrize(("clicks", "turned"), [([1], False), ([1, 1], True)])
def test_a_click_on_a_heading_sorts_and_a_second_turns_it_round(tmp_path, clicks, turned):
    click = "".join(f"document.querySelectorAll('th button')[{each}].click();" for each in clicks)
    page = without_policy(board.as_html(drawn(tmp_path)))
    _, text = in_browser(page.replace("</body>", f"<script>{click}</script></body>"), tmp_path)
    table = text[: text.index("</table>")]
    teams = re.findall(r'<td class="names"><i[^>]*></i><bdi class="team">([^<]*)', table)
    assert teams == sorted(TEAMS, key=str.lower, reverse=turned)
    assert 'class="mixed"' in text  # brackets of groups mean nothing in this order
