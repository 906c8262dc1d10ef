"""Finds what students must not read in the pages that were built."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from pathlib import Path

import nbformat
from lessons import ROOT, student_version

_SHORT = 12  # characters without spaces: such a line may stand anywhere by chance
_TAG = re.compile(r"<[^>]+>")
_READABLE = {".html", ".js", ".json", ".txt", ".md", ".ipynb", ".py", ".xml", ".svg"}


def secrets_of(lessons: Iterable[Path]) -> dict[str, str]:
    """Return the lines that no student has, without spaces, and the lesson of each.

    These are solutions, hidden tests, model answers and mark schemes. A line such as
    ``optimiser.step()`` is none if a lesson or the package shows it.
    """
    whole = {path.stem: nbformat.read(path, as_version=4) for path in lessons}
    known = [cell.source for each in whole.values() for cell in student_version(each).cells]
    for package in ("course_utils", "challenge"):
        known += [file.read_text(encoding="utf-8") for file in (ROOT / package).rglob("*.py")]
    public = _plain("\n".join(known))
    return {
        line: name
        for name, notebook in whole.items()
        for cell in notebook.cells
        for line in map(_plain, cell.source.splitlines())
        if len(line) >= _SHORT and line not in public and not line.startswith("###")
    }


def find_leaks(site: Path, lessons: Iterable[Path]) -> list[str]:
    """Return a sentence for each secret line in a file of the site; none, if it is safe.

    Parameters
    ----------
    site : Path
        A folder of pages, search index and downloads.
    lessons : iterable of Path
        Notebooks with solutions.
    """
    secrets = secrets_of(lessons)
    leaks = []
    for file in sorted(site.rglob("*")):
        if file.suffix not in _READABLE:
            continue
        text = _plain(html.unescape(_TAG.sub("", file.read_text(encoding="utf-8"))))
        found = [line for line in secrets if line in text]
        leaks += [f"{file.relative_to(site)}: {secrets[line]}: {line[:60]}" for line in found]
    return leaks


def _plain(text: str) -> str:
    """Return text without spaces and markup, which a page writes in its own way."""
    return re.sub(r"[\s*_`$\\]+", "", text)
