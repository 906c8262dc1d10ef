"""Nothing is lost and nothing doubled, whatever is killed and whoever comes at once."""

import os
import signal
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from io import BytesIO

import numpy as np
import pytest
from challenges import LABELS, N, content, file_of, ladder, new_challenge, send

from challenge.cli import main
from challenge.errors import ChallengeError, SubmissionError
from challenge.intake import submission as intake
from challenge.intake.reception import Arrival, receive
from challenge.intake.rescoring import wrong_scores
from challenge.scoring.budget import live_card
from challenge.scoring.scorecard import score
from challenge.store.audit import audit_log
from challenge.store.challenge import Challenge
from challenge.store.database import DATABASE, MARKER
from challenge.store.records import State
from challenge.store.store import SUBMISSIONS, Store


@pytest.fixture
def challenge(tmp_path):
    return new_challenge(tmp_path / "c")


class Killed(BaseException):
    """Stands for the end of the process."""


def killed(*_args, **_kwargs):
    raise Killed


def assert_whole(challenge):
    """Stored values are those of the files, and the log knows every submission."""
    assert list(wrong_scores(challenge)) == []
    assert audit_log(challenge.store).faults == ()


# --- the ordinary way ------------------------------------------------------------------------


def test_a_submission_is_scored_on_both_splits_and_stored_to_the_last_bit(challenge):
    data = content()
    before = datetime.now(UTC)
    receipt = send(challenge, data)
    scores, public = np.load(BytesIO(data)), challenge.truth.is_public
    assert 0 < public.sum() < N
    (record,) = Store(challenge.folder).records()
    assert record.verdict.public == score(LABELS[public], scores[public])
    assert receipt.card == live_card(record.verdict.public, np.count_nonzero(LABELS[public] == 0))
    assert record.verdict.private == score(LABELS[~public], scores[~public])
    assert challenge.store.content(receipt.sha256) == data
    assert receipt.received_at.utcoffset() == timedelta(0)
    assert timedelta(0) <= receipt.received_at - before < timedelta(minutes=10)


def test_the_same_file_again_returns_its_stored_result(challenge, monkeypatch):
    first = send(challenge, content())
    monkeypatch.setattr(intake, "card_of", killed)  # it must not be scored again
    assert send(challenge, content()) == first
    assert send(challenge, content(), team="US", network="Cnn") == first
    assert len(challenge.store.records()) == 1


def test_the_same_file_is_one_entry_for_each_network_and_team(challenge):
    receipts = [
        send(challenge, content(), team=team, network=network)
        for team in ("us", "them")
        for network in ("cnn", "dnn")
    ]
    shown = [(each.team, each.network) for each in challenge.store.scored()]
    assert shown == [(each.team, each.network) for each in receipts]
    assert len(set(shown)) == 4
    assert len({each.sha256 for each in receipts}) == 1


def test_names_keep_the_form_of_their_first_use(challenge):
    send(challenge, content(1), team="Top Quarks", network="CNN")
    second = send(challenge, content(2), team="top quarks", network="cnn")
    assert (second.team, second.network) == ("Top Quarks", "CNN")


def test_a_refused_file_is_kept_with_its_reason_and_is_no_entry(challenge):
    data = file_of(np.zeros(N, dtype=int))
    for _ in range(2):
        with pytest.raises(SubmissionError, match="float32") as refused:
            send(challenge, data)
        assert refused.value.reason == "dtype"
    (record,) = challenge.store.records()
    assert record.state is State.REJECTED
    assert challenge.store.content(record.sha256) == data
    assert challenge.store.scored() == []
    assert challenge.store.unsettled() == []


@pytest.mark.parametrize("team", ["baseline", "Baseline", " BASELINE ", "ｂaseline"])
def test_no_team_takes_the_name_of_the_baselines(challenge, team):
    with pytest.raises(SubmissionError, match="reserved") as refused:
        send(challenge, content(), team=team)
    assert refused.value.reason == "team-name"


