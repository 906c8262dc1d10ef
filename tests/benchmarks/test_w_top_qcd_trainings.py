"""The trainings that lesson 06 ships, on few jets."""

import csv

import numpy as np
import pytest
import torch
import w_top_qcd_trainings as trainings
from torch import nn
from w_top_qcd_inputs import prepared

from course_utils.networks import SequentialCNN
from course_utils.samples import load_jets


@pytest.fixture(scope="module")
def jets(monkeypatch_module):
    return [prepared(load_jets("w_top_qcd", split, stop=200)) for split in ("train", "val")]


@pytest.fixture(scope="module")
def monkeypatch_module():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainings, "EPOCHS", dict.fromkeys(trainings.EPOCHS, 1))
        yield patch


@pytest.mark.parametrize("study", trainings.SETTINGS)
def test_every_study_measures_and_the_table_knows_it(study, jets, tmp_path):
    setting = list(trainings.SETTINGS[study])[-1]
    rows = trainings.Training(study, setting, 1, *jets).rows()
    trainings.append(tmp_path / "table.csv", rows)
    trainings.append(tmp_path / "table.csv", rows)
    assert trainings.done(tmp_path / "table.csv") == {(study, setting, 1)}
    with (tmp_path / "table.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 2 * len(rows)


def test_rows_are_of_the_classes_and_ranges_that_were_asked_for(jets):
    few = jets[0]
    chosen = few.rows(pt_range=2, kind="top", n_quarks=3)
    assert (few.pt_range[chosen] == 2).all()
    assert not few.is_w[chosen].any()
    assert (few.n_quarks[chosen][few.is_top[chosen]] == 3).all()
    assert set(few.rows()) == set(np.flatnonzero(~few.is_top))


def test_logits_that_are_taken_for_probabilities_lose_their_slope():
    logits = torch.tensor([[2.0, -1.0], [0.3, 0.1]], requires_grad=True)
    trainings.probability_loss(logits, torch.tensor([0, 1])).backward()
    assert not logits.grad[0].any()
    assert logits.grad[1].all()


def test_the_penalty_is_that_of_keras():
    network = SequentialCNN(20)
    logits, truth = torch.randn(5, 2), torch.tensor([0, 1, 1, 0, 1])
    kernels = [layer.weight for layer in network.layers if isinstance(layer, nn.Conv2d)]
    expected = sum(0.01 * (w.abs() + w**2).sum() for w in kernels)
    punished = trainings.with_penalty(network, logits, truth)
    torch.testing.assert_close(punished - nn.functional.cross_entropy(logits, truth), expected)
