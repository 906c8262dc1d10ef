"""A challenge of an older version goes on; one on a server is like any other."""

import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import numpy as np
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from contests import LABELS, N, content, file_of, ladder, new_contest, send
from sqlalchemy import NullPool, create_engine
from sqlalchemy.exc import DatabaseError

from challenge.board.entries import entries
from challenge.errors import ChallengeError
from challenge.intake import submission as intake
from challenge.intake.rescoring import wrong_scores
from challenge.scoring.npy import read_scores
from challenge.scoring.scorecard import score
from challenge.store import database
from challenge.store.audit import audit_log
from challenge.store.contest import Contest
from challenge.store.database import DATABASE, MARKER, URL_VARIABLE, VERSION
from challenge.store.records import State
from challenge.store.store import SUBMISSIONS, Store
from challenge.store.tables import Base
from course_utils.files import write_file

# As SQLite keeps it for a challenge of the first version.
FIRST = """
CREATE TABLE team (
    id INTEGER NOT NULL, name VARCHAR(64) NOT NULL, "key" VARCHAR(200) NOT NULL,
    PRIMARY KEY (id), UNIQUE ("key"));
CREATE TABLE network (
    id INTEGER NOT NULL, team_id INTEGER NOT NULL, name VARCHAR(64) NOT NULL,
    "key" VARCHAR(200) NOT NULL, PRIMARY KEY (id), UNIQUE (team_id, "key"),
    FOREIGN KEY(team_id) REFERENCES team (id));
CREATE TABLE submission (
    id INTEGER NOT NULL, network_id INTEGER NOT NULL, sha256 VARCHAR(64) NOT NULL,
    received_at DATETIME NOT NULL, state VARCHAR(8) NOT NULL, reason VARCHAR(32),
    sentence VARCHAR(500), PRIMARY KEY (id), UNIQUE (network_id, sha256),
    FOREIGN KEY(network_id) REFERENCES network (id));
CREATE TABLE score (
    submission_id INTEGER NOT NULL, auc_value FLOAT NOT NULL, auc_error FLOAT NOT NULL,
    r50_value FLOAT NOT NULL, r50_low FLOAT NOT NULL, r50_high FLOAT NOT NULL,
    r50_is_limit BOOLEAN NOT NULL, r30_value FLOAT NOT NULL, r30_low FLOAT NOT NULL,
    r30_high FLOAT NOT NULL, r30_is_limit BOOLEAN NOT NULL, PRIMARY KEY (submission_id),
    FOREIGN KEY(submission_id) REFERENCES submission (id));
INSERT INTO team VALUES (1, 'us', 'us');
INSERT INTO network VALUES (1, 1, 'CNN', 'cnn');
"""
FILES = [ladder(1), ladder(0), ladder(3), file_of(np.full(N, np.nan)), ladder(4)]


@pytest.fixture
def old(tmp_path):
    """The folder of a challenge of the first version: 3 scored files, 1 refused, 1 interrupted."""
    folder = tmp_path / "old"
    (folder / SUBMISSIONS).mkdir(parents=True)
    (folder / "challenge.toml").write_text(f'name = "Old"\nn_jets = {N}\n')
    archive = BytesIO()
    np.savez(archive, labels=LABELS)
    write_file(folder / "labels.npz", archive.getvalue(), private=True)
    connection = sqlite3.connect(folder / DATABASE)
    connection.executescript(FIRST)
    store = Store.__new__(Store)
    store._files = folder / SUBMISSIONS
    states = ("SCORED", "SCORED", "SCORED", "REJECTED", "RECEIVED")
    for number, (data, state) in enumerate(zip(FILES, states, strict=True), start=1):
        sha256, at = store.keep(data), f"2026-04-01 12:0{number}:00.000000"
        why = ("not-finite", "Expected finite scores.") if state == "REJECTED" else (None, None)
        row = (number, 1, sha256, at, state, *why)
        connection.execute("INSERT INTO submission VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        if state == "SCORED":
            card = score(LABELS, read_scores(data, N))
            numbers = [card.auc.value, card.auc.error]
            for each in (card.r50, card.r30):
                numbers += [each.value, each.low, each.high, each.is_limit]
            values = ", ".join("?" * 11)
            connection.execute(f"INSERT INTO score VALUES ({values})", (number, *numbers))
    connection.commit()
    connection.close()
    return folder


def test_an_old_challenge_keeps_its_submissions_its_scores_and_its_board(old):
    contest = Contest.open(old)
    records = contest.store.records()
    assert [each.state for each in records] == [
        *[State.SCORED] * 3,
        State.REJECTED,
        State.RECEIVED,
    ]
    for record, data in zip(records[:3], FILES[:3], strict=True):
        card = score(LABELS, read_scores(data, N))
        assert record.verdict.public == record.verdict.private == card
    assert [each.verdict.is_best for each in records[:3]] == [True, False, True]
    assert [each.reason for each in records] == [None, None, None, "not-finite", None]
    assert {each.network for each in records} == {"CNN"}


def test_an_old_challenge_goes_on_where_it_stopped(old):
    contest = Contest.open(old)
    assert intake.finish_interrupted(contest) == []
    assert list(wrong_scores(contest)) == []
    assert send(contest, ladder(5)).is_best
    assert [each.accepted for each in entries(contest.store)] == [True, False, True, True, True]
    assert audit_log(contest.store).faults == ()
    assert list(wrong_scores(contest)) == []


def test_an_upgrade_happens_once_and_is_in_the_log(old):
    for _ in range(3):
        Store(old)
    found = audit_log(Store(old))
    assert found.n_events == 1
    assert found.faults == ()


def test_two_processes_that_open_an_old_challenge_upgrade_it_once(old):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: Store(old), range(4)))
    assert audit_log(Store(old)).n_events == 1


