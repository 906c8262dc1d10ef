"""Settings of nbgrader for this course, see docs/instructors.md.

Students need this file too, in `~/.jupyter/` or the environment's `etc/jupyter/`: it names the
exchange and the time limit of *Validate*. Copy it again after every update of the course.
"""

import os
from importlib.util import find_spec
from pathlib import Path

from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    ClearOutput,
    Execute,
    GetGrades,
    IgnorePattern,
    LimitOutput,
    OverwriteCells,
    OverwriteKernelspec,
    SaveAutoGrades,
)
from nbgrader.validator import Validator

from course_utils import grading

c = get_config()  # noqa: F821 (nbgrader provides it)

c.CourseDirectory.course_id = "jet-tagging"
# The folder where lessons go out and answers come in; everyone must be able to reach it. Without
# the variable, nbgrader uses its own, which only an administrator can create.
if exchange := os.environ.get("COURSE_EXCHANGE"):
    c.Exchange.root = exchange
# A lesson is notebooks/NN_topic/NN_topic.ipynb, with its solutions.
c.CourseDirectory.source_directory = "notebooks"
# Files that neither go out with a lesson nor come in with a submission. Python files do come in;
# RefuseModules sees to it that none goes out.
c.CourseDirectory.ignore = [
    ".ipynb_checkpoints",
    "*.pyc",
    "__pycache__",
    "feedback",
    "wrong_answers.toml",
    "submission_predictions",
    "checkpoints",  # of the trainings in lesson 04
    "bcnn_study.db",  # of its search for settings
]
c.GenerateAssignment.preprocessors.insert(0, grading.RefuseModules)
# A submission keeps every point that it has earned, whatever happened to its cells or its kernel.
c.ExchangeFactory.submit = grading.Submit
c.ExchangeFactory.collect = grading.Collect
c.ExchangeFactory.release_assignment = grading.ReleaseAssignment
c.Autograde.exporter_class = grading.SubmissionToRun
c.Autograde.pre_convert_hook = grading.take_only_notebook
c.Autograde.sanitize_preprocessors = [
    grading.MendNotebook,  # in place of nbgrader's DeduplicateIds and add_missing_cells
    ClearOutput,
    OverwriteKernelspec,
    OverwriteCells,
    CheckCellMetadata,
]
c.Autograde.autograde_preprocessors = [
    grading.RunCells,
    grading.ForgiveWarnings,
    IgnorePattern,
    LimitOutput,
    SaveAutoGrades,
    AssignLatePenalties,
    CheckCellMetadata,
]
# A student's program runs without network, and sees no file but its own and the jets. Where the
# machine cannot do that, nothing is graded: see deploy/sandbox/README.md before you write "none",
# which lets it do whatever your account can. Its limits are c.RunCells.memory_mb, .processes,
# .cpu_seconds, .disk_mb and .threads; docs/instructors.md says what they mean.
c.RunCells.sandbox = "bubblewrap"
# A warning fails nobody in *Validate* either; nbgrader has not made this one a setting.
Validator.preprocessors.tag(config=True)
c.Validator.preprocessors = [CheckCellMetadata, ClearOutput, Execute, grading.ForgiveWarnings]
# Cells train networks; nbgrader's default limit is 30 s.
c.ExecutePreprocessor.timeout = 300
c.ExecutePreprocessor.startup_timeout = 300  # a kernel, while a class is graded on all cores
# Nobody's own settings run in the kernel of a lesson: startup files and profiles of IPython,
# PYTHONSTARTUP, a matplotlibrc. (Those of Keras are hidden by `quiet_tensorflow` in the lesson.)
c.ExecutePreprocessor.extra_arguments = [
    "--profile=jet-tagging",
    "--IPKernelApp.auto_create=True",
    "--IPKernelApp.exec_PYTHONSTARTUP=False",
]
os.environ["MATPLOTLIBRC"] = str(Path(find_spec("matplotlib").origin).parent / "mpl-data")
# nbgrader's own feedback would print the hidden tests and the mark schemes.
c.GenerateFeedback.preprocessors = [grading.HideTests, GetGrades, CSSHTMLHeaderPreprocessor]
# Pages that show a student's notebook run nothing of it, neither feedback nor the formgrader.
c.HTMLExporter.sanitize_html = True
c.HTMLExporter.filters = {
    "clean_html": grading.clean_html,
    "strip_files_prefix": grading.clean_html,  # nbgrader's templates ask for it in its place
}
c.HTMLExporter.preprocessors = [grading.SafeOutputs]
c.ExchangeFactory.release_feedback = grading.ReleaseFeedback
# A mark that is missing is blank in the table, and the table says why.
c.ExportApp.plugin_class = grading.ExportMarks
