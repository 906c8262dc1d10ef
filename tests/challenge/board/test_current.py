"""What the board of a challenge in its folder shows."""

import numpy as np
import pytest
from contests import LABELS, NOON, Clock, ended, file_of, ladder, new_contest, send

from challenge.board.copies import look_alikes
from challenge.board.current import current_standings
from challenge.board.wording import notes
from challenge.intake.quota import DAY
from challenge.store import lifecycle


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def contest(tmp_path, clock):
    return new_contest(tmp_path / "c", clock=clock, closes=NOON + 7 * DAY)


def test_the_board_tells_the_private_split_only_after_the_reveal(contest):
    for team, data in (("a", ladder(1)), ("b", ladder(3))):
        send(contest, data, team=team)
    private = {each.team: each.verdict.private for each in contest.store.records()}
    for _ in range(2):
        live = current_standings(contest)
        assert all(line.public is None and line.diagnostics is None for line in live.lines)
        assert all(line.card != private[line.team] for line in live.lines)
        lifecycle.close(contest)
    lifecycle.reveal(contest)
    revealed = current_standings(contest)
    assert [line.card for line in revealed.lines] == [private["b"], private["a"]]
    assert all(line.diagnostics is not None for line in revealed.lines)


def test_the_rank_change_is_told_after_the_reveal(contest):
    rng = np.random.default_rng(3)
    public = contest.truth.is_public
    one, other = (rng.normal(size=len(LABELS)) for _ in range(2))
    send(contest, file_of(one + np.where(public, 3, 1) * LABELS), team="lucky")
    send(contest, file_of(other + np.where(public, 1, 3) * LABELS), team="unlucky")
    assert [line.team for line in current_standings(contest).lines] == ["lucky", "unlucky"]
    ended(contest)
    assert [(line.team, line.climbed) for line in current_standings(contest).lines] == [
        ("unlucky", 1),
        ("lucky", -1),
    ]


def test_a_pick_moves_from_the_place_where_its_network_stood(contest):
    """Its own public score would have been last, and no loss seen."""
    weak = send(contest, ladder(0))
    send(contest, ladder(4))
    send(contest, ladder(2), team="them")
    lifecycle.pick(contest, "us", [weak.sha256])
    live = [line.team for line in current_standings(contest).lines]
    ended(contest)
    first, last = current_standings(contest).lines
    assert live == ["us", "them"]
    assert [(line.team, line.climbed) for line in (first, last)] == [("them", 1), ("us", -1)]
    assert last.submission == weak.submission
    best = next(
        each for each in contest.store.records() if each.team == "us" and each.id != last.submission
    )
    assert last.public == best.verdict.public


def test_luck_on_the_private_jets_is_that_of_the_final_entries(contest):
    for step in range(4):
        send(contest, ladder(step))
    send(contest, ladder(2), team="them")
    assert current_standings(contest).look_elsewhere.tried == 5
    ended(contest)
    final = current_standings(contest)
    assert final.look_elsewhere.tried == 2
    assert any("2 final entries" in note for note in notes(final))


def test_a_copy_is_pointed_out_although_the_ladder_did_not_take_it(contest):
    send(contest, ladder(1), team="us")
    send(contest, ladder(3), team="them")
    assert not send(contest, ladder(1), team="them").is_best
    (pair,) = (
        each for each in look_alikes(contest.store.scored(), contest.scores_of) if each.identical
    )
    assert (pair.first.team, pair.second.team) == ("us", "them")


def test_a_file_is_read_once_when_it_is_handed_in(contest, monkeypatch):
    from challenge.intake import submission
    from challenge.store import challenge

    read, of_new = [], ladder(2)
    send(contest, ladder(1))
    for module in (submission, challenge):
        whole = module.read_scores
        monkeypatch.setattr(
            module, "read_scores", lambda data, n, whole=whole: read.append(data) or whole(data, n)
        )
    assert send(contest, of_new).is_best
    assert read.count(of_new) == 1
