"""What may not go out with a lesson."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor

__all__ = ["RefuseModules"]


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
