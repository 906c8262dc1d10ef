"""What a student writes into a notebook runs neither in the formgrader nor on a feedback page."""

import contextlib
import copy
import http.server
import shutil
import subprocess
import threading
from html.parser import HTMLParser
from pathlib import Path

import pytest
from nbconvert.exporters import HTMLExporter
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.server_extensions.formgrader import handlers
from toy_course import LESSON, ToyCourse, cell, graded_class, place, quiet_machine
from traitlets.config import Config

from course_utils.grading import SafeOutputs, clean_html

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # other people's warnings

HOSTILE = """The answer is <b>two</b>, see $x < y$ and the table:

| a | b |
|---|---|
| 1 | 2 |

<script>report("script")</script>
<img src=x onerror='report("onerror")'>
<svg onload='report("svg")'></svg>
<iframe srcdoc="<script>parent.report('srcdoc')</script>"></iframe>
<iframe src="javascript:parent.report('frame')"></iframe>
<object data="data:text/html,<script>parent.report('object')</script>"></object>
<details open ontoggle='report("toggle")'><summary>more</summary>text</details>
<a id=click href='javascript:report("link")'>click</a> [click](javascript:report("markdown"))
<a href="data:text/html,<script>report('data')</script>">click</a>
<style>@import "/marker-style";</style><link rel=stylesheet href="/marker-sheet">
<meta http-equiv="refresh" content="0;url=/marker-meta"><base href="/marker-base/">
<form action="/marker-form"><button formaction="javascript:report('form')">x</button></form>
$\\href{javascript:report("tex")}{x}$ $\\require{html}\\style{background:url(/marker-tex)}{x}$
"""
OUTPUTS = """from IPython.display import display
def show(kind, data, **metadata):
    display({kind: data, "text/plain": "text"}, raw=True, metadata=metadata)
show("text/html", "<b>bold</b><script>report('html')</script><img src=x onerror=report('out')>")
show("text/html", "<script>report('isolated')</script>", **{"text/html": {"isolated": True}})
show("application/javascript", "report('javascript')")
show("text/markdown", "<script>report('out-markdown')</script>")
show("text/latex", "</div><script>report('latex')</script>")
svg = '<svg xmlns="http://www.w3.org/2000/svg" onload="report(1)"><script>report(2)</script></svg>'
show("image/svg+xml", svg)
show("image/png", 'AAAA"><script>report("png")</script>')
show("image/png", "iVBORw0KGgo=", **{"image/png": {"width": "1 onerror=report('width')"}})
show("application/vnd.jupyter.widget-view+json", {"model_id": "</script><script>report(1)"})
print("<script>report('print')</script>")
raise ValueError("<script>report('error')</script>")
"""
GOOD_TAGS = {"script", "link", "style", "meta"}  # those of the templates, counted on an honest page


def hostile(nb: NotebookNode) -> None:
    for name in ("why-answer", "end-answer"):
        cell(nb, name).source = HOSTILE
    cell(nb, "title").source += f"\n\n{HOSTILE}"
    cell(nb, "twice").source += f"\n{OUTPUTS}"
    cell(nb, "setup").metadata["tags"] = ['"><script>report("tag")</script>']
    nb.cells.insert(place(nb, "given"), new_code_cell(OUTPUTS))
    nb.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": "</script><script>"}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    patch = quiet_machine()
    folder = tmp_path_factory.mktemp("pages")
    yield graded_class(folder, {"honest": lambda nb: None, "hostile": hostile})
    patch.undo()


def formgrader_page(course: ToyCourse, student: str, config: Config | None = None) -> str:
    """The page of a submission, as the formgrader's handler makes it."""
    config = copy.deepcopy(config or course.api.config)
    config.HTMLExporter.template_name = "formgrade"
    config.HTMLExporter.extra_template_basedirs = [handlers.template_path]
    about = {"assignment_id": LESSON, "notebook_id": LESSON, "submission_id": "1", "index": 0,
             "total": 1, "base_url": "", "student": student, "last_name": "", "first_name": "",
             "notebook_path": "x"}  # fmt: skip
    path = course.folder / "autograded" / student / LESSON / f"{LESSON}.ipynb"
    return HTMLExporter(config=config).from_filename(str(path), resources=about)[0]


PAGES = {
    "feedback": lambda course, student: course.feedback(student),
    "formgrader": formgrader_page,
}


