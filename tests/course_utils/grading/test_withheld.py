"""A score that counts is measured on test jets that a graded kernel does not see."""

import numpy as np
import pytest
from nbgrader.coursedir import CourseDirectory

from course_utils.grading import graded_jets
from course_utils.grading.running.course_files import shown_of
from course_utils.grading.withheld import without_graded_jets
from course_utils.jetfile import JetFile, write_jets
from course_utils.samples import load_jets


@pytest.fixture
def test_file(tmp_path, monkeypatch, some_jets):
    """A test file of so many jets, among the samples of this machine."""

    def write(n_jets):
        path = tmp_path / "data" / "top_tagging" / "test.h5"
        write_jets(path, [some_jets(n_jets, ttv=1)], provenance={"seed": 3})
        monkeypatch.setenv("JET_DATA", str(tmp_path / "data"))
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        return path

    return write


def test_no_jet_of_a_score_is_in_the_file_that_a_kernel_sees(test_file):
    path = test_file(4100)
    shown = shown_of(CourseDirectory()).data["top_tagging/test.h5"]
    assert shown != path
    with JetFile(shown) as file:
        seen, provenance = file.read(), file.provenance
    whole, counted = load_jets("top_tagging", "test"), graded_jets("top_tagging", 5000)
    np.testing.assert_array_equal(np.concatenate([seen.jets, counted.jets]), whole.jets)
    assert provenance["seed"] == 3
    assert not {jet.tobytes() for jet in seen.jets} & {jet.tobytes() for jet in counted.jets}


def test_as_many_jets_as_wanted(test_file):
    test_file(4100)
    assert len(graded_jets("top_tagging", 100).jets) == 100


def test_a_small_file_is_used_as_it_is(test_file, tmp_path):
    path = test_file(300)
    assert shown_of(CourseDirectory()).data["top_tagging/test.h5"] == path
    assert len(graded_jets("top_tagging", 5000).jets) == 300


def test_the_copy_is_made_once_and_again_when_the_file_changes(test_file, tmp_path):
    first = without_graded_jets(test_file(4000), tmp_path / "copies")
    made = first.stat().st_mtime_ns
    assert without_graded_jets(tmp_path / "data/top_tagging/test.h5", tmp_path / "copies") == first
    assert first.stat().st_mtime_ns == made
    assert without_graded_jets(test_file(4002), tmp_path / "copies") != first
