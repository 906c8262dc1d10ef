"""From a student's answer to points: partial credit, feedback, and files for the challenge.

`partial_credit` ends a test cell, `HideTests` cleans nbgrader's feedback, and
`predict_for_dnn_challenge` and `predict_for_cnn_challenge` write the files that the challenge
scores. The room may import `course_utils.files`; only `HideTests` loads nbgrader.
"""

from typing import TYPE_CHECKING

from course_utils.grading.credit import partial_credit
from course_utils.grading.submissions import (
    SubmissionError,
    predict_for_cnn_challenge,
    predict_for_dnn_challenge,
)

if TYPE_CHECKING:
    from course_utils.grading.feedback import HideTests

__all__ = [
    "HideTests",
    "SubmissionError",
    "partial_credit",
    "predict_for_cnn_challenge",
    "predict_for_dnn_challenge",
]


def __getattr__(name: str) -> object:
    if name == "HideTests":  # a student's notebook need not load nbgrader
        from course_utils.grading.feedback import HideTests

        return HideTests
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
