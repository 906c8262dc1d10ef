"""Pages that show a student's notebook to others: nothing in them runs.

The formgrader and the feedback page turn notebooks into HTML, and a notebook can hold scripts: in
Markdown, in outputs, in their metadata. An instructor's browser would run them with the rights of
the instructor. Both pages come from nbconvert's ``HTMLExporter``, so ``nbgrader_config.py`` sets::

    c.HTMLExporter.sanitize_html = True
    c.HTMLExporter.filters = {"clean_html": clean_html, "strip_files_prefix": clean_html}
    c.HTMLExporter.preprocessors = [SafeOutputs]

nbgrader's templates ask for ``strip_files_prefix`` where nbconvert's ask for ``clean_html``.
"""

from __future__ import annotations

import re
from typing import Any

import nh3
from nbconvert.filters import strip_files_prefix
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode

__all__ = ["SafeOutputs", "clean_html", "without_small_pictures"]

# What Markdown, pandas and pygments make, beside nh3's own list.
_TAGS = nh3.ALLOWED_TAGS | {"section", "article", "label"}
_ATTRIBUTES = {
    **nh3.ALLOWED_ATTRIBUTES,
    "*": {"class", "id", "title", "align"},
    "details": {"open"},
    "th": {"colspan", "rowspan", "scope"},
    "td": {"colspan", "rowspan"},
}
_SCHEMES = {"http", "https", "mailto", "data"}
# MathJax macros that make a link, load an extension, or set attributes.
_ACTIVE_MATH = re.compile(
    r"\\(href|url|require|class|cssId|style|data|mmlToken|html[A-Z]\w*|def|newcommand|renewcommand|let)\b"
)
_KINDS = {"text/plain", "text/html", "text/markdown", "text/latex", "image/png", "image/jpeg"}
_KINDS |= {"image/svg+xml"}  # shown as an image, in which nothing runs
_SMALL_PICTURE = re.compile(
    r"<details><summary>[^<]*</summary>\n\n!\[\]\(figures/[\w-]+\.png\)\n</details>\n*"
)
_PICTURE = re.compile(r"data:image/(png|jpeg|gif|svg\+xml);base64,[A-Za-z0-9+/=\s]*")


def clean_html(html: str | bytes) -> str:
    """Return HTML without scripts, handlers, frames, styles and links that run something.

    Parameters
    ----------
    html : str or bytes
        A piece of a page, as nbconvert has made it from Markdown or an output.

    Returns
    -------
    str
        Tables, lists, code, folded text and pictures stay; so does TeX, without the macros that
        make MathJax load or link something.

    Examples
    --------
    >>> clean_html("<p onclick='f()'>a <b>jet</b></p><script>f()</script>")
    '<p>a <b>jet</b></p>'
    """
    text = html.decode() if isinstance(html, bytes) else str(html)
    text = _ACTIVE_MATH.sub(r"\\text", strip_files_prefix(text))
    return nh3.clean(
        text,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=_only_pictures_as_data,
        url_schemes=_SCHEMES,
    )


def _only_pictures_as_data(tag: str, attribute: str, value: str) -> str | None:
    """Drop an address that holds its data itself, unless it is a picture."""
    if not value.strip().lower().startswith("data:"):
        return value
    return value if tag == "img" and attribute == "src" and _PICTURE.fullmatch(value) else None


class SafeOutputs(Preprocessor):
    """Keep of a notebook what a page shows; templates print metadata without quotes.

    The small pictures of a lesson are files beside it, which a page does not have. They are left
    out, because a picture in a submission could be a link to any file.
    """

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any]
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Clean every cell; the notebook is changed in place."""
        nb.metadata = NotebookNode(kernelspec=nb.metadata.get("kernelspec", {}))
        without_small_pictures(nb)
        for cell in nb.cells:
            kept = {name: cell.metadata[name] for name in ("nbgrader",) if name in cell.metadata}
            cell.metadata = NotebookNode(kept)
            for output in cell.get("outputs", []):
                if "data" in output:
                    output.metadata = NotebookNode()
                    output.data = NotebookNode(_shown(output.data))
        return nb, resources


def without_small_pictures(nb: NotebookNode) -> None:
    """Take the links to a lesson's small pictures, which are files beside it, out of a notebook."""
    for cell in nb.cells:
        if cell.cell_type == "markdown":
            cell.source = _SMALL_PICTURE.sub("", cell.source)


def _shown(data: NotebookNode) -> dict[str, Any]:
    """Return the forms of an output that a page shows, or a word in their place."""
    kept = {kind: value for kind, value in data.items() if kind in _KINDS}
    left_out = ", ".join(sorted(kind for kind in data if kind not in _KINDS))
    return kept or {"text/plain": f"(left out: {left_out})"}
