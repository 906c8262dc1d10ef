"""The tables are made once and completely; a challenge on a server is like any other."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from challenges import content, ladder, new_challenge, send
from sqlalchemy import NullPool, create_engine
from sqlalchemy.exc import DatabaseError

from challenge.errors import ChallengeError
from challenge.intake import merge, rename, withdraw
from challenge.store import database
from challenge.store.audit import audit_log
from challenge.store.challenge import Challenge
from challenge.store.database import DATABASE, MARKER, URL_VARIABLE, VERSION
from challenge.store.folder import SETTINGS
from challenge.store.store import Store
from challenge.store.tables import Base


def test_tables_whose_creation_was_killed_are_made_at_the_next_opening(tmp_path, monkeypatch):
    class Killed(BaseException):
        pass

    def killed(*_args):
        raise Killed

    new_challenge(tmp_path / "c")
    (tmp_path / "c" / DATABASE).write_bytes(b"")
    (tmp_path / "c" / SETTINGS).unlink()  # it would have come last
    with monkeypatch.context() as patch:
        patch.setattr("alembic.command.upgrade", killed)
        with pytest.raises(Killed):
            Store(tmp_path / "c")
    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(lambda _: Store(tmp_path / "c"), range(4)))
    assert stores[0].records() == []
    assert audit_log(stores[0]).faults == ()


def test_a_challenge_of_a_newer_version_is_left_alone(tmp_path):
    challenge = new_challenge(tmp_path / "c")
    with challenge.store._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ChallengeError, match="newer version"):
        Store(tmp_path / "c")


def test_the_last_migration_is_the_version_of_the_program():
    config = Config()
    config.set_main_option("script_location", str(database._MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == VERSION


def test_the_migrations_make_the_tables_that_the_program_uses(tmp_path):
    challenge = new_challenge(tmp_path / "c")
    with challenge.store._engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def as_first_published(challenge):
    """Take from a challenge what later versions of the tables added."""
    with challenge.store._engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE former_name")
        connection.exec_driver_sql("DROP TABLE invitation")
        connection.exec_driver_sql("ALTER TABLE submission DROP COLUMN withdrawn")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")


def test_a_challenge_of_the_first_version_opens_and_can_be_corrected(tmp_path):
    old = new_challenge(tmp_path / "c")
    for step in range(3):
        receipt = send(old, ladder(step))
    send(old, ladder(1), team="them")
    before, head = old.store.records(), audit_log(old.store).head
    as_first_published(old)
    challenge = Challenge.open(tmp_path / "c")
    assert challenge.store.records() == before
    assert audit_log(challenge.store, noted=head).faults == ()
    withdraw(challenge, "us", [receipt.sha256])
    rename(challenge, "us", "we")
    merge(challenge, "them", "us")
    assert audit_log(challenge.store, noted=head).faults == ()


@pytest.mark.parametrize("change", ["UPDATE event SET kind = 'x'", "DELETE FROM event"])
def test_the_database_itself_refuses_to_change_the_log(tmp_path, change):
    challenge = new_challenge(tmp_path / "c")
    send(challenge, content())
    with (
        pytest.raises(DatabaseError, match="append-only"),
        challenge.store._engine.begin() as connection,
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
        new_challenge(tmp_path / "c")


@on_a_server
def test_two_challenges_on_one_server_do_not_meet(tmp_path):
    one, other = new_challenge(tmp_path / "one"), new_challenge(tmp_path / "other")
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
        new_challenge(tmp_path / "c")
    assert schemas() == before


@on_a_server
def test_a_challenge_in_its_folder_stays_there_when_a_server_is_named(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.delenv(URL_VARIABLE)
        send(new_challenge(tmp_path / "c"), content())
    assert len(Challenge.open(tmp_path / "c").store.records()) == 1


def schemas():
    with create_engine(os.environ[URL_VARIABLE], poolclass=NullPool).connect() as connection:
        names = connection.exec_driver_sql("SELECT nspname FROM pg_namespace").scalars()
        return {name for name in names if name.startswith("challenge_")}
