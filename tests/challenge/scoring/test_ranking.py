"""What differences on the board mean: comparisons, tied groups, the Ladder, look-elsewhere."""

import hashlib
import stat

import numpy as np
import pytest
from challenges import content, new_challenge, send
from scipy import stats

from challenge.board.current import current_standings
from challenge.scoring import comparisons, ranking
from course_utils.metrics import compare_auc, ordered, roc_auc

RNG = np.random.default_rng(20260501)
N = 3000
LABELS = RNG.integers(0, 2, N)
COMMON = RNG.normal(size=N) + 1.5 * LABELS


def key(number):
    return hashlib.sha256(str(number).encode()).hexdigest()


SCORES = {
    key(number): (COMMON + noise * np.random.default_rng(number).normal(size=N)).round(2)
    for number, noise in enumerate((0.0, 0.1, 0.1, 0.5, 0.5, 2.0))
}
KEYS = sorted(SCORES, key=lambda each: -roc_auc(LABELS, SCORES[each]).value)


def covariances(cache, keys=KEYS, scores=SCORES):
    return comparisons.covariances(LABELS, keys, scores.__getitem__, cache=cache)


# --- comparisons -----------------------------------------------------------------------------


def test_the_covariance_of_two_entries_gives_delongs_paired_error(tmp_path):
    matrix = covariances(tmp_path / "cache")
    for a, row in enumerate(KEYS):
        assert np.sqrt(matrix[a, a]) == pytest.approx(roc_auc(LABELS, SCORES[row]).error, rel=1e-5)
        for b, column in enumerate(KEYS[:a]):
            paired = np.sqrt(matrix[a, a] + matrix[b, b] - 2 * matrix[a, b])
            expected = compare_auc(LABELS, SCORES[row], SCORES[column]).error
            assert paired == pytest.approx(expected, rel=1e-4)


def test_a_board_that_has_not_changed_reads_no_submission(tmp_path):
    first = covariances(tmp_path / "cache")
    np.testing.assert_array_equal(covariances(tmp_path / "cache", scores={}), first)
    turned = covariances(tmp_path / "cache", KEYS[::-1], scores={})
    np.testing.assert_array_equal(turned, first[::-1, ::-1])


def test_a_new_entry_reads_only_its_own_scores_and_gets_the_same_row(tmp_path):
    covariances(tmp_path / "cache", KEYS[:-1])
    grown = covariances(tmp_path / "cache", scores={KEYS[-1]: SCORES[KEYS[-1]]})
    np.testing.assert_allclose(grown, covariances(tmp_path / "fresh", KEYS), rtol=1e-12)


def test_placements_remembered_when_scoring_are_not_computed_again(tmp_path):
    for each, scores in SCORES.items():
        comparisons.remember(ordered(LABELS, scores), each, cache=tmp_path / "cache")
    np.testing.assert_allclose(
        covariances(tmp_path / "cache", scores={}), covariances(tmp_path / "again")
    )


def test_the_same_file_twice_on_the_board_is_compared_with_itself(tmp_path):
    matrix = covariances(tmp_path / "cache", [KEYS[0], KEYS[0], KEYS[1]])
    assert matrix[0, 0] == matrix[0, 1] == matrix[1, 1]
    areas = [roc_auc(LABELS, SCORES[each]).value for each in (KEYS[0], KEYS[0], KEYS[1])]
    assert ranking.tied_groups(areas, matrix)[:2].tolist() == [1, 1]


@pytest.mark.parametrize("damage", ["matrix cut", "matrix changed", "placements cut", "all gone"])
def test_a_damaged_cache_is_made_again(tmp_path, damage):
    expected = covariances(tmp_path / "cache")
    (folder,) = (tmp_path / "cache").iterdir()
    matrix = folder / "covariances"
    if damage == "matrix cut":
        matrix.write_bytes(matrix.read_bytes()[:-8])
    elif damage == "matrix changed":
        matrix.write_bytes(matrix.read_bytes()[:-1] + b"\1")
    else:
        matrix.unlink()
        for each in folder.iterdir():
            each.write_bytes(b"") if damage == "placements cut" else each.unlink()
    np.testing.assert_array_equal(covariances(tmp_path / "cache"), expected)


