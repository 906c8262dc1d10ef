"""The scorecard, and the order of the leaderboard."""

import itertools
from datetime import UTC, datetime, timedelta

import numpy as np

from challenge.scoring import ranking
from challenge.scoring.scorecard import Scorecard, score
from course_utils import metrics
from course_utils.metrics import Measurement, Rejection

NOON = datetime(2026, 4, 1, 12, tzinfo=UTC)


def entry(number, *, auc=0.9, r50=100.0, limit=False, minutes=0, team="us", network=None):
    value = Rejection(r50, r50, r50, True) if limit else Rejection(r50, 0.9 * r50, 1.1 * r50, False)
    return ranking.Entry(
        id=number,
        team=team,
        network=f"net {number}" if network is None else network,
        sha256="0" * 64,
        received_at=NOON + timedelta(minutes=minutes),
        card=Scorecard(auc=Measurement(auc, 0.002), r50=value, r30=value),
    )


def ids(entries):
    return [each.id for each in entries]


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


# --- ranking ---------------------------------------------------------------------------------


def test_auc_ranks_first_even_beyond_the_digits_that_are_shown():
    better = entry(2, auc=np.nextafter(0.9, 1), r50=1.0, minutes=5)
    assert ids(ranking.ranked([entry(1, auc=0.9, r50=1000.0), better])) == [2, 1]


def test_ties_are_broken_by_r50_then_receipt_then_number():
    entries = [
        entry(4, r50=90.0),
        entry(3, minutes=2),
        entry(2, minutes=1),
        entry(1, minutes=2),
        entry(5, r50=95.0, limit=True, minutes=9),
    ]
    for order in itertools.permutations(entries):
        assert ids(ranking.ranked(order)) == [5, 2, 1, 3, 4]


def test_a_limit_outranks_a_measured_rejection_of_larger_value():
    # On 1000 background jets, no survivor gives "> 871" and one survivor gives 1000.
    assert ids(ranking.ranked([entry(1, r50=1000.0), entry(2, r50=871.0, limit=True)])) == [2, 1]


def test_only_the_best_entry_of_a_network_stands_on_the_board():
    entries = [
        entry(1, auc=0.8, network="cnn"),
        entry(2, auc=0.9, network="cnn"),
        entry(3, auc=0.85, network="cnn", team="them"),
        entry(4, auc=0.7, network="dnn"),
    ]
    assert ids(ranking.best_of_each_network(entries)) == [2, 3, 4]
