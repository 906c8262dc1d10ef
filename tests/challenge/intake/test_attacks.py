"""What an attacker gains from what the challenge tells: as good as nothing.

Each attack is run twice where that says something: on a challenge that would tell all, to show
that the attack works, and on this one.
"""

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from challenges import Clock, file_of, ladder, new_challenge, scored_record, send

from challenge.board.copies import look_alikes
from challenge.board.current import current_standings
from challenge.board.text import FORMATS
from challenge.intake.receipts import history
from challenge.scoring.budget import live_card, live_working_points
from challenge.scoring.hints import find_hints
from challenge.scoring.ranking import ladder_accepts
from challenge.scoring.scorecard import score
from course_utils.metrics import roc_auc, roc_curve

N = 20_000
N_PROBES = 100


def secret(seed):
    return np.random.default_rng(seed).permutation(np.arange(N) % 2)


# --- random probes ---------------------------------------------------------------------------


def climbed(labels, rng, *, step, accepts):
    """AUC of an attacker who starts at random and keeps what the challenge calls better."""
    best = rng.normal(size=N)
    for _ in range(N_PROBES - 1):
        probe = best + step * rng.normal(size=N)
        if accepts(labels, probe, best):
            best = probe
    return roc_auc(labels, best).value


def a_rounded_auc_rises(labels, probe, best):
    return round(roc_auc(labels, probe).value, 4) > round(roc_auc(labels, best).value, 4)


def the_ladder(labels, probe, best):
    return ladder_accepts(labels, probe, best).accepted


@pytest.mark.parametrize("step", [0.3, 1.0, 30.0])
def test_100_random_probes_that_are_kept_when_better_do_not_climb_the_ladder(step):
    reached = [
        climbed(secret(seed), np.random.default_rng(seed), step=step, accepts=the_ladder)
        for seed in range(6)
    ]
    assert np.mean(reached) <= 0.508


def test_rounding_alone_would_let_random_probes_climb():
    reached = [
        climbed(secret(seed), np.random.default_rng(seed), step=0.3, accepts=a_rounded_auc_rises)
        for seed in range(3)
    ]
    assert np.mean(reached) > 0.512


def test_votes_of_random_probes_reach_0_53_where_every_auc_is_told():
    labels, rng = secret(1), np.random.default_rng(1)
    total = np.zeros(N)
    for _ in range(N_PROBES):
        probe = rng.normal(size=N)
        total += np.sign(round(roc_auc(labels, probe).value, 4) - 0.5) * probe
    assert roc_auc(labels, total).value > 0.525


def test_votes_by_what_the_ladder_tells_gain_nothing():
    reached = []
    for seed in range(6):
        labels, rng = secret(seed), np.random.default_rng(seed)
        best, total = rng.normal(size=N), np.zeros(N)
        for _ in range(N_PROBES):
            probe = rng.normal(size=N)
            # The only thing that a team learns: whether the probe replaced the best.
            vote = 1 if the_ladder(labels, probe, best) else -1 / N_PROBES
            best = probe if vote == 1 else best
            total += vote * probe
        reached.append(roc_auc(labels, total).value)
    assert np.mean(reached) <= 0.508


def test_a_team_that_sends_random_probes_is_told_one_card_for_all(tmp_path):
    challenge = new_challenge(tmp_path / "c", clock=Clock(), per_day=40)
    rng = np.random.default_rng(3)
    told = [send(challenge, file_of(rng.normal(size=400))) for _ in range(30)]
    n_accepted = sum(each.is_best for each in told)
    assert len({each.card for each in told}) == n_accepted <= 4


# --- the ROC attack --------------------------------------------------------------------------


def test_a_full_roc_curve_spells_out_every_label():
    labels, scores = secret(4)[:500], np.random.default_rng(4).normal(size=500)
    _, true_positive_rate, _ = roc_curve(labels, scores)
    guessed = np.empty(500, int)
    guessed[np.argsort(-scores)] = np.diff(true_positive_rate) > 0
    np.testing.assert_array_equal(guessed, labels)