class Elements(HTMLParser):
    """The elements of a page that could run something, and the rest of its tags."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.active: list[str] = []
        self.tags: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag in {*GOOD_TAGS, "iframe", "object", "embed", "form", "base", "svg", "math"}:
            self.active.append(tag)
        for name, value in attrs:
            scheme = (value or "").strip().lower().partition(":")[0]
            picture = tag == "img" and (value or "").startswith("data:image/")
            if name.startswith("on") or scheme in ("javascript", "vbscript"):
                self.active.append(f"{tag} {name}")
            if scheme == "data" and not picture:
                self.active.append(f"{tag} {name} data")


@pytest.mark.parametrize("page", PAGES)
def test_a_hostile_notebook_adds_nothing_that_runs_to_a_page(course, page):
    honest, attacked = (Elements(PAGES[page](course, who)) for who in ("honest", "hostile"))
    assert sorted(attacked.active) == sorted(honest.active)


@pytest.mark.parametrize("page", PAGES)
def test_what_an_honest_student_writes_is_still_shown(course, page):
    text = PAGES[page](course, "hostile")
    assert "The answer is <b>two</b>, see" in text
    assert {"table", "td", "summary"} <= set(Elements(text).tags)
    assert "<b>bold</b>" in text


def test_small_pictures_are_left_out_and_other_folded_text_stays():
    folded = "<details><summary>Hint</summary>\n\ntext\n</details>"
    small = folded.replace("text", "![](figures/mass.png)")
    notebook = new_notebook(cells=[new_markdown_cell(f"a\n{small}\n\n{folded}\n{small}")])
    assert SafeOutputs().preprocess(notebook, {})[0].cells[0].source == f"a\n{folded}\n"


def test_no_marker_fires_in_a_browser_and_many_would_without_these_settings(course, tmp_path):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if not browser:
        pytest.skip("no Chromium on this machine (Debian's package: chromium)")
    unsafe = copy.deepcopy(course.api.config)
    del unsafe.HTMLExporter.filters, unsafe.HTMLExporter.preprocessors
    unsafe.HTMLExporter.sanitize_html = False
    pages = {name: make(course, "hostile") for name, make in PAGES.items()}
    pages["unsafe"] = formgrader_page(course, "hostile", unsafe)
    click = "onload = () => document.querySelectorAll('a').forEach(a => a.click())"
    for name, html in list(pages.items()):
        report = "function report(word) { fetch('/marker-' + word) }"
        pages[name] = html.replace("<head>", f"<head><script>{report}</script>", 1)
        if name != "unsafe":
            pages[f"{name}-clicked"] = html.replace("<head>", f"<head><script>{click}</script>", 1)
    fired = {name: markers(browser, tmp_path / name, page) for name, page in pages.items()}
    assert {"script", "onerror", "svg", "html", "width"} <= fired.pop("unsafe")
    assert not any(fired.values()), fired


def markers(browser: str, folder: Path, page: str) -> set[str]:
    """Open a page in a browser, and return the markers that it asked the server for."""
    folder.mkdir()
    (folder / "page.html").write_text(page, encoding="utf-8")
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            with contextlib.suppress(ConnectionError):  # the browser has seen enough
                super().__init__(*args, directory=str(folder))

        def log_message(self, *args):
            asked.append(self.path)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        subprocess.run(
            [browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
             f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=5000",
             "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
             f"http://127.0.0.1:{server.server_port}/page.html"],
            capture_output=True, timeout=120, check=True,
        )  # fmt: skip
        server.shutdown()
    return {path.removeprefix("/marker-") for path in asked if path.startswith("/marker-")}


@pytest.mark.parametrize(
    ("html", "cleaned"),
    [
        ("<p>plain <em>text</em></p>", "<p>plain <em>text</em></p>"),
        ('<img src="data:image/png;base64,AAAA" alt="x">',) * 2,
        ('<img src="data:text/html;base64,AAAA">', "<img>"),
        ('<a href="data:image/png;base64,AAAA">x</a>', '<a rel="noopener noreferrer">x</a>'),
        ("<b style='position:fixed'>x</b>", "<b>x</b>"),
        (b"$\\href{javascript:f()}{x}$", "$\\text{javascript:f()}{x}$"),
        ('<a href="JaVaScript:f()">x</a>', '<a rel="noopener noreferrer">x</a>'),
        ("x < y & z", "x &lt; y &amp; z"),
    ],
)
def test_html_is_cleaned(html, cleaned):
    assert clean_html(html) == cleaned