def test_an_upgrade_that_is_interrupted_leaves_the_old_tables(old, monkeypatch):
    class Killed(BaseException):
        pass

    def killed(*_args):
        raise Killed

    with sqlite3.connect(old / DATABASE) as connection:
        before = list(connection.iterdump())
    with monkeypatch.context() as patch:
        patch.setattr("alembic.command.upgrade", killed)
        with pytest.raises(Killed):
            Store(old)
    with sqlite3.connect(old / DATABASE) as connection:
        assert list(connection.iterdump()) == before
    assert len(Store(old).records()) == 5


def test_a_challenge_of_a_newer_version_is_left_alone(tmp_path):
    contest = new_contest(tmp_path / "c")
    with contest.store._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ChallengeError, match="newer version"):
        Store(tmp_path / "c")


def test_the_last_migration_is_the_version_of_the_program():
    config = Config()
    config.set_main_option("script_location", str(database._MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == VERSION


def test_the_migrations_make_the_tables_that_the_program_uses(tmp_path):
    contest = new_contest(tmp_path / "c")
    with contest.store._engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


@pytest.mark.parametrize("change", ["UPDATE event SET kind = 'x'", "DELETE FROM event"])
def test_the_database_itself_refuses_to_change_the_log(tmp_path, change):
    contest = new_contest(tmp_path / "c")
    send(contest, content())
    with (
        pytest.raises(DatabaseError, match="append-only"),
        contest.store._engine.begin() as connection,
    ):
        connection.exec_driver_sql(change)


# --- on a server -----------------------------------------------------------------------------

on_a_server = pytest.mark.skipif(
    not os.environ.get(URL_VARIABLE), reason=f"needs a PostgreSQL server in {URL_VARIABLE}"
)


def test_a_challenge_on_a_server_that_is_not_named_says_what_to_set(tmp_path, monkeypatch):
    (tmp_path / MARKER).write_text("challenge_0123456789abcdef")
    monkeypatch.delenv(URL_VARIABLE, raising=False)
    with pytest.raises(ChallengeError, match=f"set {URL_VARIABLE}"):
        Store(tmp_path)


@pytest.mark.parametrize("address", ["postgresql+psycopg:/", "sqlite:///x.db", "no address"])
def test_an_address_of_no_postgresql_server_is_refused(tmp_path, monkeypatch, address):
    monkeypatch.setenv(URL_VARIABLE, address)
    with pytest.raises(ChallengeError, match="to look like postgresql"):
        new_contest(tmp_path / "c")


@on_a_server
def test_two_challenges_on_one_server_do_not_meet(tmp_path):
    one, other = new_contest(tmp_path / "one"), new_contest(tmp_path / "other")
    send(one, content(), team="us")
    assert other.store.records() == []
    assert not (tmp_path / "one" / DATABASE).exists()


@on_a_server
def test_a_challenge_whose_creation_fails_leaves_nothing_on_the_server(tmp_path, monkeypatch):
    def disk_full(*_args, **_options):
        raise OSError(28, "No space left on device")

    before = schemas()
    monkeypatch.setattr("challenge.setup.create.write_file", disk_full)
    with pytest.raises(OSError, match="No space"):
        new_contest(tmp_path / "c")
    assert schemas() == before


@on_a_server
def test_a_challenge_in_its_folder_stays_there_when_a_server_is_named(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.delenv(URL_VARIABLE)
        send(new_contest(tmp_path / "c"), content())
    assert len(Contest.open(tmp_path / "c").store.records()) == 1


def schemas():
    with create_engine(os.environ[URL_VARIABLE], poolclass=NullPool).connect() as connection:
        names = connection.exec_driver_sql("SELECT nspname FROM pg_namespace").scalars()
        return {name for name in names if name.startswith("challenge_")}