def test_live_working_points_do_not_notice_two_neighbours_that_swap_their_labels():
    rng = np.random.default_rng(5)
    labels = secret(5)
    scores = rng.normal(size=N) + 2.5 * labels
    order = np.argsort(scores)
    told = (live_working_points(labels, scores), live_card(score(labels, scores), N // 2))
    different = np.flatnonzero(labels[order][1:] != labels[order][:-1])
    noticed = 0
    for place in rng.choice(different, 40, replace=False):
        swapped = labels.copy()
        swapped[order[place : place + 2]] = labels[order[place : place + 2]][::-1]
        card = live_card(score(swapped, scores), N // 2)
        noticed += (live_working_points(swapped, scores), card) != told
    assert noticed <= 2


def test_live_working_points_are_few_fixed_and_coarse():
    labels = secret(6)
    scores = np.random.default_rng(6).normal(size=N) + 2.5 * labels
    points = live_working_points(labels, scores)
    assert 10 <= len(points) <= 20
    for point in points:
        assert round(20 * point.signal_efficiency, 9) % 1 == 0
        for number in (point.rejection.value, point.rejection.low, point.rejection.high):
            assert number == float(f"{number:.2g}")


# --- single jets -----------------------------------------------------------------------------


def test_moving_one_jet_to_the_top_tells_nothing_about_it(tmp_path):
    challenge = new_challenge(tmp_path / "c", clock=Clock(), per_day=100)
    scores = np.random.default_rng(7).normal(size=400)
    first = send(challenge, file_of(scores))
    for jet in range(40):
        probe = scores.copy()
        probe[jet] = scores.max() + 1
        receipt = send(challenge, file_of(probe))
        assert not receipt.is_best
        assert (receipt.card, receipt.hints) == (first.card, ())


def test_r30_probes_tell_a_background_jet_only_where_all_is_told():
    rng = np.random.default_rng(8)
    labels = secret(8)
    scores = rng.normal(size=N) + 2.7 * labels
    background = np.argmin(scores + 100 * labels)
    changes = []
    for shift in np.linspace(0, 0.4, 12):  # as many different numbers of survivors
        base = scores - shift * labels
        probe = base.copy()
        probe[background] = base.max() + 1
        before, after = score(labels, base), score(labels, probe)
        assert after.r30.value < before.r30.value  # told in full, each probe is a label
        changes.append(live_card(before, N // 2).r30 != live_card(after, N // 2).r30)
    assert np.mean(changes) < 0.5
    assert not ladder_accepts(labels, probe, base).accepted  # and a second probe learns nothing


def told_of_moved_jets(folder, label):
    """What a team learns live of one file under five names, in four a jet of a class at the top."""
    challenge = new_challenge(folder, clock=Clock())
    public, labels = challenge.truth.is_public, challenge.truth.labels
    scores = np.random.default_rng(7).normal(size=400) + labels
    middle = public & (labels == label) & (np.abs(scores - np.median(scores[public])) < 0.3)
    base = send(challenge, file_of(scores), network="n0")
    receipts = []
    for number, jet in enumerate(np.flatnonzero(middle)[:4], start=1):
        probe = scores.copy()
        probe[jet] = scores.max() + 1
        receipts.append(send(challenge, file_of(probe), network=f"n{number}"))
    assert len(receipts) == 4
    assert {each.card for each in receipts} == {base.card}
    told = [(each.sentence, each.hints) for each in receipts]
    told += [receipt.sentence for _, receipt in history(challenge, "us")]
    shown = current_standings(challenge)
    assert [line.network for line in shown.lines] == ["n0", "n1", "n2", "n3", "n4"]
    assert {line.group for line in shown.lines} == {1}
    return told, [draw(replace(shown, challenge="c")) for draw in FORMATS.values()]


def test_one_jet_moved_in_each_network_of_a_team_tells_nothing_about_any(tmp_path):
    signal, background = (told_of_moved_jets(tmp_path / f"c{label}", label) for label in (1, 0))
    assert signal == background


def test_a_network_of_a_team_that_is_significantly_different_is_told_its_own_score(tmp_path):
    challenge = new_challenge(tmp_path / "c", clock=Clock())
    first, other = (send(challenge, ladder(step), network=f"n{step}") for step in (0, 3))
    assert other.card.auc.value > first.card.auc.value
    assert other.stand_in is None
    assert [line.network for line in current_standings(challenge).lines] == ["n3", "n0"]
    near = send(challenge, ladder(0)[:-8] + ladder(1)[-8:], network="near")
    assert near.card == first.card
    assert "not significantly different from an earlier file of your n0" in near.sentence


def test_a_step_up_of_a_second_network_is_no_way_around_the_first(tmp_path):
    challenge = new_challenge(tmp_path / "c", clock=Clock())
    scores = np.load(BytesIO(ladder(3)))
    first = send(challenge, ladder(3), network="n0")
    send(challenge, ladder(0), network="n1")
    probe = scores.copy()
    public = np.flatnonzero(challenge.truth.is_public)
    probe[public[np.argsort(scores[public])[100]]] = scores.max() + 1
    step = send(challenge, file_of(probe), network="n1")
    assert step.is_best
    assert step.card == first.card
    assert [line.network for line in current_standings(challenge).lines] == ["n0", "n1"]


def test_a_live_board_tells_nothing_of_a_file_the_ladder_did_not_take(tmp_path):
    boards = []
    for name, unaccepted in (("a", ladder(0)), ("b", ladder(2))):
        challenge = new_challenge(tmp_path / name, clock=Clock())
        send(challenge, ladder(3))
        assert not send(challenge, unaccepted).is_best
        boards.append(
            [
                draw(replace(current_standings(challenge), challenge="c"))
                for draw in FORMATS.values()
            ]
        )
    assert boards[0] == boards[1]


# --- hints -----------------------------------------------------------------------------------


def test_hints_about_an_unaccepted_file_come_from_its_scores_alone():
    rng = np.random.default_rng(9)
    best, scores = rng.normal(size=(2, N))
    assert find_hints(scores, best_scores=best)[0].startswith("These scores have nothing in common")
    (sentence,) = find_hints(-best, best_scores=best)
    assert "signs flipped" in sentence


# --- sock puppets ----------------------------------------------------------------------------


def entry(number, team, sha256):
    card = score([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4])
    return scored_record(number, team, sha256, sha256, card)


def test_identical_and_disguised_files_of_two_teams_are_flagged_and_honest_ones_are_not():
    rng = np.random.default_rng(10)
    common = rng.normal(size=N) + 2.5 * secret(10)
    files = {
        "a": common,
        "disguised": np.exp(-common + 1e-3 * rng.normal(size=N)),
        "same architecture": common + 0.25 * rng.normal(size=N),
        "constant": np.zeros(N),
    }
    entries = [
        entry(1, "alpha", "a"),
        entry(2, "beta", "a"),
        entry(3, "gamma", "disguised"),
        entry(4, "delta", "same architecture"),
        entry(5, "alpha", "disguised"),
        entry(6, "delta", "constant"),
    ]
    found = look_alikes(entries, files.__getitem__)
    pairs = {(each.first.id, each.second.id): each for each in found}
    assert set(pairs) == {(1, 2), (1, 3), (2, 3), (2, 5), (3, 5)}
    assert pairs[1, 2].identical
    assert pairs[3, 5].identical
    assert not pairs[1, 3].identical
    assert pairs[1, 3].correlation > 0.999
    assert found[0].identical


def test_published_taggers_of_the_same_jets_are_no_look_alikes(published_taggers):
    names = ("ParticleNet", "ResNeXt50", "P-CNN", "TopoDNN", "mass+nsub")
    entries = [entry(number, name, name) for number, name in enumerate(names)]
    assert look_alikes(entries, published_taggers.__getitem__) == []
    nearest = look_alikes(entries, published_taggers.__getitem__, threshold=0.9)
    assert 0.9 < nearest[0].correlation < 0.99


def test_without_entries_nobody_looks_like_anybody():
    assert look_alikes([], {}.__getitem__) == []
