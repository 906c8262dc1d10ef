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

from challenge import intake
from challenge.cli import main
from challenge.folder import ChallengeError
from challenge.scoring import score
from challenge.store import DATABASE, SUBMISSIONS, Store
from challenge.submission import SubmissionError

N = 400
LABELS = np.arange(N, dtype=np.int8) % 2


def content(seed=0, values=None) -> bytes:
    scores = np.random.default_rng(seed).normal(size=N) + LABELS if values is None else values
    file = BytesIO()
    np.save(file, scores)
    return file.getvalue()


@pytest.fixture
def store(tmp_path):
    return Store.create(tmp_path)


def send(store, data, *, team="us", network="cnn"):
    return intake.submit(store, LABELS, data, team=team, network=network)


class Killed(BaseException):
    """Stands for the end of the process."""


def killed(*_args, **_kwargs):
    raise Killed


# --- the ordinary way ------------------------------------------------------------------------


def test_a_submission_is_scored_and_stored_to_the_last_bit(store, tmp_path):
    data = content()
    before = datetime.now(UTC)
    entry = send(store, data)
    assert entry.card == score(LABELS, np.load(BytesIO(data)))
    assert Store(tmp_path).entries() == [entry]
    assert store.content(entry.sha256) == data
    assert entry.received_at.utcoffset() == timedelta(0)
    assert timedelta(0) <= entry.received_at - before < timedelta(minutes=10)


def test_the_same_file_again_returns_its_stored_result(store, monkeypatch):
    first = send(store, content())
    monkeypatch.setattr(intake, "score", killed)  # it must not be scored again
    assert send(store, content()) == first
    assert send(store, content(), team="US", network="Cnn") == first
    assert len(store.entries()) == 1


def test_the_same_file_is_one_entry_for_each_network_and_team(store):
    entries = [
        send(store, content(), team=team, network=network)
        for team in ("us", "them")
        for network in ("cnn", "dnn")
    ]
    assert store.entries() == entries
    assert {(each.team, each.network) for each in entries} == {
        ("us", "cnn"),
        ("us", "dnn"),
        ("them", "cnn"),
        ("them", "dnn"),
    }
    assert len({each.sha256 for each in entries}) == 1


def test_names_keep_the_form_of_their_first_use(store):
    send(store, content(1), team="Top Quarks", network="CNN")
    second = send(store, content(2), team="top quarks", network="cnn")
    assert (second.team, second.network) == ("Top Quarks", "CNN")


def test_a_refused_file_is_kept_with_its_reason_and_is_no_entry(store):
    for _ in range(2):
        with pytest.raises(SubmissionError, match="float32") as refused:
            send(store, content(values=np.zeros(N, dtype=int)))
        assert refused.value.reason == "dtype"
    assert store.entries() == []
    assert store.unsettled() == []


@pytest.mark.parametrize("team", ["baseline", "Baseline", " BASELINE ", "ｂaseline"])
def test_no_team_takes_the_name_of_the_baselines(store, team):
    with pytest.raises(SubmissionError, match="reserved") as refused:
        send(store, content(), team=team)
    assert refused.value.reason == "team-name"


def test_files_and_database_are_for_this_account_only(store, tmp_path):
    send(store, content())
    modes = {
        path.relative_to(tmp_path).parts[0]: stat.S_IMODE(path.stat().st_mode)
        for path in (tmp_path / SUBMISSIONS, tmp_path / DATABASE)
    }
    assert modes == {SUBMISSIONS: 0o700, DATABASE: 0o600}
    (file,) = (tmp_path / SUBMISSIONS).iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_file_that_changed_on_disk_is_noticed(store, tmp_path):
    sha256 = store.keep(content())
    (tmp_path / SUBMISSIONS / f"{sha256}.npy").write_bytes(content(1))
    with pytest.raises(ChallengeError, match="has changed"):
        store.content(sha256)


def test_a_store_without_its_database_is_not_silently_emptied(tmp_path):
    with pytest.raises(ChallengeError, match="put back a copy"):
        Store(tmp_path)
    assert not (tmp_path / DATABASE).exists()


