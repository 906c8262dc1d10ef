"""nbgrader for this course: `nbgrader generate_assignment 01_dnn_on_constituents` and the rest.

Students need this file too, in `~/.jupyter/` or the environment's `etc/jupyter/`: for the exchange
and for the time limit of *Validate*.
"""

import os

from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbgrader.preprocessors import GetGrades

from course_utils.grading import HideTests

c = get_config()  # noqa: F821 (nbgrader provides it)

c.CourseDirectory.course_id = "jet-tagging"
# Where lessons are handed out and answers come in, a folder that everybody can reach. Without the
# variable it is nbgrader's own, which a hub has but only an administrator can make.
if exchange := os.environ.get("COURSE_EXCHANGE"):
    c.Exchange.root = exchange
# A lesson lives in notebooks/NN_topic/, its solutions inside.
c.CourseDirectory.source_directory = "notebooks"
# What lies beside a lesson but is not for students.
c.CourseDirectory.ignore = [
    ".ipynb_checkpoints",
    "*.pyc",
    "__pycache__",
    "feedback",
    "*.py",
    "*.toml",
    "submission_predictions",
    "checkpoints",  # what lesson 04 keeps of its trainings
    "bcnn_study.db",  # and of its search
]
# Networks are trained in cells; nbgrader's own limit is 30 s.
c.ExecutePreprocessor.timeout = 300
# A student who deletes a graded cell gets it back, with no points, instead of stopping the batch.
c.OverwriteCells.add_missing_cells = True
# nbgrader's own feedback prints the hidden tests and the mark schemes.
c.GenerateFeedback.preprocessors = [HideTests, GetGrades, CSSHTMLHeaderPreprocessor]
