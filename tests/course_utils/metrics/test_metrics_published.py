"""Metrics of five published taggers on 20 000 jets of the public test set."""

import numpy as np
import pytest

from course_utils import metrics

# The table beside the reference file; accuracies at 0.5.
GOLDEN = {
    "ParticleNet": (0.983243, 0.934550, 719.21, 264.97, 85.33),
    "ResNeXt50": (0.981797, 0.932600, 839.08, 264.97, 81.20),
    "P-CNN": (0.979236, 0.926350, 592.29, 201.38, 62.93),
    "TopoDNN": (0.970222, 0.914100, 314.66, 89.11, 34.96),
    "mass+nsub": (0.965385, 0.891200, 387.27, 76.86, 30.42),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_published_taggers_have_their_published_figures(published_taggers, name):
    label, score = published_taggers["label"], published_taggers[name]
    area, accuracy, *rejections = GOLDEN[name]
    assert metrics.roc_auc(label, score).value == pytest.approx(area, abs=5e-7)
    assert metrics.accuracy(label, score).value == pytest.approx(accuracy, abs=5e-7)
    for efficiency, expected in zip((0.3, 0.5, 0.7), rejections, strict=True):
        measured = metrics.background_rejection(label, score, signal_efficiency=efficiency)
        assert measured.value == pytest.approx(expected, abs=0.005)
        assert measured.low < expected < measured.high


def test_delong_error_of_a_real_tagger_is_its_bootstrap_spread(published_taggers):
    rng = np.random.default_rng(8)
    label, score = published_taggers["label"][:4000], published_taggers["TopoDNN"][:4000]
    draws = (rng.integers(0, len(label), len(label)) for _ in range(200))
    spread = np.std([metrics.roc_auc(label[draw], score[draw]).value for draw in draws])
    # 200 draws know their spread to 5 %.
    assert metrics.roc_auc(label, score).error == pytest.approx(spread, rel=0.25)


def test_pairing_makes_the_error_of_the_difference_smaller_than_quadrature(published_taggers):
    label, best, second = (
        published_taggers["label"],
        published_taggers["ParticleNet"],
        published_taggers["ResNeXt50"],
    )
    apart = np.hypot(metrics.roc_auc(label, best).error, metrics.roc_auc(label, second).error)
    compared = metrics.compare_auc(label, best, second)
    assert compared.error < 0.6 * apart
    assert compared.p_value < 0.01