def test_the_folder_and_all_that_is_secret_in_it_are_for_this_account_only(challenge):
    receipt = send(challenge, content())
    folder = challenge.folder
    database = DATABASE if (folder / DATABASE).exists() else MARKER
    expected = {
        "": 0o700,
        SUBMISSIONS: 0o700,
        database: 0o600,
        "labels.npz": 0o600,
        f"{SUBMISSIONS}/{receipt.sha256}.npy": 0o600,
    }
    modes = {name: stat.S_IMODE((folder / name).stat().st_mode) for name in expected}
    assert modes == expected


def test_a_file_that_changed_on_disk_is_noticed(challenge):
    sha256 = challenge.store.keep(content())
    (challenge.folder / SUBMISSIONS / f"{sha256}.npy").write_bytes(content(1))
    with pytest.raises(ChallengeError, match="has changed"):
        challenge.store.content(sha256)


def test_a_store_without_its_database_is_not_silently_emptied(tmp_path):
    (tmp_path / "labels.npz").touch()  # else it could be a student's copy
    with pytest.raises(ChallengeError, match="put back a copy"):
        Store(tmp_path)
    assert not (tmp_path / DATABASE).exists()


# --- the Ladder --------------------------------------------------------------------------------


def test_a_significantly_better_file_is_the_new_best_and_shows_its_own_score(challenge):
    first, better = send(challenge, ladder(0)), send(challenge, ladder(2))
    assert first.is_first
    assert better.is_best
    assert not better.is_first
    assert better.card.auc.value > first.card.auc.value
    assert "significantly better than your best (at 99 %)" in better.sentence


def test_a_file_that_is_not_significantly_better_is_told_nothing_of_its_own_score(challenge):
    first = send(challenge, ladder(2))
    told = [send(challenge, data) for data in (ladder(0), content(101, 1.8))]
    assert not any(each.is_best for each in told)
    assert {each.card for each in told} == {first.card}
    assert len({each.sentence for each in told}) == 1


def test_the_answer_to_a_file_stays_the_same_when_a_better_one_has_come(challenge):
    send(challenge, ladder(1))
    told = send(challenge, ladder(0))
    send(challenge, ladder(4))
    assert send(challenge, ladder(0)).card == told.card


def test_each_network_has_a_ladder_of_its_own(challenge):
    send(challenge, ladder(4), network="cnn")
    assert send(challenge, ladder(1), network="dnn").is_first


def test_the_private_split_has_no_part_in_the_ladder(challenge):
    # Perfect on the private jets, as the first one on the public ones.
    first = np.load(BytesIO(ladder(1)))
    cheat = np.where(challenge.truth.is_private, 10.0 * LABELS, first)
    send(challenge, file_of(first))
    assert not send(challenge, file_of(cheat)).is_best


# --- kills -----------------------------------------------------------------------------------

STEPS = {
    "before the file is written": "challenge.store.store.write_file",
    "before the file is renamed": "pathlib.Path.replace",
    "between file and row": "challenge.intake.submission.receive",
    "while the row is written": "challenge.intake.reception._network",
    "before the row is logged": "challenge.store.ledger.append",
    "between row and score": "challenge.intake.submission.cards",
    "in the comparison with the best": "challenge.intake.submission.is_step",
    "between scoring and noting": "challenge.store.store.Store.settle",
    "while the score is written": "challenge.store.store.note_verdict",
    "before the score is logged": "challenge.store.store.scored_detail",
    "before the board's cache": "challenge.intake.submission.remember",
    "before the answer": "challenge.intake.submission.receipt_of",
}
DONE = {"before the board's cache", "before the answer"}


@pytest.mark.parametrize("step", STEPS)
def test_a_submission_interrupted_at_any_step_is_finished_by_sending_it_again(
    challenge, monkeypatch, step
):
    before = send(challenge, ladder(0))
    with monkeypatch.context() as patch:
        patch.setattr(STEPS[step], killed)
        with pytest.raises(Killed):
            send(challenge, ladder(2))
    again = Challenge.open(challenge.folder)
    assert len(again.store.scored()) == (2 if step in DONE else 1)
    receipt = send(again, ladder(2))
    assert [each.id for each in again.store.scored()] == [before.submission, receipt.submission]
    assert receipt.is_best
    assert receipt.quota.used == 2
    assert again.store.unsettled() == []
    assert_whole(again)


