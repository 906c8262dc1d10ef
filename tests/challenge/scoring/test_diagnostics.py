"""What is told about an entry after the reveal, and hints about its file."""

import numpy as np
import pytest

from challenge.scoring.diagnostics import (
    MASS_EDGES,
    PT_EDGES,
    diagnose,
    mass_sculpting,
    performance_in_bins,
)
from challenge.scoring.hints import find_hints
from course_utils.metrics import background_rejection, roc_auc

N = 20_000
RNG = np.random.default_rng(20260602)
LABELS = RNG.integers(0, 2, N)
MASS = np.where(LABELS, RNG.normal(172, 15, N), RNG.gamma(3, 30, N))
PT = RNG.uniform(550, 650, N)
BLIND = RNG.normal(size=N) + 2.0 * LABELS  # knows the class, not the mass


# --- bins ------------------------------------------------------------------------------------


def test_a_bin_tells_the_performance_on_its_jets_alone():
    bins = performance_in_bins(LABELS, BLIND, PT, PT_EDGES)
    assert [(each.low, each.high) for each in bins] == [
        (550, 575), (575, 600), (600, 625), (625, 650)
    ]  # fmt: skip
    assert sum(each.n_signal + each.n_background for each in bins) == N
    inside = (PT >= 575) & (PT < 600)
    assert bins[1].auc == roc_auc(LABELS[inside], BLIND[inside])
    assert bins[1].r50 == background_rejection(LABELS[inside], BLIND[inside])


def test_cells_of_fewer_than_20_jets_or_survivors_stay_blank():
    edges = (0.0, 1.0, 2.0, 3.0)
    column = np.repeat([0.5, 1.5, 2.5], 400)
    labels = np.tile([0, 1], 600)
    labels[:400] = 0
    labels[:19] = 1  # 19 signal jets in the first bin
    scores = labels + np.where(column == 1.5, 0.0, np.tile([1.5, 0, 0, 0], 300))
    first, perfect, third = performance_in_bins(labels, scores, column, edges)
    assert (first.auc, first.r50, first.n_signal) == (None, None, 19)
    assert perfect.auc.value == 1
    assert perfect.r50 is None  # no background survives
    assert third.auc is not None
    assert third.r50 is not None


def test_an_empty_bin_is_blank_and_no_fault():
    (empty,) = performance_in_bins(LABELS, BLIND, PT, (0.0, 1.0))
    assert (empty.n_signal, empty.n_background, empty.auc) == (0, 0, None)


# --- mass sculpting --------------------------------------------------------------------------


def test_a_score_that_ignores_the_mass_sculpts_nothing():
    rng = np.random.default_rng(1)
    z = []
    for _ in range(60):
        labels = rng.integers(0, 2, 3000)
        mass = rng.gamma(3, 30, 3000)
        z.append(mass_sculpting(labels, rng.normal(size=3000) + labels, mass).z)
    assert abs(np.mean(z)) < 0.5
    assert np.std(z) == pytest.approx(1, abs=0.35)


def test_a_cut_on_the_mass_sculpts_as_much_as_anything():
    told = mass_sculpting(LABELS, -np.abs(MASS - 172.5), MASS)
    assert told.z > 100
    assert 0.5 < told.divergence <= 1
    blend = mass_sculpting(LABELS, BLIND - 0.01 * np.abs(MASS - 172.5), MASS)
    assert 5 < blend.z < told.z


def test_the_divergence_is_the_textbooks():
    # All that passes lies in bins where nothing fails: one bit.
    labels = np.repeat([1, 0, 0], 400)
    mass = np.concatenate([np.zeros(400), np.linspace(0, 1, 400), np.linspace(2, 3, 400)])
    scores = np.concatenate([np.ones(400), np.full(400, 2.0), np.zeros(400)])
    assert mass_sculpting(labels, scores, mass).divergence == pytest.approx(1.0)


def test_the_same_entry_gets_the_same_verdict_again():
    assert mass_sculpting(LABELS, BLIND, MASS) == mass_sculpting(LABELS, BLIND, MASS)


@pytest.mark.parametrize("scores", [LABELS * 1.0, np.zeros(N)], ids=["none pass", "all pass"])
def test_without_survivors_or_without_victims_there_is_nothing_to_compare(scores):
    assert mass_sculpting(LABELS, scores, MASS) is None


def test_a_spectrum_of_one_line_cannot_be_sculpted():
    assert mass_sculpting(LABELS, BLIND, np.full(N, 100.0)).z == 0


# --- all of it -------------------------------------------------------------------------------


def test_diagnostics_with_jets_hold_bins_and_without_only_the_curve():
    full, bare = diagnose(LABELS, BLIND, pt=PT, mass=MASS), diagnose(LABELS, BLIND)
    assert len(full.by_pt) == len(PT_EDGES) - 1
    assert len(full.by_mass) == len(MASS_EDGES) - 1
    assert full.sculpting is not None
    assert (bare.by_pt, bare.by_mass, bare.sculpting) == ((), (), None)
    assert bare.roc == full.roc


def test_the_curve_to_draw_lies_on_the_roc_and_starts_where_it_means_something():
    curve = diagnose(LABELS, BLIND).roc
    efficiencies = [efficiency for efficiency, _ in curve]
    assert efficiencies == sorted(efficiencies)
    assert curve[-1] == (1.0, pytest.approx(1, rel=0.3))
    for efficiency, rejection in curve[:: len(curve) // 7]:
        expected = background_rejection(LABELS, BLIND, signal_efficiency=efficiency).value
        assert rejection == pytest.approx(expected)
    n_background = np.count_nonzero(LABELS == 0)
    assert max(rejection for _, rejection in curve) <= n_background / 4


# --- hints -----------------------------------------------------------------------------------


def of(scores, auc, **options):
    return find_hints(scores, shown_auc=auc, n_signal=N // 2, n_background=N // 2, **options)


def test_a_good_file_gets_no_hint():
    assert of(BLIND, 0.96) == []
    assert find_hints(BLIND, best_scores=BLIND + RNG.normal(size=N)) == []


def test_accidents_of_the_scores_are_seen_without_labels():
    assert "All scores are equal" in find_hints(np.ones(N))[0]
    (classes,) = find_hints(np.round(BLIND))
    assert classes.startswith("Only ")
    assert "classes instead of scores" in classes
    assert find_hints([0.1, 0.5, 0.9]) == []  # so few jets have few values


def test_accidents_that_the_told_auc_shows_anyway_are_named():
    assert "signs flipped" in of(-BLIND, 0.04)[0]
    assert "order of the jets" in of(RNG.permutation(BLIND), 0.503)[0]
    # Classes that do no better than chance are no shuffled scores.
    assert len(of(np.round(BLIND), 0.5)) == 1


def test_accidents_beside_the_teams_own_best_need_no_label():
    assert "signs flipped" in find_hints(-BLIND, best_scores=BLIND)[0]
    assert "order of the jets" in find_hints(RNG.permutation(BLIND), best_scores=BLIND)[0]
    assert find_hints(BLIND, best_scores=np.round(BLIND)) == []  # classes say nothing about order
    assert find_hints(-BLIND[:500], best_scores=BLIND[:500]) == []  # nor do a few jets
