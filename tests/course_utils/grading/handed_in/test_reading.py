"""Reading a file: any bytes give a valid notebook, or one error that says what they are."""

import json

import nbformat
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_notebook

from course_utils.grading import NotebookError
from course_utils.grading.handed_in.reading import read_notebook, take_only_notebook

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=9,
)
OUTPUT = st.fixed_dictionaries(
    {"output_type": st.sampled_from(["stream", "error", "execute_result", "display_data"]) | JSON},
    optional={"data": JSON, "text": JSON, "traceback": JSON, "metadata": JSON, "name": JSON},
)
CELL = st.fixed_dictionaries(
    {},
    optional={
        "cell_type": st.sampled_from(["code", "markdown", "raw", "heading"]) | JSON,
        "id": st.sampled_from(["a", "b", "with space", ""]) | JSON,
        "source": JSON,
        "metadata": JSON | st.fixed_dictionaries({"tags": JSON, "id": JSON, "collapsed": JSON}),
        "outputs": JSON | st.lists(OUTPUT, max_size=2),
        "execution_count": JSON,
        "attachments": JSON,
    },
)
NOTEBOOK = st.fixed_dictionaries(
    {"cells": st.lists(CELL | JSON, max_size=4)},
    optional={"metadata": JSON, "nbformat": JSON, "nbformat_minor": JSON, "worksheets": JSON},
)


@given(NOTEBOOK | JSON)
@example({"cells": [{"cell_type": "code", "id": "a"}, {"cell_type": "code", "id": "a"}]})
def test_any_json_is_a_valid_notebook_or_refused(whole):
    try:
        notebook, _ = read_notebook(json.dumps(whole).encode())
    except NotebookError:
        return
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert isinstance(cell.source, str)


@given(st.binary(max_size=40))
def test_any_bytes_are_refused_with_a_reason(content):
    with pytest.raises(NotebookError, match="Expected a notebook"):
        read_notebook(content)


def test_a_notebook_of_jupyter_is_read_as_it_is():
    notebook = new_notebook(cells=[new_code_cell("1 + 1", id="sum")])
    content = nbformat.writes(notebook).encode()
    assert read_notebook(content) == (notebook, [])


def test_outputs_stored_line_by_line_are_one_text():
    output = {"output_type": "stream", "name": "stdout", "text": ["1\n", "2\n"]}
    cell = {"cell_type": "code", "source": ["1\n", "2"], "outputs": [output]}
    (read,) = read_notebook(json.dumps({"cells": [cell]}).encode())[0].cells
    assert (read.source, read.outputs[0].text) == ("1\n2", "1\n2\n")


def test_a_picture_pasted_into_an_answer_is_kept():
    pictures = {"a.png": {"image/png": "iVBORw0KGgo="}}
    cell = {"cell_type": "markdown", "source": "![](attachment:a.png)", "attachments": pictures}
    (read,) = read_notebook(json.dumps({"cells": [cell]}).encode())[0].cells
    assert read.attachments == pictures


def test_lines_that_only_look_like_a_conflict_are_kept():
    text = "=======\na heading\n======="
    notebook = new_notebook(cells=[new_code_cell(text, id="heading")])
    assert read_notebook(nbformat.writes(notebook).encode())[0].cells[0].source == text


@pytest.mark.parametrize("name", ["Copy of toy.ipynb", "toy (1).ipynb", "toy-Copy1.ipynb"])
def test_the_only_notebook_is_taken_under_the_lessons_name(tmp_path, name):
    (tmp_path / name).write_bytes(b"{}")
    notebooks = [str(tmp_path / name)]
    take_only_notebook(assignment="toy", student="*", notebooks=notebooks)
    assert notebooks == [str(tmp_path / "toy.ipynb")]
    assert {path.name for path in tmp_path.iterdir()} == {name, "toy.ipynb"}


@pytest.mark.parametrize("names", [["toy.ipynb"], ["a.ipynb", "b.ipynb"], ["toy.ipynb", "x.ipynb"]])
def test_nothing_is_guessed_where_there_is_a_choice(tmp_path, names):
    notebooks = [str(tmp_path / name) for name in names]
    take_only_notebook(assignment="toy", student="*", notebooks=notebooks)
    assert notebooks == [str(tmp_path / name) for name in names]