def test_a_received_submission_is_scored_by_whoever_comes_next(challenge, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(intake, "cards", killed)
        for data in (ladder(0), ladder(2)):
            with pytest.raises(Killed):
                send(challenge, data)
    assert len(challenge.store.unsettled()) == 2
    assert intake.finish_interrupted(challenge) == []
    assert challenge.store.unsettled() == []
    assert [each.verdict.is_best for each in challenge.store.scored()] == [True, True]
    assert_whole(challenge)


def test_a_received_submission_whose_file_is_gone_waits_and_stops_nobody(challenge, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(intake, "cards", killed)
        with pytest.raises(Killed):
            send(challenge, content())
    (file,) = (challenge.folder / SUBMISSIONS).iterdir()
    file.unlink()
    (complaint,) = intake.finish_interrupted(challenge)
    assert "waits for its file" in complaint
    send(challenge, content(1))
    assert len(challenge.store.scored()) == 1
    send(challenge, content())  # brings the file back
    assert len(challenge.store.scored()) == 2
    assert intake.finish_interrupted(challenge) == []
    assert_whole(challenge)


def test_a_file_received_under_milder_rules_of_reading_is_refused_when_it_is_scored(challenge):
    data = file_of(np.full(N, np.nan))
    arrival = Arrival("us", "cnn", challenge.store.keep(data))
    number = receive(challenge, arrival)
    assert intake.finish_interrupted(challenge) == []
    record = challenge.store.record(number)
    assert (record.state, record.reason) == (State.REJECTED, "not-finite")
    assert_whole(challenge)


DIE = """
import os, pkgutil, signal, sys
from challenge.cli import run as cli
owner, name = {target!r}.rsplit(".", 1)
setattr(pkgutil.resolve_name(owner), name, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
cli.main(sys.argv[1:])
"""


@pytest.mark.parametrize("step", STEPS)
def test_a_real_sigkill_loses_and_doubles_nothing(challenge, tmp_path, step):
    (tmp_path / "cnn.npy").write_bytes(content())
    folder, file = str(challenge.folder), str(tmp_path / "cnn.npy")
    command = ["score", folder, file, "--team", "us", "--new-team"]
    died = subprocess.run(
        [sys.executable, "-c", DIE.format(target=STEPS[step]), *command],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        timeout=120,
    )
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()
    assert main(command) == 0
    (entry,) = challenge.store.scored()
    assert challenge.store.unsettled() == []
    kept = {each.name for each in (challenge.folder / SUBMISSIONS).glob("*.npy")}
    assert kept == {f"{entry.sha256}.npy"}
    assert_whole(challenge)


# --- many at once ----------------------------------------------------------------------------


def test_many_writers_at_once_lose_and_double_nothing(challenge):
    def one(number):
        # Four different files, each sent four times, by stores of their own.
        own = Challenge.open(challenge.folder)
        return send(own, content(number % 4), network=f"net {number % 4}")

    with ThreadPoolExecutor(8) as pool:
        receipts = list(pool.map(one, range(16)))
    assert len(challenge.store.scored()) == 4
    assert {each.submission for each in receipts} == {each.id for each in challenge.store.scored()}
    assert_whole(challenge)


def test_two_that_score_the_same_row_note_one_result(challenge):
    receipt = send(challenge, content())
    verdict = challenge.store.record(receipt.submission).verdict
    assert challenge.store.settle(receipt.submission, SubmissionError("late", "Too late."))
    assert challenge.store.record(receipt.submission).verdict == verdict


def test_a_verdict_on_a_best_that_is_no_more_is_judged_anew(challenge, monkeypatch):
    send(challenge, ladder(0))
    judged = []

    def while_judging(*args):
        judged.append(args)
        if len(judged) == 1:  # another file of the network is scored meanwhile
            send(Challenge.open(challenge.folder), ladder(4))
        return is_step(*args)

    is_step = intake.is_step
    monkeypatch.setattr(intake, "is_step", while_judging)
    receipt = send(challenge, ladder(2))
    assert not receipt.is_best  # better than the best it began with, worse than the one it met
    assert challenge.store.record(receipt.submission).verdict.compared_with == 3
    assert_whole(challenge)
