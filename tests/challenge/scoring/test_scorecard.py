"""The scorecard, and the order of the leaderboard."""

from datetime import UTC, datetime

import numpy as np

from challenge.scoring.scorecard import score
from course_utils import metrics

NOON = datetime(2026, 4, 1, 12, tzinfo=UTC)


# --- scoring ---------------------------------------------------------------------------------


def test_a_scorecard_holds_the_metrics_of_the_course():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 3000)
    scores = rng.normal(size=3000) + 2 * labels
    card = score(labels, scores)
    assert card.auc == metrics.roc_auc(labels, scores)
    assert card.r50 == metrics.background_rejection(labels, scores, signal_efficiency=0.5)
    assert card.r30 == metrics.background_rejection(labels, scores, signal_efficiency=0.3)
    assert card.r30.value > card.r50.value


def test_a_perfect_tagger_gets_limits_and_no_infinity():
    labels = np.repeat([0, 1], 500)
    card = score(labels, labels * 1.0)
    assert card.auc.value == 1
    assert card.r50.is_limit
    assert card.r30.is_limit
    assert str(card) == "AUC 1.0000 ± 0.0000, R50 > 436, R30 > 436"
