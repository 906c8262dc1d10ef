"""A score that a team was shown, it knows for ever, whatever an instructor corrects later."""

from contextlib import suppress
from random import Random

import numpy as np
import pytest
from challenges import LABELS, Clock, file_of, ladder, new_challenge, send

from challenge.board.current import current_standings
from challenge.errors import ChallengeError, SubmissionError
from challenge.intake import history, merge, rename, submit, withdraw
from challenge.intake.receipts import Receipt
from challenge.intake.rescoring import wrong_scores
from challenge.intake.submission import cards, finish_interrupted, taggers_of
from challenge.scoring import live_card
from challenge.store import Split, audit_log, lifecycle
from challenge.store.store import Store
from course_utils.metrics import compare_auc


def scores_in(data):
    return np.frombuffer(data[-8 * len(LABELS) :])


def probe_of(challenge, data):
    """The file with a public jet in the middle moved to the top."""
    scores = scores_in(data).copy()
    public = np.flatnonzero(challenge.truth.is_public)
    scores[public[np.argsort(scores[public])[len(public) // 2]]] = 9.0
    return file_of(scores)


@pytest.fixture
def challenge(tmp_path):
    return new_challenge(tmp_path / "c", clock=Clock(), per_day=1000)


# --- the ways in which a shown score could be forgotten ------------------------------------------


def test_a_score_that_a_withdrawal_showed_is_remembered_when_it_is_undone(challenge):
    best = send(challenge, ladder(4))
    middle = send(challenge, ladder(2))
    withdraw(challenge, "us", [best.sha256])
    shown = history(challenge, "us")[1][1]
    withdraw(challenge, "us", [best.sha256], undo=True)
    assert not challenge.store.record(middle.submission).verdict.is_best
    probe = send(challenge, probe_of(challenge, ladder(2)), network="y")
    assert probe.card == shown.card
    assert "an earlier file of your cnn, whose score is shown" in probe.sentence


@pytest.mark.parametrize("into", ["a", "b"])
def test_a_score_that_one_team_was_shown_is_remembered_when_it_is_merged(challenge, into):
    send(challenge, ladder(4), team="b")
    shown = send(challenge, ladder(2), team="a")
    rename(challenge, "a", "x")
    merge(challenge, "b" if into == "a" else "a", into)
    probe = send(challenge, probe_of(challenge, ladder(2)), team=into, network="y")
    assert probe.card == shown.card


def test_what_was_shown_first_stands_for_what_a_withdrawal_shows_later(challenge):
    """Of two files alike the one with the smaller number was hidden when the other was shown."""
    best = send(challenge, ladder(4))
    send(challenge, ladder(2))
    probe = send(challenge, probe_of(challenge, ladder(2)), network="y")
    withdraw(challenge, "us", [best.sha256])
    assert history(challenge, "us")[1][1].card == probe.card


def test_a_file_that_was_interrupted_is_shown_after_what_was_scored_meanwhile(
    challenge, monkeypatch
):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Store, "settle", killed)
        with pytest.raises(KeyboardInterrupt):
            send(challenge, ladder(2))
    first = send(challenge, probe_of(challenge, ladder(2)), network="y")
    assert finish_interrupted(challenge) == []
    interrupted, later = (answer for _, answer in history(challenge, "us"))
    assert interrupted.card == later.card == first.card


def test_a_score_that_was_never_shown_stands_for_nothing_after_a_merge(challenge):
    """The second file is like the first and like the third, which are not alike."""
    noise = np.random.default_rng(1).normal(scale=0.5, size=(2, len(LABELS)))
    second, third = (
        file_of(scores_in(ladder(2)) + step * 0.3 * LABELS + noise[step - 1]) for step in (1, 2)
    )
    send(challenge, ladder(4), team="b")
    first = send(challenge, ladder(2), team="a")
    merge(challenge, "a", "b")
    assert send(challenge, second, team="b", network="x").card == first.card
    assert send(challenge, third, team="b", network="y").stand_in is None


def test_nobody_is_told_that_a_file_is_like_itself(challenge):
    for team in ("a", "b"):
        send(challenge, ladder(2), team=team)
    withdraw(challenge, "a", None)
    merge(challenge, "a", "b")
    assert send(challenge, ladder(2), team="b").stand_in is None
    withdraw(challenge, "b", None)
    again = send(challenge, probe_of(challenge, ladder(2)), team="b")
    assert again.sentence.startswith("not significantly different from an earlier file of yours")


# --- all others ----------------------------------------------------------------------------------


class Course:
    """A challenge that is corrected at random, and what its teams have been told."""

    def __init__(self, challenge, seed):
        self.challenge, self.random = challenge, Random(seed)
        files = [ladder(1), ladder(2), ladder(4)]
        noise = np.random.default_rng(seed).normal(scale=0.2, size=(3, len(LABELS)))
        files += [file_of(scores_in(each) + other) for each in files for other in noise]
        self.files = {self.card(each): each for each in files}
        assert len(self.files) == len(files)  # so a card says whose it is
        self.told = {"a": set(), "b": set()}  # whose own cards, by team

    def card(self, data):
        public, _ = cards(taggers_of(self.challenge.truth, scores_in(data)))
        labels = self.challenge.truth.labels_of(Split.PUBLIC)
        return live_card(public, int(np.count_nonzero(labels == 0)))

    def alike(self, first, second):
        public = self.challenge.truth.is_public
        both = [scores_in(self.files[each])[public] for each in (first, second)]
        compared = compare_auc(LABELS[public], *both)
        return compared.difference == 0 or compared.p_value >= 0.01

    def step(self):
        actions = [self.send] * 6 + [self.withdraw] * 3 + [self.undo] * 3
        actions += [self.all_at_once, self.all_again, self.rename, self.pick]
        with suppress(SubmissionError, ChallengeError):  # what cannot be done changes nothing
            self.random.choice(actions)(self.random.choice(list(self.told)))

    def send(self, team):
        data = self.random.choice(list(self.files.values()))
        network = self.random.choice(["cnn", "dnn"])
        again = self.random.random() < 0.5
        submit(self.challenge, data, team=team, network=network, again=again)

    def some_file(self, team):
        sent = [each.sha256 for each in self.challenge.store.of_team(team)]
        return [self.random.choice(sent or ["0" * 64])]

    def withdraw(self, team):
        withdraw(self.challenge, team, self.some_file(team))

    def undo(self, team):
        withdraw(self.challenge, team, self.some_file(team), undo=True)

    def all_at_once(self, team):
        withdraw(self.challenge, team, None)

    def all_again(self, team):
        withdraw(self.challenge, team, None, undo=True)

    def pick(self, team):
        lifecycle.pick(self.challenge, team, self.some_file(team))

    def rename(self, team):
        name = f"{team}{self.random.randrange(10)}"
        rename(self.challenge, team, name)
        self.told[name] = self.told.pop(team)

    def merge(self):
        team, into = self.random.sample(list(self.told), 2)
        with suppress(ChallengeError):
            merge(self.challenge, team, into)
            self.told[into] |= self.told.pop(team)

    def shown(self, team):
        answers = [answer for _, answer in history(self.challenge, team)]
        cards = {each.card for each in answers if isinstance(each, Receipt)}
        lines = current_standings(self.challenge).lines
        return cards | {line.card for line in lines if line.team == team}

    def look(self):
        """What the test cannot distinguish from a shown file shows no other score."""
        for team, known in self.told.items():
            if team not in self.challenge.store.team_names():
                continue
            for card in self.shown(team) - known:
                assert not any(self.alike(card, other) for other in known)
                known.add(card)


@pytest.mark.parametrize("seed", range(4))
def test_no_sequence_of_corrections_tells_two_scores_of_files_that_are_alike(challenge, seed):
    course = Course(challenge, seed)
    for number in range(40):
        if number == 25:
            course.merge()
        else:
            course.step()
        course.look()
    assert audit_log(challenge.store).faults == ()
    assert list(wrong_scores(challenge)) == []
