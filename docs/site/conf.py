"""Settings of Sphinx for the site; `docs/site/__main__.py` stages its pages and starts it."""

import re
import sys
from importlib import metadata
from pathlib import Path

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent))  # our own extension

project = "Jet tagging"
author = "the authors of the jet-tagging course"
copyright = f"{author}, BSD-3-Clause"
release = metadata.version("jet-tagging-course")

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "mathml"]
nb_execution_mode = "off"  # docs/site/lessons.py runs them
nb_ipywidgets_js = {}  # they would come from elsewhere
nb_render_markdown_format = "myst"
myst_enable_extensions = ["amsmath", "colon_fence", "dollarmath"]
myst_heading_anchors = 4
default_role = "py:obj"
highlight_language = "none"  # a block without a language is a table in words, not Python
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say more
napoleon_use_ivar = True
napoleon_use_param = False  # "array of shape (n,)" holds no names of ours
napoleon_use_rtype = False
suppress_warnings = [
    "myst.header",  # a folded part of a page may begin with a lower heading
    "ref.python",  # two rooms have an exception of the same name
]

html_theme = "sphinx_book_theme"
html_sidebars = {"**": ["search-button-field.html", "sbt-sidebar-nav.html"]}
html_title = "Jet tagging"
html_context = {"default_mode": "auto"}  # light or dark, as the reader's machine is set
html_static_path = ["static"]
html_favicon = "static/favicon.svg"
html_css_files = ["course.css"]
html_copy_source = False  # sources of lessons hold what a page leaves out
html_show_sourcelink = False
html_theme_options = {
    "navbar_persistent": [],  # the search field is in the sidebar
    "home_page_in_toc": True,
    "collapse_navigation": True,
    "show_toc_level": 2,
    "use_download_button": False,
    "use_fullscreen_button": False,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}


def setup(app: Sphinx) -> None:
    """Mend what autodoc and the theme leave open."""
    app.connect("doctree-read", _unlink_words)
    app.connect("build-finished", _mend)


def _unlink_words(app: Sphinx, document: nodes.document) -> None:
    """Leave "array of shape (n,)" without links to whatever is called ``shape``."""
    for link in list(document.findall(pending_xref)):
        if link.get("reftype") == "class" and link["reftarget"].islower():
            link.replace_self(link.children)


_ARROW = '<summary><span class="toctree-toggle"'
_NAMED = _ARROW.replace(">", ' aria-label="its pages">', 1)
_EMPTY = re.compile(r'<th((?: class="[^"]*")?)>(?:<p></p>)?</th>')  # not the heading of anything
_PICTURE = re.compile(r'<img alt="[^"]*" src="([^"]*_images/[^"]+)" />')


def _mend(app: Sphinx, error: Exception | None) -> None:
    """Name the arrows of the menu; lead from a figure to its full size; let keys scroll tables."""
    for path in Path(app.outdir).rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        mended = text.replace(_ARROW, _NAMED)
        mended = _PICTURE.sub(r'<a class="full-size" href="\1">\g<0></a>', mended)
        mended = _EMPTY.sub(r"<td\1></td>", mended.replace("<table ", '<table tabindex="0" '))
        if mended != text:
            path.write_text(mended, encoding="utf-8")
