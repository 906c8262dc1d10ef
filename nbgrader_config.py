"""Settings of nbgrader for this course, see docs/instructors.md.

Students need this file too, in `~/.jupyter/` or the environment's `etc/jupyter/`: it names the
exchange and the time limit of *Validate*. Copy it again after every update of the course.
"""

import os
from importlib.util import find_spec
from pathlib import Path

from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbgrader.preprocessors import GetGrades

from course_utils.grading import HideTests

c = get_config()  # noqa: F821 (nbgrader provides it)

c.CourseDirectory.course_id = "jet-tagging"
# The folder where lessons go out and answers come in; everyone must be able to reach it. Without
# the variable, nbgrader uses its own, which only an administrator can create.
if exchange := os.environ.get("COURSE_EXCHANGE"):
    c.Exchange.root = exchange
# A lesson is notebooks/NN_topic/NN_topic.ipynb, with its solutions.
c.CourseDirectory.source_directory = "notebooks"
# Files beside a lesson that are not for students.
c.CourseDirectory.ignore = [
    ".ipynb_checkpoints",
    "*.pyc",
    "__pycache__",
    "feedback",
    "*.py",
    "*.toml",
    "submission_predictions",
    "checkpoints",  # of the trainings in lesson 04
    "bcnn_study.db",  # of its search for settings
]
# Cells train networks; nbgrader's default limit is 30 s.
c.ExecutePreprocessor.timeout = 300
# Nobody's own settings run in the kernel of a lesson: startup files and profiles of IPython,
# PYTHONSTARTUP, a matplotlibrc. (Those of Keras are hidden by `quiet_tensorflow` in the lesson.)
c.ExecutePreprocessor.extra_arguments = [
    "--profile=jet-tagging",
    "--IPKernelApp.auto_create=True",
    "--IPKernelApp.exec_PYTHONSTARTUP=False",
]
os.environ["MATPLOTLIBRC"] = str(Path(find_spec("matplotlib").origin).parent / "mpl-data")
# A deleted graded cell comes back with no points; otherwise it would stop the whole batch.
c.OverwriteCells.add_missing_cells = True
# nbgrader's own feedback would print the hidden tests and the mark schemes.
c.GenerateFeedback.preprocessors = [HideTests, GetGrades, CSSHTMLHeaderPreprocessor]
