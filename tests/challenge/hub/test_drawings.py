"""The board is drawn when something has happened, once for everybody, and nobody waits long."""

import asyncio
import gzip
import threading

import pytest
from challenges import NOON, Clock, ladder, new_challenge, send

from challenge.hub.pages import drawings
from challenge.hub.pages.drawings import Drawings
from challenge.intake.quota import DAY
from challenge.store import lifecycle


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """However slow this machine is."""
    monkeypatch.setattr(drawings, "PATIENCE", 60.0)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def challenge(tmp_path, clock):
    return new_challenge(tmp_path / "c", clock=clock, closes=NOON + DAY)


@pytest.fixture
def drawn(challenge, monkeypatch):
    """Counts how often a board is made."""
    made = []
    whole = drawings.current_standings
    monkeypatch.setattr(
        drawings, "current_standings", lambda of: made.append(threading.get_ident()) or whole(of)
    )
    return made


def now(of):
    return asyncio.run(of.current())


def test_a_board_is_drawn_once_until_something_happens(challenge, drawn):
    board = Drawings(lambda: challenge)
    first = now(board)
    assert now(board) is first
    assert len(drawn) == 1
    send(challenge, ladder(1))
    second = now(board)
    assert "cnn" in second.fragment
    assert second.etag != first.etag
    assert len(drawn) == 2


def test_the_end_of_the_challenge_is_drawn_although_nothing_happened(challenge, clock):
    board = Drawings(lambda: challenge)
    assert "live" in now(board).fragment
    clock.passes(hours=25)
    assert ">closed<" in now(board).fragment


def test_what_does_not_show_changes_no_byte(challenge, clock):
    """Otherwise every browser would fetch the same board again."""
    board = Drawings(lambda: challenge)
    first = now(board)
    clock.passes(minutes=5)
    lifecycle.pause(challenge)
    assert now(board).fragment == first.fragment
    assert now(board).etag == first.etag


def test_many_visitors_at_once_get_one_drawing_made_outside_their_thread(challenge, drawn):
    board = Drawings(lambda: challenge)

    async def crowd():
        return await asyncio.gather(*(board.current() for _ in range(50)))

    assert len({id(each) for each in asyncio.run(crowd())}) == 1
    assert drawn != []
    assert len(drawn) == 1
    assert drawn[0] != threading.get_ident()


def test_who_comes_while_a_long_drawing_is_made_gets_the_last_board(challenge, monkeypatch):
    board = Drawings(lambda: challenge)
    first, may_end = now(board), threading.Event()
    send(challenge, ladder(1))
    whole = drawings.current_standings
    monkeypatch.setattr(drawings, "PATIENCE", 0.01)
    monkeypatch.setattr(drawings, "current_standings", lambda of: may_end.wait(60) and whole(of))
    assert now(board) is first
    may_end.set()
    board.renew().result()
    assert "cnn" in now(board).fragment


def test_the_thread_rests_after_a_long_drawing(challenge, drawn, monkeypatch):
    board = Drawings(lambda: challenge)
    spent = iter(range(0, 1_000_000, 100))
    monkeypatch.setattr(drawings.time, "thread_time", lambda: float(next(spent)))
    at = [0.0]
    monkeypatch.setattr(drawings.time, "monotonic", lambda: at[0])
    board.renew().result()
    send(challenge, ladder(1))
    for at[0], times in ((99.0, 1), (101.0, 2)):  # the first drawing took 100 seconds
        board.renew().result()
        assert len(drawn) == times


def test_a_board_that_cannot_be_drawn_leaves_the_last_one(challenge, monkeypatch, caplog):
    board = Drawings(lambda: challenge)
    first = now(board)
    send(challenge, ladder(1))

    def fails(_challenge):
        raise OSError("the disk is away")

    monkeypatch.setattr(drawings, "current_standings", fails)
    assert now(board) is first
    assert "the last board stays" in caplog.text
    assert "OSError" in caplog.text
    assert "the disk is away" not in caplog.text  # a message may hold what is secret
    with pytest.raises(OSError, match="the disk is away"):
        now(Drawings(lambda: challenge))


def test_the_packed_board_is_the_board(challenge):
    send(challenge, ladder(1))
    drawing = now(Drawings(lambda: challenge))
    assert gzip.decompress(drawing.packed).decode() == drawing.fragment
