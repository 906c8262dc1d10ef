"""The file itself: saved by other programs and editors, merged by Git, renamed, or no notebook.

One small class hands in through the exchange; each student has used another program.
"""

import json
from collections.abc import Iterator

import nbformat
import pytest
from toy_course import (
    AUTOMATIC,
    LESSON,
    ToyCourse,
    cell,
    graded_class,
    lesson,
    quiet_machine,
)

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # other people's warnings

CASES, UNREADABLE = {}, {}


def case(note=""):
    """Register a file, with words of the note that the instructor gets."""

    def register(save):
        CASES[save.__name__.replace("_", "-")] = (save, note)
        return save

    return register


def unreadable(note):
    def register(save):
        UNREADABLE[save.__name__.replace("_", "-")] = (save, note)
        return save

    return register


def as_json(nb, **options):
    return json.dumps(nb, **options).encode()


def raw(nb):
    """The notebook as the dictionary in its file, sources as one text."""
    return json.loads(json.dumps(nb))


# Editors and encodings -----------------------------------------------------------------------


@case("began with a byte order mark")
def byte_order_mark(nb):
    return b"\xef\xbb\xbf" + nbformat.writes(nb).encode()


@case("was UTF-16 text")
def powershell(nb):
    return nbformat.writes(nb).encode("utf-16")


@case("not UTF-8 and are lost")
def another_code_page(nb):
    cell(nb, "why-answer").source += " Für immer."
    return nbformat.writes(nb).encode("cp1252")


@case()
def windows_line_ends(nb):
    for each in nb.cells:
        each.source = each.source.replace("\n", "\r\n")
    return nbformat.writes(nb).replace("\n", "\r\n").encode()


# Programs ------------------------------------------------------------------------------------


def without_ids(whole, minor):
    for each in whole["cells"]:
        each.pop("id", None)
    return whole | {"nbformat": 4, "nbformat_minor": minor}


