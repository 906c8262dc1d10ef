"""The networks of the scan, and the codes that stand for their scores."""

import numpy as np
import pytest

pytest.importorskip("torch")
import kernel_scan
import torch

from course_utils.metrics import background_rejection, roc_auc
from course_utils.training import count_parameters

SIDES = [(3, "valid", 4), (11, "valid", 2), (15, "valid", 1), (15, "same", 4)]


@pytest.mark.parametrize(("size", "padding", "side"), SIDES)
def test_parameters_are_those_of_the_formula(size, padding, side):
    made = kernel_scan.network(size, padding)
    convolutions = 16 * (size**2 + 1) + 16 * (16 * 16 + 1)
    dense = 64 * (16 * side**2 + 1) + 64 * 65 + 2 * 65
    assert count_parameters(made) == convolutions + dense
    assert made(torch.zeros(3, 1, 25, 25)).shape == (3, 2)


def test_codes_keep_the_order_and_the_ties_of_the_scores():
    rng = np.random.default_rng(3)
    score = np.append(rng.normal(size=5000), [0.5] * 40)
    codes = kernel_scan.coded(score)
    assert len(set(codes[-40:])) == 1
    assert 0 == codes.min() < codes.max() < kernel_scan.N_CODES
    in_order = np.argsort(score)
    assert (np.diff(codes[in_order].astype(int)) >= 0).all()


def test_codes_keep_the_roc_curve():
    rng = np.random.default_rng(4)
    y_true = np.repeat([0, 1], (10_000, 4000))
    score = rng.normal(1.5 * y_true, 1)
    codes = kernel_scan.coded(score)
    assert roc_auc(y_true, codes).value == pytest.approx(roc_auc(y_true, score).value, abs=1e-4)
    in_bytes, exact = (
        background_rejection(y_true, each, signal_efficiency=0.2) for each in (codes, score)
    )
    assert in_bytes.value == pytest.approx(exact.value, rel=0.02)
