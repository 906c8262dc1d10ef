"""The repository's own pages, staged for Sphinx where their links expect each other."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from syllabus import syllabus_table

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
GLOSSARY = "docs/glossary.md"
# A heading of the menu -> its pages. Lessons and the reference are put between them.
MENU = {
    "Lessons": ["notebooks/*/*", GLOSSARY.removesuffix(".md")],
    "For students": ["docs/students", "docs/challenge", "board"],
    "For instructors": ["docs/teaching", "docs/instructors"],
    "For sites": ["deploy/hub/README", "deploy/sandbox/README", "docs/data", "docs/large_samples",
                  "deploy/cluster"],
    "Measurements": ["benchmarks/learning_curve", "benchmarks/results"],
    "For developers": ["docs/architecture", "CONTRIBUTING", "reference/course_utils",
                       "reference/challenge"],
}  # fmt: skip
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!\w+:|#)([^)#\s]+)(#[^)\s]*)?\)")
_ENTRY = re.compile(r"^- \*\*(.+?)\*\*: (.+)$", re.M)
_UNNAMED = re.compile(r"!\[\]\(figures/([\w-]+)\.png\)")
_ROW = re.compile(r"^\|.*±.*$", re.M)  # a number and its error stay on one line
_MERMAID = re.compile(r"```mermaid\n(.*?)```", re.S)
_ARROW = re.compile(r"^\s*(.+?) (-\.?->|-\.->)(?:\|\"(.+?)\"\|)? (.+)$")


def stage_pages(staged: Path) -> None:
    """Copy the pages of `MENU` that are in the repository, their pictures, and the first page."""
    names = [f"{name}.md" for group in MENU.values() for name in group]
    there = [name for name in names if (ROOT / name).is_file()]
    for name in there:
        _write(staged / name, _page(name, (ROOT / name).read_text(encoding="utf-8")))
    for picture in (ROOT / "docs").glob("*.png"):
        _copy(picture, staged / "docs" / picture.name)
    first = _page("README.md", (ROOT / "README.md").read_text(encoding="utf-8"))
    _write(staged / "index.md", first + _menu())


def stage_lesson(path: Path, page: NotebookNode, staged: Path) -> None:
    """Write a lesson's page; its words lead to the glossary."""
    terms = {term.lower(): term for term, _ in _glossary_entries()}

    def linked(match: re.Match[str]) -> str:
        term = terms.get(match[1].lower())
        return f"{{term}}`{match[1]} <{term}>`" if term and "$" not in match[1] else match[0]

    for cell in page.cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"\*\*([^*\n]+)\*\*", linked, cell.source)
            cell.source = _UNNAMED.sub(r"![Example of the figure: \1](figures/\1.png)", cell.source)
    target = staged / path.relative_to(ROOT)
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(page, target)
    if (path.parent / "figures").is_dir():
        shutil.copytree(path.parent / "figures", target.parent / "figures", dirs_exist_ok=True)


def _page(name: str, text: str) -> str:
    """Return a page as the site shows it."""
    text = _MERMAID.sub(lambda match: _arrows(match[1]), text)
    text = _LINK.sub(lambda match: _link(Path(name).parent, match), text)
    text = _ROW.sub(lambda match: match[0].replace(" ± ", "\u00a0±\u00a0"), text)
    if name == GLOSSARY:
        entries = "\n\n".join(f"{term}\n  {meaning}" for term, meaning in _glossary_entries())
        text = f"{text[: _ENTRY.search(text).start()]}:::{{glossary}}\n{entries}\n:::\n"
    return text.replace("<!-- syllabus -->", syllabus_table())


def _link(folder: Path, match: re.Match[str]) -> str:
    """Return a link to a page of the site; of one to another file, only its words."""
    words, path, anchor = match[1], match[2], match[3] or ""
    target = (ROOT / folder / path).resolve()
    relative = target.relative_to(ROOT).as_posix()
    pages = [name for group in MENU.values() for name in group]
    if relative == "README.md":
        up = "../" * len(folder.parts)
        return f"[{words}]({up}index.md{anchor})"
    if target.is_dir() and f"{relative}/README" in pages:
        return f"[{words}]({path.rstrip('/')}/README.md{anchor})"
    if target.suffix == ".ipynb" or relative.removesuffix(".md") in pages:
        return match[0]
    return words


def _arrows(diagram: str) -> str:
    """Return the arrows of a flowchart as a list, which needs no script to be read."""
    names = dict(re.findall(r"(\w+)\[\"?(.+?)\"?\]", diagram))
    lines = []
    for line in diagram.splitlines():
        if match := _ARROW.match(re.sub(r"\[\"?.+?\"?\]", "", line)):
            sources, _, label, targets = match.groups()
            via = f" ({re.sub('</?b>', '', label)})" if label else ""
            ends = [names.get(each.strip(), each.strip()) for each in targets.split("&")]
            for source in sources.split("&"):
                start = names.get(source.strip(), source.strip())
                lines.append(f"- {start} → {', '.join(ends)}{via}")
    return "\n".join(lines).replace("__", r"\_\_") + "\n"


def _glossary_entries() -> list[tuple[str, str]]:
    return _ENTRY.findall((ROOT / GLOSSARY).read_text(encoding="utf-8"))


def _menu() -> str:
    trees = []
    for caption, names in MENU.items():
        glob = ":glob:\n" if any("*" in name for name in names) else ""
        listed = "\n".join(names)
        trees.append(f"\n```{{toctree}}\n:hidden:\n{glob}:caption: {caption}\n\n{listed}\n```\n")
    return "".join(trees)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)