def test_the_error_of_a_difference_is_kept_and_made_again_when_it_is_damaged(tmp_path):
    pair, cache = (KEYS[0], KEYS[1]), tmp_path / "cache"
    error = comparisons.error_of_difference(LABELS, pair, SCORES.__getitem__, cache=cache)
    expected = compare_auc(LABELS, SCORES[KEYS[0]], SCORES[KEYS[1]]).error
    assert error == pytest.approx(expected, rel=1e-4)
    for key in pair:
        next(cache.rglob(key)).unlink()  # what it was computed from
    again = comparisons.error_of_difference(LABELS, pair[::-1], {}.__getitem__, cache=cache)
    assert again == error
    (note,) = cache.rglob("*-*")
    note.write_bytes(note.read_bytes()[:-1] + b"\1")
    mended = comparisons.error_of_difference(LABELS, pair, SCORES.__getitem__, cache=cache)
    assert mended == error


def test_other_labels_never_meet_these_covariances(tmp_path):
    first = covariances(tmp_path / "cache")
    other = np.roll(LABELS, 1)
    matrix = comparisons.covariances(other, KEYS, SCORES.__getitem__, cache=tmp_path / "cache")
    assert not np.allclose(matrix, first)


def test_nobody_else_can_read_the_cache(tmp_path):
    covariances(tmp_path / "cache")
    paths = [tmp_path / "cache", *(tmp_path / "cache").rglob("*")]
    assert len(paths) == 3 + len(KEYS)
    assert not any(stat.S_IMODE(path.stat().st_mode) & 0o077 for path in paths)


def test_what_was_remembered_at_scoring_is_all_a_board_needs(tmp_path, monkeypatch):
    challenge = new_challenge(tmp_path / "c")
    for team in ("us", "them"):
        send(challenge, content(seed=len(team)), team=team)

    def computed_again(*_args):
        raise AssertionError("the board computes placements that scoring had at hand")

    monkeypatch.setattr("challenge.scoring.comparisons._remember", computed_again)
    assert len(current_standings(challenge).lines) == 2


def test_a_submission_is_safe_where_the_cache_has_no_room(tmp_path, monkeypatch):
    def disk_full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("challenge.intake.submission.remember", disk_full)
    challenge = new_challenge(tmp_path / "c")
    assert send(challenge, content()).is_best
    assert len(current_standings(challenge).lines) == 1


# --- tied groups -----------------------------------------------------------------------------


def test_entries_that_the_jets_cannot_tell_apart_share_a_group():
    far_apart = ranking.tied_groups([0.95, 0.90, 0.85], np.eye(3) * 1e-6)
    assert far_apart.tolist() == [1, 2, 3]
    assert ranking.tied_groups([0.95, 0.9499, 0.9498], np.eye(3) * 1e-6).tolist() == [1, 1, 1]


def test_entries_that_order_the_jets_alike_are_tied_without_a_division_by_zero():
    assert ranking.tied_groups([0.9, 0.9], np.full((2, 2), 1e-6)).tolist() == [1, 1]
    # A difference without any error is none of luck.
    assert ranking.tied_groups([0.9, 0.8], np.zeros((2, 2))).tolist() == [1, 2]


def test_a_common_error_does_not_tie_what_pairing_tells_apart():
    areas, variance = [0.95, 0.945], 1e-4
    correlated = variance * np.array([[1, 0.99], [0.99, 1]])
    assert ranking.tied_groups(areas, np.eye(2) * variance).tolist() == [1, 1]
    assert ranking.tied_groups(areas, correlated).tolist() == [1, 2]


def test_holm_asks_more_of_an_entry_that_is_compared_with_more():
    # 2.2 standard deviations: p = 0.028 alone, not enough as the largest of three times three.
    step = 2.2 * np.sqrt(2) * 1e-3
    assert ranking.tied_groups([0.9, 0.9 - step], np.eye(2) * 1e-6).tolist() == [1, 2]
    crowd = [0.9, 0.9 - 1e-9, 0.9 - 2e-9, 0.9 - step]
    assert ranking.tied_groups(crowd, np.eye(4) * 1e-6).tolist() == [1, 1, 1, 1]


