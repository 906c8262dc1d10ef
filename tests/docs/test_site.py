"""The site gives no answer away, needs nothing from elsewhere, and everybody can use it."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote, urlsplit

import conf
import nbformat
import pytest
from hub_browser import CHROMIUM
from lessons import GIVES_AWAY, LESSONS, student_page, student_version
from mathml import as_mathml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from pages import _page
from secrets_of_lessons import find_leaks, secrets_of
from toy_course import LESSON, lesson, new_course, quiet_machine

ROOT = Path(__file__).resolve().parents[2]
LOADED = {("img", "src"), ("script", "src"), ("iframe", "src"), ("source", "src"), ("link", "href")}


# ---------------------------------------------------------------- lessons


def test_a_page_shows_what_nbgrader_hands_out(tmp_path):
    patch = quiet_machine()
    course = new_course(tmp_path)
    course.release(lesson())
    patch.undo()
    (released,) = (tmp_path / "release").rglob("*.ipynb")
    handed_out = nbformat.read(released, as_version=4)
    shown = student_version(lesson())
    assert released.stem == LESSON
    assert [cell.source for cell in shown.cells] == [cell.source for cell in handed_out.cells]


@pytest.fixture
def solved(tmp_path, monkeypatch) -> Path:
    """A lesson that was run: an answer, a figure after it, and a cell that prints the answer."""
    answer = new_code_cell("### BEGIN SOLUTION\nmass_of_the_top = 172.76\n### END SOLUTION")
    answer.metadata["nbgrader"] = {"solution": True, "grade": False, "grade_id": "top"}
    answer.metadata["nbgrader"] |= {"locked": False, "schema_version": 3, "task": False}
    told = new_code_cell("print(round(mass_of_the_top))", metadata={"tags": [GIVES_AWAY]})
    cells = [new_markdown_cell("# Top"), answer, new_code_cell("print('a figure')"), told]
    path = tmp_path / "notebooks" / "top" / "top.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(new_notebook(cells=cells), path)
    run = nbformat.read(path, as_version=4)
    for cell, text in zip(run.cells[1:], ("172.76", "a figure", "173"), strict=True):
        progress = new_output("stream", name="stderr", text="100%|####|")
        cell.outputs = [new_output("stream", name="stdout", text=text), progress]
    run.metadata["run"] = {"at": "2026-01-01", "jets": "none"}
    monkeypatch.setattr("lessons._kept", lambda path, kept: kept)
    nbformat.write(run, tmp_path / "run.ipynb")
    return path


def test_outputs_are_shown_but_not_those_of_answers_and_progress_bars(solved, tmp_path):
    page = student_page(solved, tmp_path / "run.ipynb")
    texts = [[output.text for output in cell.outputs]
             for cell in page.cells if cell.cell_type == "code"]  # fmt: skip
    assert texts == [[], ["a figure"], []]
    assert "outputs of the solved one (2026-01-01; none)" in page.cells[1].source
    assert "172.76" not in nbformat.writes(page)


def test_outputs_are_text_without_colours_bars_or_points(solved, tmp_path):
    run = nbformat.read(tmp_path / "run.ipynb", as_version=4)
    bar = "CNN: 100%|####| 5/5 [00:05<00:00,  1.03s/epoch, val_lo\n"
    shown = ["\x1b[1mModel\x1b[0m\n", bar, "(\x1b[38;5;45mNone\x1b[0m, 2)\n"]
    run.cells[2].outputs = [new_output("display_data", {"text/plain": text}) for text in shown]
    source = nbformat.read(solved, as_version=4)
    check = {"grade": True, "solution": False, "grade_id": "check", "points": 4, "locked": True}
    source.cells[3].metadata = {"nbgrader": check | {"schema_version": 3, "task": False}}
    run.cells[3].outputs.append(new_output("execute_result", {"text/plain": "4.0"}))
    run.cells[3].outputs[-1]["execution_count"] = 3
    nbformat.write(source, solved)
    nbformat.write(run, tmp_path / "run.ipynb")
    page = student_page(solved, tmp_path / "run.ipynb")
    (summary,), (printed,) = (cell.outputs for cell in page.cells[3:])
    assert summary.data["text/plain"] == "Model\n(None, 2)\n"
    assert printed.text == "173"


def test_a_lesson_that_was_not_run_says_so(solved, tmp_path):
    page = student_page(solved, tmp_path / "none.ipynb")
    assert "it was not run" in page.cells[1].source
    assert not any(cell.get("outputs") for cell in page.cells)


# ---------------------------------------------------------------- secrets


def test_each_lesson_has_secrets_of_every_kind():
    for name, path in LESSONS.items():
        secrets = secrets_of([path])
        assert len(secrets) > 50, name
        assert any("1pointfor" in line for line in secrets), name  # a mark scheme
        assert any("Thinkof" in line for line in secrets), name  # a hidden test


@pytest.mark.parametrize("kind", ["code", "markdown"])
@pytest.mark.parametrize("file", ["page.html", "searchindex.js", "lesson.ipynb", "data.json"])
def test_a_planted_secret_is_found_in_every_kind_of_file(tmp_path, kind, file):
    path = next(iter(LESSONS.values()))
    secrets = secrets_of([path])
    lines = (line for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind
             for line in cell.source.splitlines())  # fmt: skip
    secret = next(line for line in lines if re.sub(r"[\s*_`$\\]+", "", line) in secrets)
    (tmp_path / file).write_text("nothing to see")
    assert find_leaks(tmp_path, [path]) == []
    marked_up = re.sub(r"(\w+)", r"<span>\1</span>", secret) if file.endswith("html") else secret
    (tmp_path / file).write_text(f"before\n{marked_up}\nafter")
    (leak,) = find_leaks(tmp_path, [path])
    assert leak.startswith(f"{file}: {path.stem}: ")


def test_a_number_of_a_table_keeps_its_error_beside_it():
    page = _page("docs/data.md", "| AUC | 0.9 ± 0.1 |\n\nIn words: 0.9 ± 0.1.")
    assert page == "| AUC | 0.9\u00a0±\u00a00.1 |\n\nIn words: 0.9 ± 0.1."


# ---------------------------------------------------------------- the built site


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The whole site, built without running a lesson; warnings are errors."""
    target = tmp_path_factory.mktemp("site") / "site"
    command = [sys.executable, "docs/site", "--no-run", "--to", str(target)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Open {target}/index.html" in done.stdout
    return target


@pytest.mark.slow
def test_a_second_build_without_changes_keeps_the_pages(site):
    before = (site / "index.html").stat().st_mtime_ns
    command = [sys.executable, "docs/site", "--no-run", "--to", str(site)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == f"Nothing has changed. Open {site}/index.html\n"
    assert (site / "index.html").stat().st_mtime_ns == before


def test_a_changed_page_or_a_broken_site_is_built_anew(tmp_path):
    builder = runpy.run_path(str(ROOT / "docs/site/__main__.py"))
    staged, built = tmp_path / "staged", tmp_path / "built"
    for folder in (staged, built):
        folder.mkdir()
    (staged / "index.md").write_text("A course")
    version = builder["_version_of"](staged)
    (staged / "__pycache__").mkdir()
    (staged / "__pycache__" / "compiled.nbi").write_text("by numba, at the first call")
    assert builder["_version_of"](staged) == version
    (staged / "index.md").write_text("A house")
    assert builder["_version_of"](staged) != version
    (built / builder["VERSION"]).write_text(version)
    assert builder["_built_from"](built) is None
    (built / "index.html").touch()
    assert builder["_built_from"](built) == version


class Page(HTMLParser):
    """The links and anchors of a page, and what it loads."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: set[str] = set()
        self.loaded: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.anchors |= {given.get("id"), given.get("name")} - {None}
        if tag == "a" and given.get("href"):
            self.links.add(given["href"])
        navigation = given.get("rel") in {"next", "prev", "index", "search", "canonical"}
        self.loaded |= {value for name, value in attrs
                        if value and (tag, name) in LOADED and not navigation}  # fmt: skip


class Pages:
    def __init__(self, site: Path) -> None:
        self.site = site

    @cached_property
    def all(self) -> dict[Path, Page]:
        return {path: Page(path) for path in self.site.rglob("*.html")}

    def links(self) -> Iterator[tuple[Path, str]]:
        for path, page in self.all.items():
            yield from ((path, link) for link in page.links)


@pytest.fixture(scope="module")
def pages(site) -> Pages:
    return Pages(site)


@pytest.mark.slow
def test_every_reader_finds_a_page(site):
    text = (site / "index.html").read_text(encoding="utf-8")
    for name in (*LESSONS, "docs/students", "docs/teaching", "deploy/hub/README", "CONTRIBUTING",
                 "reference/course_utils.metrics", "docs/glossary", "board"):  # fmt: skip
        assert re.search(rf'href="[^"]*{name}\.html"', text), name


@pytest.mark.slow
def test_the_syllabus_names_every_lesson_with_points_and_minutes(site):
    page = re.sub(r"<[^>]+>", " ", (site / "docs/teaching.html").read_text(encoding="utf-8"))
    for path in LESSONS.values():
        title = nbformat.read(path, as_version=4).cells[0].source.splitlines()[0].lstrip("# ")
        assert title in page


@pytest.mark.slow
def test_words_of_a_lesson_lead_to_the_glossary(pages):
    for name, path in LESSONS.items():
        links = pages.all[pages.site / path.relative_to(ROOT).with_suffix(".html")].links
        assert any("glossary.html#term-" in link for link in links), name


@pytest.mark.slow
def test_every_link_leads_somewhere(pages):
    for path, link in pages.links():
        parts = urlsplit(link)
        if parts.scheme:
            assert parts.scheme == "https", f"{path}: {link}"
            assert "." in parts.netloc, f"{path}: {link}"
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        assert target.is_file(), f"{path.relative_to(pages.site)}: {link}"
        if parts.fragment and target.suffix == ".html":
            assert unquote(parts.fragment) in pages.all[target].anchors, f"{path}: {link}"


@pytest.mark.slow
def test_no_page_loads_anything_from_elsewhere(pages):
    for path, page in pages.all.items():
        for address in page.loaded:
            assert not urlsplit(address).scheme.startswith("http"), f"{path}: {address}"
            assert not address.startswith("//"), f"{path}: {address}"
    for sheet in pages.site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//", sheet.read_text(encoding="utf-8")), sheet


@pytest.mark.parametrize(
    ("formula", "needle"),
    [
        (r"\eta\cos\alpha", '<mi>cos</mi><mspace width="0.17em"/><mi>&#x003B1;</mi>'),
        (r"\log(x)", "<mi>log</mi><mo"),
        (r"\log_{10} x", "<msub><mi>log</mi><mrow>"),
        (r"\operatorname{atan2}(x)", '<mi mathvariant="normal">t</mi>'),
    ],
)
def test_functions_are_upright_and_stand_off(formula, needle):
    assert needle in as_mathml(formula)


def test_keys_scroll_a_table_of_numbers_and_no_heading_is_empty(tmp_path):
    page = tmp_path / "page.html"
    page.write_text('<table border="1" class="dataframe"><tr><th></th><th>AUC</th></tr></table>')
    conf._mend(SimpleNamespace(outdir=tmp_path), None)
    assert page.read_text().startswith('<table tabindex="0" border="1"')
    assert "<td></td><th>AUC</th>" in page.read_text()
    page.write_text('<th class="head"><p></p></th><th class="head"><p>AUC</p></th>')
    conf._mend(SimpleNamespace(outdir=tmp_path), None)
    assert page.read_text() == '<td class="head"></td><th class="head"><p>AUC</p></th>'


@pytest.mark.slow
def test_figures_have_a_text_and_lead_to_their_full_size(site):
    path = site / "notebooks/02_cnn_on_images/02_cnn_on_images.html"
    pictures = re.findall(r"(<a[^>]*>)?<img ([^>]*)>", path.read_text(encoding="utf-8"))
    assert len(pictures) > 5
    for link, picture in pictures:
        address = re.search(r'src="([^"]+)"', picture)[1]
        assert link == f'<a class="full-size" href="{address}">'
        assert re.search(r'alt="[A-Z][^"/]+"', picture), picture


@pytest.mark.slow
def test_formulas_need_no_script(pages):
    path = pages.site / "notebooks/00_what_learning_is/00_what_learning_is.html"
    assert path.read_text(encoding="utf-8").count("<math") > 20
    assert not any("mathjax" in each.lower() for each in pages.all[path].loaded)


@pytest.mark.slow
def test_it_is_small(site):
    files = [path for path in site.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 60e6
    assert max(path.stat().st_size for path in files if path.suffix == ".png") < 200_000


LESSON_02 = "notebooks/02_cnn_on_images/02_cnn_on_images"
METRICS = "reference/course_utils.metrics"
READ = {  # pages of every kind; those whose colours differ again in the dark
    "light": ("index", "board", "docs/teaching", "docs/glossary", LESSON_02, METRICS),
    "dark": ("index", LESSON_02, METRICS),
}


@pytest.fixture(scope="module")
def browser() -> Iterator:
    sync_api = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("needs Chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_a_phone_needs_no_sideways_scrolling(site, browser, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = browser.new_context(color_scheme=scheme).new_page()
    for name in READ[scheme]:
        page.set_viewport_size({"width": 360, "height": 800})
        page.goto((site / f"{name}.html").as_uri())
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 360, f"{name} is {wide} wide"
        page.set_viewport_size({"width": 1280, "height": 900})
        found = axe.run(page)
        assert found.violations_count == 0, f"{name}: {found.generate_report()}"


@pytest.mark.slow
def test_without_a_script_a_lesson_is_there_to_read(site, browser):
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto((site / "notebooks/02_cnn_on_images/02_cnn_on_images.html").as_uri())
    assert page.get_by_role("heading", name="Goals").is_visible()
    assert page.locator("math:visible").first.is_visible()
    assert page.get_by_role("link", name="01 Finding top quarks with a dense network").first.count()
