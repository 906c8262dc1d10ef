"""What the board of a challenge in its folder shows."""

import numpy as np
import pytest
from challenges import LABELS, NOON, Clock, ended, file_of, ladder, new_challenge, send

from challenge.board.copies import look_alikes
from challenge.board.current import current_standings
from challenge.board.wording import notes
from challenge.intake.quota import DAY
from challenge.store import lifecycle


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def challenge(tmp_path, clock):
    return new_challenge(tmp_path / "c", clock=clock, closes=NOON + 7 * DAY)


def test_the_board_tells_the_private_split_only_after_the_reveal(challenge):
    for team, data in (("a", ladder(1)), ("b", ladder(3))):
        send(challenge, data, team=team)
    private = {each.team: each.verdict.private for each in challenge.store.records()}
    for _ in range(2):
        live = current_standings(challenge)
        assert all(line.public is None and line.diagnostics is None for line in live.lines)
        assert all(line.card != private[line.team] for line in live.lines)
        lifecycle.close(challenge)
    lifecycle.reveal(challenge)
    revealed = current_standings(challenge)
    assert [line.card for line in revealed.lines] == [private["b"], private["a"]]
    assert all(line.diagnostics is not None for line in revealed.lines)


def test_the_rank_change_is_told_after_the_reveal(challenge):
    rng = np.random.default_rng(3)
    public = challenge.truth.is_public
    one, other = (rng.normal(size=len(LABELS)) for _ in range(2))
    send(challenge, file_of(one + np.where(public, 3, 1) * LABELS), team="lucky")
    send(challenge, file_of(other + np.where(public, 1, 3) * LABELS), team="unlucky")
    assert [line.team for line in current_standings(challenge).lines] == ["lucky", "unlucky"]
    ended(challenge)
    assert [(line.team, line.climbed) for line in current_standings(challenge).lines] == [
        ("unlucky", 1),
        ("lucky", -1),
    ]


def test_a_pick_moves_from_the_place_where_its_network_stood(challenge):
    """Its own public score would have been last, and no loss seen."""
    weak = send(challenge, ladder(0))
    send(challenge, ladder(4))
    send(challenge, ladder(2), team="them")
    lifecycle.pick(challenge, "us", [weak.sha256])
    live = [line.team for line in current_standings(challenge).lines]
    ended(challenge)
    first, last = current_standings(challenge).lines
    assert live == ["us", "them"]
    assert [(line.team, line.climbed) for line in (first, last)] == [("them", 1), ("us", -1)]
    assert last.submission == weak.submission
    best = next(
        each
        for each in challenge.store.records()
        if each.team == "us" and each.id != last.submission
    )
    assert last.public == best.verdict.public


def test_luck_on_the_private_jets_is_that_of_the_final_entries(challenge):
    for step in range(4):
        send(challenge, ladder(step))
    send(challenge, ladder(2), team="them")
    assert current_standings(challenge).look_elsewhere.tried == 5
    ended(challenge)
    final = current_standings(challenge)
    assert final.look_elsewhere.tried == 2
    assert any("2 final entries" in note for note in notes(final))


def test_a_copy_is_pointed_out_although_the_ladder_did_not_take_it(challenge):
    send(challenge, ladder(1), team="us")
    send(challenge, ladder(3), team="them")
    assert not send(challenge, ladder(1), team="them").is_best
    (pair,) = (
        each
        for each in look_alikes(challenge.store.scored(), challenge.scores_of)
        if each.identical
    )
    assert (pair.first.team, pair.second.team) == ("us", "them")


def test_a_file_is_read_once_when_it_is_handed_in(challenge, monkeypatch):
    from challenge.intake import submission
    from challenge.store import challenge as opened

    read, of_new = [], ladder(2)
    send(challenge, ladder(1))
    for module in (submission, opened):
        whole = module.read_scores
        monkeypatch.setattr(
            module, "read_scores", lambda data, n, whole=whole: read.append(data) or whole(data, n)
        )
    assert send(challenge, of_new).is_best
    assert read.count(of_new) == 1
