"""Who comes before whom, and which submission stands for a network."""

import itertools
from dataclasses import replace
from datetime import timedelta

import numpy as np
from challenges import NOON, scored_record

from challenge.board.order import final_order, live_order
from challenge.scoring.scorecard import Scorecard
from course_utils.metrics import Measurement, Rejection


def entry(
    number, *, auc=0.9, r50=100.0, limit=False, minutes=0, team="us", network=None, is_best=True
):
    value = Rejection(r50, r50, r50, True) if limit else Rejection(r50, 0.9 * r50, 1.1 * r50, False)
    card = Scorecard(auc=Measurement(auc, 0.002), r50=value, r30=value)
    at = NOON + timedelta(minutes=minutes)
    name = f"net {number}" if network is None else network
    return scored_record(number, team, name, "0" * 64, card, received_at=at, is_best=is_best)


def ids(entries):
    return [each.id for each in entries]


def test_auc_ranks_first_even_beyond_the_digits_that_are_shown():
    better = entry(2, auc=np.nextafter(0.9, 1), r50=1.0, minutes=5)
    assert ids(live_order([entry(1, auc=0.9, r50=1000.0), better])) == [2, 1]


def test_ties_are_broken_by_r50_then_receipt_then_number():
    entries = [
        entry(4, r50=90.0),
        entry(3, minutes=2),
        entry(2, minutes=1),
        entry(1, minutes=2),
        entry(5, r50=95.0, limit=True, minutes=9),
    ]
    for order in itertools.permutations(entries):
        assert ids(live_order(order)) == [5, 2, 1, 3, 4]


def test_a_limit_outranks_a_measured_rejection_of_larger_value():
    # On 1000 background jets, no survivor gives "> 871" and one survivor gives 1000.
    assert ids(live_order([entry(1, r50=1000.0), entry(2, r50=871.0, limit=True)])) == [2, 1]


def test_only_the_best_entry_of_a_network_stands_on_the_board():
    entries = [
        entry(1, auc=0.8, network="cnn"),
        entry(2, auc=0.9, network="cnn"),
        entry(3, auc=0.85, network="cnn", team="them"),
        entry(4, auc=0.7, network="dnn"),
        entry(5, auc=0.95, network="cnn", is_best=False),  # the Ladder did not take it
    ]
    assert ids(live_order(entries)) == [2, 3, 4]


def test_a_final_choice_stands_for_its_network_after_the_reveal():
    chosen = replace(entry(1, auc=0.8, network="cnn"), is_pick=True)
    better, other = entry(2, auc=0.9, network="cnn"), entry(3, auc=0.85, team="them")
    assert ids(live_order([chosen, better, other])) == [2, 3]
    assert ids(final_order([chosen, better, other])) == [3, 1]


def test_who_is_shown_with_the_score_of_another_stands_behind_it():
    first, like_it, between = entry(1, auc=0.9), entry(2, auc=0.8), entry(3, auc=0.85)
    assert ids(live_order([first, like_it, between])) == [1, 3, 2]
    assert ids(live_order([first, like_it, between], {2: first})) == [1, 2, 3]