# --- kills -----------------------------------------------------------------------------------

STEPS = {
    "before the file is renamed": "pathlib.Path.replace",
    "between file and row": "challenge.store.Store.receive",
    "between row and score": "challenge.intake._outcome",
    "between scoring and noting": "challenge.store.Store.settle",
    "while the score is written": "challenge.store.Score",
}


@pytest.mark.parametrize("step", STEPS)
def test_a_submission_interrupted_at_any_step_is_finished_by_sending_it_again(
    store, tmp_path, monkeypatch, step
):
    with monkeypatch.context() as patch:
        patch.setattr(STEPS[step], killed)
        with pytest.raises(Killed):
            send(store, content())
    again = Store(tmp_path)
    assert again.entries() == []
    entry = send(again, content())
    assert again.entries() == [entry]
    assert again.unsettled() == []
    assert entry.card == score(LABELS, np.load(BytesIO(content())))


def test_a_received_submission_is_scored_by_whoever_comes_next(store, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(intake, "_outcome", killed)
        for data in (content(), content(values=np.full(N, np.nan))):
            with pytest.raises(Killed):
                send(store, data)
    assert len(store.unsettled()) == 2
    assert intake.finish_interrupted(store, LABELS) == []
    assert store.unsettled() == []
    assert len(store.entries()) == 1


def test_a_received_submission_whose_file_is_gone_waits_and_stops_nobody(
    store, tmp_path, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr(intake, "_outcome", killed)
        with pytest.raises(Killed):
            send(store, content())
    (file,) = (tmp_path / SUBMISSIONS).iterdir()
    file.unlink()
    (complaint,) = intake.finish_interrupted(store, LABELS)
    assert "waits for its file" in complaint
    send(store, content(1))
    assert len(store.entries()) == 1
    send(store, content())  # brings the file back
    assert len(store.entries()) == 2
    assert intake.finish_interrupted(store, LABELS) == []


DIE = """
import os, pkgutil, signal, sys
from challenge import cli
owner, name = {target!r}.rsplit(".", 1)
setattr(pkgutil.resolve_name(owner), name, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
cli.main(sys.argv[1:])
"""


@pytest.mark.parametrize("step", ["between file and row", "between row and score"])
def test_a_real_sigkill_loses_and_doubles_nothing(tmp_path, capsys, step):
    np.save(tmp_path / "labels.npy", LABELS)
    (tmp_path / "cnn.npy").write_bytes(content())
    folder, file = str(tmp_path / "challenge"), str(tmp_path / "cnn.npy")
    assert main(["create", folder, "--labels", str(tmp_path / "labels.npy")]) == 0
    command = ["score", folder, file, "--team", "us"]
    died = subprocess.run(
        [sys.executable, "-c", DIE.format(target=STEPS[step]), *command],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        timeout=120,
    )
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()
    store = Store(tmp_path / "challenge")
    assert store.entries() == []
    assert main(command) == 0
    assert len(store.entries()) == 1
    assert store.unsettled() == []
    assert [each.name for each in (tmp_path / "challenge" / SUBMISSIONS).iterdir()] == [
        f"{store.entries()[0].sha256}.npy"
    ]


# --- many at once ----------------------------------------------------------------------------


def test_many_writers_at_once_lose_and_double_nothing(store, tmp_path):
    def one(number):
        # Four different files, each sent four times, by stores of their own.
        return send(Store(tmp_path), content(number % 4), network=f"net {number % 4}")

    with ThreadPoolExecutor(8) as pool:
        entries = list(pool.map(one, range(16)))
    assert len(store.entries()) == 4
    assert {each.id for each in entries} == {each.id for each in store.entries()}


def test_two_that_score_the_same_row_note_one_result(store):
    submission = store.receive("us", "cnn", store.keep(content()))
    card, other = (score(LABELS, np.load(BytesIO(content(seed)))) for seed in (0, 1))
    store.settle(submission, card)
    store.settle(submission, other)
    store.settle(submission, SubmissionError("late", "Too late."))
    assert store.result(submission).card == card
