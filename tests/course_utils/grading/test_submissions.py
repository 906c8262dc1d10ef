"""From a trained network to the file that is handed in: right column, whole file, safe name."""

import os
from pathlib import Path

import numpy as np
import pytest

from course_utils.grading import (
    SubmissionError,
    predict_for_cnn_challenge,
    predict_for_dnn_challenge,
)

FEATURES = np.linspace(0, 1, 7)


class Predictor:
    """The smallest thing with a .predict."""

    def predict(self, features):
        return features / 2


def submit(model, folder, *, features=FEATURES, group="us", name="net"):
    return predict_for_dnn_challenge(model, features, group=group, name=name, folder=folder)


def test_file_holds_one_single_precision_score_per_jet_in_order(tmp_path):
    path = submit(Predictor(), tmp_path / "new folder")
    assert path == tmp_path / "new folder" / "us_net.npy"
    scores = np.load(path, allow_pickle=False)
    assert scores.dtype == np.float32
    np.testing.assert_array_equal(scores, (FEATURES / 2).astype(np.float32))


def test_default_folder_is_the_one_of_the_exercise(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = predict_for_dnn_challenge(Predictor(), FEATURES, group="us", name="net")
    assert path == Path("submission_predictions/us_net.npy")


def test_two_columns_of_a_softmax_give_the_signal_column(tmp_path):
    path = submit(lambda x: np.stack([1 - x, x], axis=1), tmp_path)
    np.testing.assert_allclose(np.load(path), FEATURES, atol=1e-7)


def test_one_column_of_a_sigmoid_is_flattened(tmp_path):
    assert np.load(submit(lambda x: x[:, None], tmp_path)).shape == FEATURES.shape


def test_one_jet_with_two_columns_is_still_one_score(tmp_path):
    path = submit(lambda x: np.array([[0.2, 0.8]]), tmp_path, features=FEATURES[:1])
    np.testing.assert_allclose(np.load(path), [0.8])


def test_a_classifier_submits_probabilities_not_classes(tmp_path):
    class Classifier(Predictor):
        def predict_proba(self, features):
            return np.stack([1 - features, features], axis=1)

    np.testing.assert_allclose(np.load(submit(Classifier(), tmp_path)), FEATURES, atol=1e-7)


def test_keras_is_asked_to_be_quiet(tmp_path):
    class Chatty:
        def predict(self, features, verbose=1):
            assert verbose == 0
            return features

    submit(Chatty(), tmp_path)


def test_a_tensor_with_gradient_is_taken_off_its_graph(tmp_path):
    class Tensor:
        def detach(self):
            return self

        def cpu(self):
            return FEATURES

    np.testing.assert_allclose(np.load(submit(lambda x: Tensor(), tmp_path)), FEATURES, atol=1e-7)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
def test_scores_that_are_not_finite_in_single_precision_are_refused_and_counted(tmp_path, bad):
    scores = FEATURES.copy()
    scores[[2, 5]] = bad
    with pytest.raises(SubmissionError, match="2 of 7"):
        submit(lambda x: scores, tmp_path)


@pytest.mark.parametrize("shape", [(6,), (8,), (7, 3), (1, 7), (2, 7), (7, 1, 1), (), (7, 0)])
def test_any_other_shape_is_refused_with_what_came(tmp_path, shape):
    with pytest.raises(SubmissionError, match=r"shape \(7,\).*got \("):
        submit(lambda x: np.zeros(shape), tmp_path)


@pytest.mark.parametrize("output", [["top"] * 7, [None] * 7, [1j] * 7, [True] * 7])
def test_outputs_that_are_not_real_numbers_are_refused(tmp_path, output):
    with pytest.raises(SubmissionError, match="real numbers"):
        submit(lambda x: output, tmp_path)


def test_something_that_is_no_model_is_refused_by_its_type(tmp_path):
    with pytest.raises(SubmissionError, match="got str"):
        submit("model.keras", tmp_path)


UNSAFE = ["", ".", "..", "../x", "a/b", "a\\b", "-rf", ".hidden", "a b", "a\n", "a\0", "x" * 31]
UNSAFE += ["a\u202eb", "a\u200bb", "CON:", None, 7, Path("a")]


@pytest.mark.parametrize("text", UNSAFE)
@pytest.mark.parametrize("which", ["group", "name"])
def test_names_that_are_unsafe_in_a_path_are_refused(tmp_path, which, text):
    with pytest.raises(SubmissionError, match=f"Expected a {which} of"):
        submit(Predictor(), tmp_path, **{which: text})
    assert not list(tmp_path.rglob("*"))


@pytest.mark.parametrize("text", ["us", "Group-7", "v1.2_final", "Jürgen", "チーム", "x" * 30])
def test_ordinary_names_are_accepted(tmp_path, text):
    assert submit(Predictor(), tmp_path, name=text).exists()


def test_two_spellings_of_one_letter_are_one_file(tmp_path):
    composed, decomposed = "Ju\u0308rgen", "J\u00fcrgen"
    paths = [submit(Predictor(), tmp_path, name=name) for name in (composed, decomposed)]
    assert paths[0] == paths[1]


def test_the_same_names_replace_the_file_as_a_whole(tmp_path):
    submit(Predictor(), tmp_path)
    path = submit(lambda x: x[:3], tmp_path, features=FEATURES[:3])
    assert len(np.load(path)) == 3
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_file_and_no_half_one(tmp_path, monkeypatch):
    path = submit(Predictor(), tmp_path)
    before = path.read_bytes()

    def disk_full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", disk_full)
    with pytest.raises(OSError, match="No space left"):
        submit(lambda x: x * 3, tmp_path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_refused_prediction_leaves_the_old_file(tmp_path):
    path = submit(Predictor(), tmp_path)
    before = path.read_bytes()
    with pytest.raises(SubmissionError):
        submit(lambda x: x * np.nan, tmp_path)
    assert path.read_bytes() == before


# Networks that read images -------------------------------------------------------------------

IMAGES = np.random.default_rng(1).random((7, 5, 5, 1))


def submit_images(model, folder, *, images=IMAGES, group="us", name="net"):
    return predict_for_cnn_challenge(model, images, group=group, name=name, folder=folder)


def test_images_and_features_lead_to_the_same_file(tmp_path):
    def core(image):
        return np.stack([1 - image[:, 2, 2, 0], image[:, 2, 2, 0]], axis=1)

    path = submit_images(core, tmp_path / "cnn")
    assert path.name == "us_net.npy"
    assert path.read_bytes() == submit(core, tmp_path / "dnn", features=IMAGES).read_bytes()


def test_default_folder_is_the_same_for_both_kinds(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = predict_for_cnn_challenge(lambda x: x[:, 0, 0], IMAGES, group="us", name="net")
    assert path == Path("submission_predictions/us_net.npy")


@pytest.mark.parametrize("shape", [(7, 5, 5), (7, 25), (7,), (7, 5, 5, 1, 1), ()])
def test_images_without_channels_are_refused_with_the_cure(tmp_path, shape):
    with pytest.raises(SubmissionError, match=r"got \(.*images\[\.\.\., None\]"):
        submit_images(lambda x: np.zeros(7), tmp_path, images=np.zeros(shape))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda x: np.zeros(6), r"shape \(7,\).*got \(6,\)"),
        (lambda x: np.full(7, np.nan), "7 of 7 are nan"),
        (lambda x: ["top"] * 7, "real numbers"),
        ("model.keras", "got str"),
    ],
)
def test_scores_of_images_pass_the_same_checks(tmp_path, model, message):
    with pytest.raises(SubmissionError, match=message):
        submit_images(model, tmp_path)


@pytest.mark.parametrize("which", ["group", "name"])
def test_names_of_image_networks_pass_the_same_checks(tmp_path, which):
    with pytest.raises(SubmissionError, match=f"Expected a {which} of"):
        submit_images(lambda x: np.zeros(7), tmp_path, **{which: "../x"})
    assert not list(tmp_path.rglob("*"))