@case()
def colab(nb):
    """No cell ids, widgets without the state that nbconvert looks for, a tool's own metadata."""
    whole = raw(nb)
    for each in whole["cells"]:
        each["metadata"] |= {"id": each["id"], "colab": {"base_uri": "https://localhost:8080/"}}
        if each["cell_type"] == "code":
            each["metadata"] |= {"executionInfo": {"status": "ok", "elapsed": 3}, "outputId": "a"}
            each["execution_count"] = 1
            each["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["42\n"]}]
        each["source"] = each["source"].splitlines(keepends=True)
    widgets = {"application/vnd.jupyter.widget-state+json": {"abc": {"model_name": "HTMLModel"}}}
    whole["metadata"] = {
        "colab": {"provenance": [], "toc_visible": True},
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
        "language_info": {"name": "python"},
        "accelerator": "GPU",
        "widgets": widgets,
    }
    return as_json(without_ids(whole, 0))


@case("had lost nbgrader's metadata")
def colab_with_only_its_ids(nb):
    whole = raw(nb)
    for each in whole["cells"]:
        each["metadata"] = {"id": each["id"]}
    return as_json(without_ids(whole, 0))


@case()
def vs_code(nb):
    whole = raw(nb)
    for each in whole["cells"]:
        each["metadata"]["vscode"] = {"languageId": "python"}
    whole["metadata"] = {
        "kernelspec": {"display_name": ".venv (3.11.7)", "language": "python", "name": "python3"},
        "language_info": {"codemirror_mode": {"name": "ipython"}, "name": "python"},
        "orig_nbformat": 4,
    }
    return as_json(whole | {"nbformat_minor": 2})


@case()
def kaggle(nb):
    whole = raw(nb)
    for number, each in enumerate(whole["cells"]):
        each["metadata"] |= {"_uuid": f"d{number}", "_cell_guid": f"b{number}", "trusted": True}
        each["metadata"]["execution"] = {"iopub.status.busy": "2026-01-06T12:53:38.194692Z"}
    whole["metadata"] = {"kaggle": {"accelerator": "none", "isInternetEnabled": True}}
    return as_json(without_ids(whole, 4))


@case("had lost nbgrader's metadata")
def all_but_the_texts_lost(nb):
    whole = raw(nb)
    for each in whole["cells"]:
        each["metadata"] = {}
    return as_json(without_ids(whole, 4))


@case()
def jupyterlite(nb):
    kernel = {"display_name": "Python (Pyodide)", "language": "python", "name": "python"}
    whole = raw(nb)
    for each in whole["cells"]:
        each["metadata"]["trusted"] = True
    return as_json(whole | {"metadata": {"kernelspec": kernel}})


@case()
def deepnote(nb):
    """Outputs on every cell, a name of its own for each, and an advertisement at the end."""
    whole = raw(nb)
    for number, each in enumerate(whole["cells"]):
        each["metadata"] |= {"cell_id": f"0000{number}-ab", "deepnote_cell_type": "code"}
        each |= {"outputs": None, "execution_count": None, "block_group": "x"}
    advertisement = {
        "cell_type": "markdown",
        "source": "<a>Created in Deepnote</a>",
        "metadata": {},
    }
    whole["cells"].append(advertisement)
    whole["metadata"] = {"deepnote": {}, "orig_nbformat": 2, "deepnote_notebook_id": "1"}
    return as_json(without_ids(whole, 0))


@case()
def nbformat_3(nb):
    return nbformat.writes(nb, version=3).encode()


@case()
def fields_missing(nb):
    whole = raw(nb)
    for each in whole["cells"]:
        for name in ("outputs", "execution_count", "id"):
            each.pop(name, None)
    whole["cells"][0].pop("metadata")
    whole["cells"].insert(1, {"cell_type": "code"})
    whole["cells"].insert(1, {"cell_type": "sql", "source": None, "metadata": None})
    return as_json({"cells": whole["cells"]})


@case()
def every_cell_has_the_same_id(nb):
    for each in nb.cells:
        each.id = "x"
    return as_json(raw(nb))


# Git -----------------------------------------------------------------------------------------


def conflict(ours, theirs, base=None):
    """Two files with all that differs in one conflict, as ``git merge`` writes it."""
    mine, other = (nbformat.writes(nb).splitlines(keepends=True) for nb in (ours, theirs))
    head = _same(mine, other)
    tail = _same(mine[::-1], other[::-1])
    middle = ["||||||| base\n", base] if base else []
    parts = [*mine[:head], "<<<<<<< HEAD\n", *mine[head:-tail], *middle]
    parts += ["=======\n", *other[head:-tail], ">>>>>>> theirs\n", *mine[-tail:]]
    return "".join(parts).encode()


def _same(left, right):
    """How many lines at the beginning are the same."""
    return next(i for i, lines in enumerate(zip(left, right, strict=False)) if len({*lines}) > 1)


def with_other_words(nb):
    other = nbformat.from_dict(raw(nb))
    cell(other, "twice").source = "def twice(x):\n    return x + x + 1"
    return other


@case("merge conflict was still in the file; the first side counts")
def merge_conflict(nb):
    return conflict(nb, with_other_words(nb))


@case("merge conflict was still in the file; the first side counts")
def merge_conflict_with_the_base(nb):
    return conflict(nb, with_other_words(nb), base='  "neither": 1\n')


@case("merge conflict was still in the file; the second side counts")
def merge_conflict_with_a_new_release_first(nb):
    """``git pull --rebase`` puts the instructor's stubs first."""
    stub = nbformat.from_dict(raw(nb))
    cell(stub, "twice").source = "# YOUR CODE HERE\nraise NotImplementedError()"
    return conflict(stub, nb)


@case("held a merge conflict; the first side counts")
def merge_conflict_in_a_cell(nb):
    own = cell(nb, "twice").source
    cell(nb, "twice").source = f"<<<<<<< local\n{own}\n=======\nnonsense(\n>>>>>>> remote"


# Names ---------------------------------------------------------------------------------------


@case("`Copy of toy.ipynb` was handed in and was graded under the lesson's name")
def file_of_another_name(nb):
    """Renamed by the fixture."""


@case("`toy (1).ipynb` was handed in and was not graded")
def two_files(nb):
    """The fixture adds the other one."""


# No notebooks --------------------------------------------------------------------------------


@unreadable("the file is empty")
def nothing_in_it(nb):
    return b""


@unreadable("the file is not JSON")
def cut_short(nb):
    return nbformat.writes(nb).encode()[:2000]


@unreadable("without a list of cells")
def other_json(nb):
    return b'["cells"]'


@unreadable("expected toy.ipynb, got `a.ipynb`, `b.ipynb`")
def two_files_of_other_names(nb):
    """Renamed by the fixture."""


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Iterator[ToyCourse]:
    def save_all(folder):
        """Rename what was handed in under another name."""
        for student, names in {
            "file-of-another-name": ["Copy of toy.ipynb"],
            "two-files-of-other-names": ["a.ipynb", "b.ipynb"],
            "two-files": ["toy.ipynb", "toy (1).ipynb"],
        }.items():
            (saved,) = folder.glob(f"exchange/*/inbound/{student}+*/{LESSON}.ipynb")
            content = saved.read_bytes()
            saved.unlink()
            for name in names:
                (saved.parent / name).write_bytes(content + b" " * (name != names[0]))

    changes = {name: save for name, (save, _) in (CASES | UNREADABLE).items()}
    patch = quiet_machine()
    yield graded_class(tmp_path_factory.mktemp("course"), changes, before_collecting=save_all)
    patch.undo()


@pytest.fixture(scope="module")
def table(course) -> dict[str, dict[str, str]]:
    return course.table()


@pytest.mark.parametrize("student", CASES)
def test_all_points_are_kept_and_a_note_says_what_was_mended(student, course, table):
    scores = course.scores(student)
    assert {name: scores[name] for name in AUTOMATIC} == AUTOMATIC
    row, note = table[student], CASES[student][1]
    assert float(row["score"]) == sum(AUTOMATIC.values())
    assert note in row["note"] if note else "mended" not in course.executed(student).metadata
    assert "SECRET" not in course.feedback(student)


@pytest.mark.parametrize("student", CASES)
def test_what_was_written_reaches_the_person_who_marks_it(student, course):
    scores = course.scores(student)
    assert scores["why-answer"] is scores["end-answer"] is scores["task"] is None
    cells = [c for c in course.executed(student).cells if "nbgrader" in c.metadata]
    (why,) = (c for c in cells if c.metadata.nbgrader.grade_id == "why-answer")
    assert why.source.startswith("The student's words: why.")


@pytest.mark.parametrize("student", CASES)
def test_the_graded_notebook_is_valid(student, course):
    nbformat.validate(course.executed(student))


@pytest.mark.parametrize("student", UNREADABLE)
def test_what_cannot_be_read_is_blank_and_says_why(student, course, table):
    row = table[student]
    assert row["score"] == row["raw_score"] == ""
    assert float(row["max_score"]) > 0
    assert UNREADABLE[student][1] in row["note"]
    assert course.failed


def test_the_harness_hands_in_what_it_says():
    nb = lesson()
    text = conflict(nb, with_other_words(nb)).decode()
    assert text.count("<<<<<<<") == text.count(">>>>>>>") == 1
    with pytest.raises(ValueError, match="JSON"):
        nbformat.reads(text, as_version=4)