def test_holms_p_values_are_those_written_out_by_hand():
    np.testing.assert_allclose(
        ranking._holm(np.array([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02]
    )


def test_groups_follow_each_other_down_the_board(tmp_path):
    areas = [roc_auc(LABELS, SCORES[each]).value for each in KEYS]
    groups = ranking.tied_groups(areas, covariances(tmp_path / "cache"))
    assert groups[0] == 1
    assert set(np.diff(groups)) <= {0, 1}
    assert groups[-1] > 1


def test_published_taggers_are_told_apart_by_20_000_jets_and_not_by_500(
    published_taggers, tmp_path
):
    names = ("ParticleNet", "ResNeXt50", "P-CNN", "TopoDNN", "mass+nsub")
    keys = {hashlib.sha256(name.encode()).hexdigest(): name for name in names}

    def groups(jets):
        labels = published_taggers["label"][jets]
        scores = {key: published_taggers[name][jets] for key, name in keys.items()}
        order = sorted(keys, key=lambda each: -roc_auc(labels, scores[each]).value)
        matrix = comparisons.covariances(labels, order, scores.__getitem__, cache=tmp_path / "c")
        areas = [roc_auc(labels, scores[each]).value for each in order]
        return [keys[each] for each in order], ranking.tied_groups(areas, matrix).tolist()

    assert groups(slice(None)) == (list(names), [1, 2, 3, 4, 5])
    _, few = groups(slice(500))
    assert few[2] == 1


def test_auc_orders_two_close_taggers_more_surely_than_r30(published_taggers):
    rng = np.random.default_rng(9)
    label = published_taggers["label"]
    by_auc = by_r30 = 0
    for _ in range(60):
        draw = rng.integers(0, len(label), len(label))
        best, second = (
            ordered(label[draw], published_taggers[name][draw])
            for name in ("ParticleNet", "ResNeXt50")
        )
        by_auc += best.auc().value > second.auc().value
        by_r30 += best.rejection(0.3).value > second.rejection(0.3).value
    assert by_auc == 60
    assert 6 < by_r30 < 54  # a toss of a coin, or nearly


def test_equally_good_taggers_are_falsely_parted_in_about_five_of_a_hundred_boards():
    rng = np.random.default_rng(5)
    parted = 0
    for _ in range(400):
        areas = np.sort(rng.normal(0.9, 1e-3, 2))[::-1]
        parted += ranking.tied_groups(areas, np.eye(2) * 1e-6)[-1] > 1
    assert stats.binomtest(parted, 400, 0.05).pvalue > 1e-3


# --- the Ladder ------------------------------------------------------------------------------


def test_the_first_submission_of_a_network_is_its_best():
    decision = ranking.ladder_accepts(LABELS, COMMON, None)
    assert decision.accepted
    assert decision.compared is None


def test_a_significant_gain_is_a_new_best_and_luck_is_not():
    worse = SCORES[KEYS[-1]]
    assert ranking.ladder_accepts(LABELS, COMMON, worse).accepted
    for other in (worse, 2 * COMMON + 1):
        decision = ranking.ladder_accepts(LABELS, other, COMMON)
        assert not decision.accepted


def test_the_ladder_asks_for_99_percent():
    rng = np.random.default_rng(7)
    gains = []
    while len(gains) < 60:
        probe = COMMON + 0.02 * LABELS + 0.1 * rng.normal(size=N)
        decision = ranking.ladder_accepts(LABELS, probe, COMMON)
        if decision.compared.difference > 0:
            gains.append(decision)
    assert {each.accepted for each in gains} == {True, False}
    for each in gains:
        assert each.accepted == (each.compared.p_value < 0.01)
    assert not ranking.ladder_accepts(LABELS, COMMON, COMMON, confidence=0.0).accepted


def test_a_clearly_worse_submission_is_no_new_best_however_significant():
    decision = ranking.ladder_accepts(LABELS, -COMMON, COMMON)
    assert decision.compared.p_value < 1e-6
    assert not decision.accepted


# --- look-elsewhere --------------------------------------------------------------------------


@pytest.mark.parametrize("n_tried", [2, 10, 300])
def test_the_best_of_many_gains_what_toys_gain(n_tried):
    toys = np.random.default_rng(6).normal(size=(4000, n_tried)).max(axis=1)
    assert ranking.best_of_n_gain(n_tried, 0.001) == pytest.approx(0.001 * toys.mean(), rel=0.05)


def test_one_try_gains_nothing():
    assert ranking.best_of_n_gain(1, 0.001) == 0
    assert ranking.best_of_n_gain(0, 0.001) == 0
