"""Where the store's tables are, SQLite in the folder or PostgreSQL, and which version they have.

A challenge stays where it was made. One made while ``CHALLENGE_DATABASE_URL`` names a PostgreSQL
server has, instead of ``challenge.sqlite``, a file ``challenge.postgresql`` with the name of its
schema; so one server can hold any number of challenges.
"""

import os
import secrets
import sqlite3
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    ExceptionContext,
    NullPool,
    create_engine,
    event,
    inspect,
    make_url,
    text,
)
from sqlalchemy.exc import ArgumentError

from challenge.errors import ChallengeError
from challenge.store.folder import LABELS, SETTINGS

__all__ = [
    "DATABASE",
    "MARKER",
    "URL_VARIABLE",
    "VERSION",
    "create_database",
    "drop_database",
    "open_database",
]

DATABASE: Final = "challenge.sqlite"
MARKER: Final = "challenge.postgresql"
URL_VARIABLE: Final = "CHALLENGE_DATABASE_URL"
VERSION: Final = "0003"  # of the tables; the last one in challenge/migrations
_MIGRATIONS: Final = Path(__file__).with_name("migrations")
_SECONDS_TO_WAIT: Final = 60  # for another process that writes
_ONE_AT_A_TIME: Final = 0x6A657473  # PostgreSQL's lock: one process migrates at a time


def create_database(folder: Path, *, in_folder: bool = False) -> Engine:
    """The tables of a new challenge, empty.

    Parameters
    ----------
    folder : Path
    in_folder : bool
        In the folder, also where the environment names a server.

    Raises
    ------
    FileExistsError
        If the folder has a database already.
    ChallengeError
        If the server named in the environment cannot be used.
    """
    url = None if in_folder else _server()
    path = folder / (DATABASE if url is None else MARKER)
    schema = f"challenge_{secrets.token_hex(8)}"
    for other in (DATABASE, MARKER):
        if (folder / other).exists():
            raise FileExistsError(folder / other)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        if url is not None:
            file.write(schema)
    try:
        if url is not None:
            with create_engine(url, poolclass=NullPool).begin() as connection:
                connection.execute(text(f"CREATE SCHEMA {schema}"))
        engine = _engine(folder)
        _migrate(engine)
    except BaseException:
        path.unlink()  # else the folder would seem to be taken
        raise
    return engine


def open_database(folder: Path) -> Engine:
    """The tables of a challenge, brought to this version if they are older.

    Raises
    ------
    ChallengeError
        If there are none, or damaged ones: empty ones in their place would hide the loss. Or if a
        newer version of this program made them.
    """
    engine = _engine(folder)
    with engine.connect() as connection:
        version = _version(connection)
    if version == VERSION:
        return engine
    if not version and (folder / SETTINGS).exists():  # which comes last: there were tables
        raise _damaged(folder, "it is empty")
    if version > VERSION:
        raise ChallengeError(
            f"{folder} was made by a newer version of this program (tables {version}, here "
            f"{VERSION}): update it."
        )
    _migrate(engine)
    return engine


def drop_database(folder: Path) -> None:
    """Undo `create_database`."""
    marker = folder / MARKER
    if marker.is_file():
        url, schema = _server(), marker.read_text(encoding="ascii")
        if url is not None and schema:
            with create_engine(url, poolclass=NullPool).begin() as connection:
                connection.execute(text(f"DROP SCHEMA IF EXISTS {schema} CASCADE"))
    for each in (MARKER, DATABASE):
        (folder / each).unlink(missing_ok=True)


def _engine(folder: Path) -> Engine:
    # Without a pool every session closes its connection, also in a process that forks.
    if (folder / DATABASE).is_file():
        engine = create_engine(
            URL.create("sqlite", database=str(folder / DATABASE)),
            poolclass=NullPool,
            hide_parameters=True,  # an error message would show private scores
            connect_args={"timeout": _SECONDS_TO_WAIT},
        )
        event.listen(engine, "connect", _leave_transactions_to_us)
        event.listen(engine, "begin", _begin)
        event.listen(engine, "handle_error", partial(_tell_damage, folder))
        return engine
    if not (folder / MARKER).is_file():
        if not (folder / LABELS).exists():
            raise ChallengeError(
                f"{folder} has neither labels nor submissions, so it is a student's copy: "
                f"only the instructor's folder can do this. Check a file with: "
                f"python -m challenge check {folder} FILE"
            )
        raise ChallengeError(
            f"{folder / DATABASE} is not there: put back a copy, or make a new challenge with: "
            "python -m challenge create"
        )
    url = _server()
    if url is None:
        raise ChallengeError(
            f"The store of {folder} is in PostgreSQL: set {URL_VARIABLE} to its server."
        )
    schema = (folder / MARKER).read_text(encoding="ascii")
    options = f"-csearch_path={schema} -clock_timeout={_SECONDS_TO_WAIT}s"
    return create_engine(
        url, poolclass=NullPool, hide_parameters=True, connect_args={"options": options}
    )


def _server() -> URL | None:
    """The PostgreSQL server of the environment, if there is one."""
    given = os.environ.get(URL_VARIABLE)
    if not given:
        return None
    wrong = (
        f"Expected {URL_VARIABLE} to look like postgresql+psycopg://user@host/database; "
        "it holds something else."  # it may hold a password: do not show it
    )
    try:
        url = make_url(given)
    except ArgumentError:
        raise ChallengeError(wrong) from None
    if url.drivername != "postgresql+psycopg":
        raise ChallengeError(wrong)
    return url


def _version(connection: Connection) -> str:
    """The version of the tables; empty if there are none, as after a killed creation."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()


def _migrate(engine: Engine) -> None:
    """Bring the tables to `VERSION` in one transaction, unless another process just did."""
    from alembic import command  # its import takes longer than opening a challenge
    from alembic.config import Config

    with engine.execution_options(writes=True).begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_ONE_AT_A_TIME})"))
        if _version(connection) == VERSION:
            return
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, VERSION)


def _leave_transactions_to_us(connection: object, _record: object) -> None:
    # The sqlite3 module would begin transactions late and fail when two of them meet.
    connection.isolation_level = None


def _tell_damage(folder: Path, context: ExceptionContext) -> None:
    """Say of a damaged file what helps; trying again does not."""
    code = getattr(context.original_exception, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        raise _damaged(folder, str(context.original_exception))


def _damaged(folder: Path, how: str) -> ChallengeError:
    place = folder / DATABASE if (folder / DATABASE).is_file() else f"The database of {folder}"
    return ChallengeError(
        f"{place} is damaged ({how}): put the last copy that python -m challenge backup made in "
        f"the place of {folder}."
    )


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
