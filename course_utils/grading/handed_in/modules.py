"""Python modules beside a notebook: a student's come in with it, an instructor's do not go out.

A student's module travels with the submission, so that the notebook runs at grading as it did at
home. One with the name of an installed module is left out: it would replace that module in the
kernel, for the checks, too.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor

__all__ = ["RefuseModules", "drop_hiding_modules", "hiding_modules", "modules_left_behind"]


class RefuseModules(NbGraderPreprocessor):
    """Stop ``nbgrader generate_assignment`` if a Python file lies beside the lesson.

    Students' modules travel with their submissions, so nbgrader may not ignore ``*.py``, and would
    hand out an instructor's too: a lesson exported as a script holds the solutions.
    """

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any]
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Leave the notebook as it is, or raise ValueError."""
        folder = Path(resources["metadata"]["path"])
        modules = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.py"))
        if modules:
            raise ValueError(
                f"Expected no Python file beside a lesson, it would be handed out; got"
                f" {', '.join(modules)} in {folder}. Move what students need to course_utils,"
                " and the rest out of the folder."
            )
        return nb, resources


def hiding_modules(folder: Path) -> list[Path]:
    """Return the modules and packages in a folder that bear an installed module's name."""
    return [path for path in _modules(folder) if _installed(_module_name(path), folder)]


def drop_hiding_modules(folder: Path) -> list[str]:
    """Remove :func:`hiding_modules` from a folder, and return their file names."""
    hiding = hiding_modules(folder)
    for path in hiding:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    return [path.name for path in hiding]


def modules_left_behind(notebook: NotebookNode, folder: Path) -> list[str]:
    """Return the modules that a notebook imports and that are neither installed nor beside it.

    Parameters
    ----------
    folder : Path
        Where the notebook is.
    """
    beside = {entry.name.split(".")[0] for entry in folder.iterdir()}
    imported = {name for cell in notebook.cells for name in _imports(cell)}
    return sorted(name for name in imported if name not in beside and not _installed(name, folder))


def _modules(folder: Path) -> Iterator[Path]:
    """Everything in a folder that Python would import: files of any kind, and packages."""
    for entry in sorted(folder.iterdir()):
        if inspect.getmodulename(entry) if entry.is_file() else any(entry.glob("__init__.*")):
            yield entry


def _module_name(path: Path) -> str:
    return path.name if path.is_dir() else inspect.getmodulename(path) or path.stem


def _installed(name: str, folder: Path) -> bool:
    """Whether Python knows a module of this name without looking into the folder."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):  # a name such as "__main__" has no specification
        return True
    if spec is None:
        return False
    places = [spec.origin] if spec.origin else list(spec.submodule_search_locations or [])
    return not any(Path(place).is_relative_to(folder.resolve()) for place in places)


def _imports(cell: NotebookNode) -> set[str]:
    """The outermost names that a code cell imports without a plan for their absence."""
    if cell.cell_type != "code":
        return set()
    try:
        tree = ast.parse(TransformerManager().transform_cell(cell.source))
    except SyntaxError:
        return set()
    names, nodes = set(), [tree]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
        elif not isinstance(node, ast.Try):
            nodes += ast.iter_child_nodes(node)
    return names
