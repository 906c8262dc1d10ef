"""From a student's answer to points: partial credit, grading that loses none, feedback, marks.

In a notebook, a check calls an answer with `called`, takes ready functions away with
`switched_off` or looks at the `functions_called`, measures scores on `graded_jets`, and ends in
`partial_credit`. `predict_for_dnn_challenge` and `predict_for_cnn_challenge` write the files that
the challenge scores, and `submit` hands them in. The other names are steps that
``nbgrader_config.py`` puts into nbgrader. In order: `RefuseModules`, `ReleaseAssignment`,
`Submit`, `Collect`, `take_only_notebook`, `SubmittedNotebook`, `SubmissionToRun`,
`MendNotebook`, `RunCells`, `ForgiveWarnings`,
`SafeOutputs`, `clean_html`, `HideTests`, `ReleaseFeedback`, `ExportMarks`.
``python -m course_utils.grading`` takes these steps for a class. Only these steps load nbgrader.
"""

import importlib
from typing import TYPE_CHECKING

from course_utils.grading.answers import called, functions_called, switched_off
from course_utils.grading.credit import partial_credit
from course_utils.grading.submissions import (
    SubmissionError,
    predict_for_cnn_challenge,
    predict_for_dnn_challenge,
)

if TYPE_CHECKING:
    from course_utils.grading.collecting import Collect
    from course_utils.grading.exchange import ReleaseAssignment, ReleaseFeedback, Submit
    from course_utils.grading.handed_in.mending import MendNotebook
    from course_utils.grading.handed_in.modules import RefuseModules
    from course_utils.grading.handed_in.reading import (
        NotebookError,
        SubmittedNotebook,
        take_only_notebook,
    )
    from course_utils.grading.returned.export import ExportMarks
    from course_utils.grading.returned.feedback import HideTests
    from course_utils.grading.returned.pages import SafeOutputs, clean_html
    from course_utils.grading.running.bubblewrap import SandboxError
    from course_utils.grading.running.cells import ForgiveWarnings, RunCells
    from course_utils.grading.running.start import SubmissionToRun
    from course_utils.grading.service import submit
    from course_utils.grading.withheld import graded_jets

__all__ = [
    "Collect",
    "ExportMarks",
    "ForgiveWarnings",
    "HideTests",
    "MendNotebook",
    "NotebookError",
    "RefuseModules",
    "ReleaseAssignment",
    "ReleaseFeedback",
    "RunCells",
    "SafeOutputs",
    "SandboxError",
    "SubmissionError",
    "SubmissionToRun",
    "Submit",
    "SubmittedNotebook",
    "called",
    "clean_html",
    "functions_called",
    "graded_jets",
    "partial_credit",
    "predict_for_cnn_challenge",
    "predict_for_dnn_challenge",
    "submit",
    "switched_off",
    "take_only_notebook",
]

_STEPS = {
    "Collect": "collecting",
    "ExportMarks": "returned.export",
    "ForgiveWarnings": "running.cells",
    "HideTests": "returned.feedback",
    "MendNotebook": "handed_in.mending",
    "NotebookError": "handed_in.reading",
    "RefuseModules": "handed_in.modules",
    "ReleaseAssignment": "exchange",
    "ReleaseFeedback": "exchange",
    "RunCells": "running.cells",
    "SafeOutputs": "returned.pages",
    "SandboxError": "running.bubblewrap",
    "SubmissionToRun": "running.start",
    "Submit": "exchange",
    "SubmittedNotebook": "handed_in.reading",
    "clean_html": "returned.pages",
    "graded_jets": "withheld",
    "submit": "service",
    "take_only_notebook": "handed_in.reading",
}


def __getattr__(name: str) -> object:
    if name in _STEPS:  # a student's notebook need not load nbgrader
        return getattr(importlib.import_module(f"course_utils.grading.{_STEPS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
