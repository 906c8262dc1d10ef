"""Entries the challenge makes itself, from its public jets."""

import sys

import numpy as np
import pytest

from challenge.errors import ChallengeError
from challenge.scoring.npy import read_scores
from challenge.setup import baselines
from challenge.setup.baselines import baseline_files, boosted_trees, mass_window_scores
from challenge.setup.create import create_from_jets, create_from_labels
from challenge.setup.plan import Plan
from challenge.store.folder import TEST_JETS
from course_utils.jetfile import TTV, DataNotFound, JetFile, write_jets
from course_utils.kinematics import jet_mass
from course_utils.metrics import roc_auc
from course_utils.samples import small_sample


@pytest.fixture(scope="module")
def challenge(tmp_path_factory):
    """A challenge of the real test jets that come with the course."""
    folder = tmp_path_factory.mktemp("baselines")
    with JetFile(small_sample("top_tagging")) as file:
        table = file.read()
    write_jets(folder / "test.h5", [table[table.ttv == TTV["test"]]], provenance={})
    return create_from_jets(folder / "c", folder / "test.h5", seed=3, plan=Plan(accept_leaks=True))[
        0
    ]


def test_the_jet_mass_baseline_is_computed_from_the_public_jets(challenge):
    name, data = next(baseline_files(challenge))
    with JetFile(challenge.folder / TEST_JETS) as file:
        masses = jet_mass(file.read().jets)
    assert name == "jet mass"
    np.testing.assert_allclose(read_scores(data, challenge.n_jets), -np.abs(masses - 172.5))


def test_each_baseline_is_as_good_as_its_physics_lets_it_be(challenge, monkeypatch):
    pytest.importorskip("fastjet")
    pytest.importorskip("sklearn")
    monkeypatch.setattr(baselines, "N_TRAINING_JETS", 1000)
    labels = challenge.truth.labels
    auc = {
        name: roc_auc(labels, read_scores(data, challenge.n_jets)).value
        for name, data in baseline_files(challenge)
    }
    assert list(auc) == ["jet mass", "tau32", "boosted trees"]
    assert auc["jet mass"] > 0.85
    assert 0.65 < auc["tau32"] < auc["boosted trees"]
    assert auc["boosted trees"] > 0.93


def test_boosted_trees_learn_from_the_training_jets_and_know_no_test_label():
    pytest.importorskip("sklearn")
    rng = np.random.default_rng(1)
    y_true = np.arange(600) % 2
    training = rng.normal(size=(600, 3)) + y_true[:, None]
    features = rng.normal(size=(400, 3)) + (np.arange(400) % 2)[:, None]
    scores = boosted_trees(training, y_true, features)
    assert roc_auc(np.arange(400) % 2, scores).value > 0.8
    flipped = boosted_trees(training, 1 - y_true, features)
    assert roc_auc(np.arange(400) % 2, flipped).value < 0.2


def test_a_jet_scores_the_lower_the_further_its_mass_is_from_the_top_quark():
    masses = np.array([172.5, 160.0, 190.0, 80.4, 0.0])
    jets = np.zeros((5, 2, 4))
    jets[:, 0, 0] = masses
    assert np.argsort(-mass_window_scores(jets)).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("module", "words"),
    [("course_utils.substructure", "FastJet.*simulation"), ("sklearn.ensemble", "scikit-learn")],
)
def test_a_missing_library_is_named_after_what_can_be_made_without_it(
    challenge, monkeypatch, module, words
):
    if module == "sklearn.ensemble":
        pytest.importorskip("fastjet")
    monkeypatch.setattr(baselines, "N_TRAINING_JETS", 20)
    monkeypatch.setitem(sys.modules, module, None)
    made = []
    with pytest.raises(ChallengeError, match=words):
        made.extend(name for name, _ in _noting(baseline_files(challenge), made))
    assert made[0] == "jet mass"


def _noting(files, made):
    for name, data in files:
        made.append(name)
        yield name, data


def test_training_jets_that_are_gone_are_told(challenge, monkeypatch):
    pytest.importorskip("fastjet")

    def gone(*_args, **_kwargs):
        raise DataNotFound("train.h5 is not there.")

    monkeypatch.setattr("course_utils.samples.load_jets", gone)
    with pytest.raises(ChallengeError, match=r"train\.h5 is not there"):
        list(baseline_files(challenge))


def test_without_jets_there_is_no_baseline(tmp_path):
    np.save(tmp_path / "labels.npy", np.arange(8) % 2)
    challenge, _ = create_from_labels(tmp_path / "c", tmp_path / "labels.npy")
    with pytest.raises(ChallengeError, match="no jets"):
        list(baseline_files(challenge))


def test_a_damaged_jet_file_is_told(tmp_path, challenge):
    damaged = tmp_path / "c"
    damaged.mkdir()
    (damaged / TEST_JETS).write_text("<html>404</html>")
    with pytest.raises(ChallengeError, match="web page"):
        next(baseline_files(type(challenge)(damaged, "c", challenge.n_jets)))
