"""Feedback: the student reads what they could see before, and nothing of the hidden tests."""

import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_utils.grading import HideTests
from course_utils.grading.returned.feedback import hidden_sentences

SECRETS = (
    "assert double(21) == 42, 'Think of a large number.'",
    "_found = double(np.ones(3)) - [2, 2, 2]",
    "np.testing.assert_allclose(\n    _found, 0, err_msg='Think of an array.'\n)",
    "assert double(0.5) == 1, f'the answer is {0.5 + 0.5}'",
)
CHECK = f"""import numpy as np
assert double(1) == 2, "What is twice one?"
### BEGIN HIDDEN TESTS
{chr(10).join(SECRETS)}
### END HIDDEN TESTS"""
META = {"grade": True, "grade_id": "check", "locked": True, "points": 1}
META |= {"schema_version": 3, "solution": False, "task": False}


@pytest.fixture(scope="module")
def feedback():
    """Clean the feedback for an answer, after a real kernel has made its traceback."""

    def clean(answer):
        check = new_code_cell(CHECK, metadata={"nbgrader": META})
        notebook = new_notebook(cells=[new_code_cell(answer), check])
        NotebookClient(notebook, kernel_name="python3", allow_errors=True).execute()
        return HideTests().preprocess(notebook, {})[0].cells[1]

    return clean


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        ("return 2 * x", None),
        ("return x", "AssertionError: What is twice one?"),
        ("return 2", "AssertionError: a hidden check failed. Think of a large number."),
        ("return 2 * x if x < 2 else {}[x]", "KeyError: a hidden check failed. Think of a large"),
        ("return 2 * int(x)", "TypeError: a hidden check failed. Think of an array."),
        ("return 2 * x + (np.size(x) == 3)", "AssertionError: a hidden check failed. Think of an"),
        ("return 2 * x if np.any(x != 0.5) else 3", "AssertionError: a hidden check failed"),
    ],
)
def test_a_failure_is_one_line_and_a_hidden_one_the_sentence_of_its_check(feedback, answer, shown):
    cell = feedback(f"import numpy as np\ndef double(x):\n    {answer}")
    for text in (cell.source, str(cell.outputs)):
        assert not [secret for secret in SECRETS if secret.splitlines()[0] in text]
        assert "the answer" not in text
        assert "[2, 2, 2]" not in text
    if shown is None:
        assert not cell.outputs
    else:
        assert cell.outputs[0].traceback[0].startswith(shown)


def test_a_hidden_line_that_also_stands_in_the_visible_part_is_hidden():
    begin = "np.testing.assert_allclose("
    hidden = f"### BEGIN HIDDEN TESTS\n{begin}\n    f(2), 42, err_msg='Think.'\n)\n"
    source = f"{begin}\n    f(1), 21\n)\n{hidden}### END HIDDEN TESTS"
    lines = [f"----> 5 {begin}", "AssertionError: DESIRED: 42"]
    error = new_output("error", ename="AssertionError", evalue="DESIRED: 42", traceback=lines)
    check = new_code_cell(source, outputs=[error], metadata={"nbgrader": META})
    cleaned, _ = HideTests().preprocess(new_notebook(cells=[check]), {})
    (output,) = cleaned.cells[0].outputs
    assert output.traceback == ["AssertionError: a hidden check failed. Think."]
    assert "42" not in str(output)


def test_the_sentences_of_a_check_are_found_and_those_that_lack_one():
    assert list(hidden_sentences(CHECK).values()) == [
        "Think of a large number.", "Think of an array.", None
    ]  # fmt: skip
    assert hidden_sentences("%matplotlib inline") == {}


def test_an_answer_keeps_its_traceback_and_a_cell_of_the_students_own_shows_nothing():
    error = new_output("error", ename="NameError", evalue="x", traceback=["-> 1 x", "NameError: x"])
    answer = new_code_cell("x", outputs=[error], metadata={"nbgrader": META | {"solution": True}})
    notebook = new_notebook(cells=[answer, new_code_cell("x", outputs=[error])])
    cleaned, _ = HideTests().preprocess(notebook, {})
    assert cleaned.cells[0].outputs == [error]
    assert "of your own" in cleaned.cells[1].outputs[0].text


PRINTS = (
    "print(In)",
    "print(*In)",
    "In[1]",
    "raise ValueError(In[1])",
    "display({'text/html': In[1]}, raw=True)",
    "print('\\x1b[1m'.join(In[1]))",
    "import sys\nsys.stderr.write(repr(In))",
)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_an_output_with_a_line_of_a_hidden_check_is_left_out():
    roles = {"grade": False, "solution": True, "locked": False}
    cells = [
        new_code_cell(source, metadata={"nbgrader": META | roles | {"grade_id": f"answer-{n}"}})
        for n, source in enumerate(PRINTS)
    ]
    check = new_code_cell(CHECK, metadata={"nbgrader": META})
    notebook = new_notebook(cells=[check, *cells, new_code_cell("1")])
    NotebookClient(notebook, kernel_name="python3", allow_errors=True).execute()

    def tells(cell):
        return "Think of a large number" in str(cell.outputs).replace("\\x1b[1m", "")

    assert all(map(tells, notebook.cells[1:-1]))
    cleaned, _ = HideTests().preprocess(notebook, {})
    assert not any(map(tells, cleaned.cells))
    assert all("left out" in str(cell.outputs) for cell in cleaned.cells[1:-1])


def test_a_mark_scheme_is_taken_out():
    meta = META | {"grade": False, "task": True}
    source = "Discuss.\n### BEGIN MARK SCHEME\n1 point for ln 2\n### END MARK SCHEME"
    notebook = new_notebook(cells=[new_markdown_cell(source, metadata={"nbgrader": meta})])
    assert HideTests().preprocess(notebook, {})[0].cells[0].source == "Discuss."
