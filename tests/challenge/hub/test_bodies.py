"""Bodies that are too large, too slow or too many: refused, while everyone else is served."""

import socket
from contextlib import ExitStack, contextmanager

import pytest
from challenges import content, ladder
from waiting import wait_until

HAND_IN = "api/submissions/cnn"


@contextmanager
def raw(service, token=None, *, length="100000", chunked=False, path=HAND_IN, first=b""):
    """A connection that has sent the headers of a POST, and perhaps the first bytes."""
    host, port = service.address.removeprefix("http://").split(":")
    size = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {length}"
    who = f"Authorization: token {token}\r\n" if token else ""
    head = f"POST {service.app.state.site.prefix}{path} HTTP/1.1\r\nHost: x\r\n{who}{size}\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(head.encode() + first)
        yield connection


def status(connection):
    """The status of the answer; 0 if the connection ends without one."""
    line = connection.makefile("rb").readline()
    return int(line.split()[1]) if line else 0


@pytest.fixture
def room(service):
    """The places for bodies, once the service has had a request."""
    service.client().get("health")
    layer = service.app.middleware_stack
    while not hasattr(layer, "_room"):
        layer = getattr(layer, "_app", None) or layer.app
    return layer._room


def test_40_megabytes_in_chunks_are_refused_and_the_sender_sees_why(service, challenge, alice):
    chunks = (b"x" * 2**20 for _ in range(40))
    answer = service.client(alice).post(HAND_IN, content=chunks)
    assert (answer.status_code, answer.json()["reason"]) == (413, "too-large")
    assert challenge.store.records() == []


@pytest.mark.parametrize("length", [str(16 * 2**20 + 2**17), str(10**15)])
def test_a_length_that_is_too_large_is_refused_before_a_byte_is_read(
    service, alice, length, monkeypatch
):
    monkeypatch.setattr("challenge.hub.metering.bodies._SECONDS_TO_DISCARD", 0.1)
    with raw(service, alice, length=length) as connection:
        assert status(connection) == 413


@pytest.mark.parametrize("length", ["-1", "1, 2", "x", "0x10"])
def test_a_length_that_is_none_is_refused(service, alice, length):
    with raw(service, alice, length=length) as connection:
        assert status(connection) == 400


def test_no_body_is_kept_of_somebody_who_is_not_known(service, room, monkeypatch):
    monkeypatch.setattr("challenge.hub.metering.bodies._SECONDS_TO_DISCARD", 0.1)
    with raw(service, "wrong") as connection:
        assert status(connection) == 401
    assert room.people.total() == 0
    answer = service.client("wrong").post(HAND_IN, content=b"x" * 2**21)
    assert answer.status_code == 401  # the sender listens to the end


def test_a_slow_body_times_out_and_gives_its_place_back(service, room, alice, monkeypatch):
    monkeypatch.setattr("challenge.hub.metering.bodies._SILENCE", 0.2)
    for options in ({}, {"chunked": True}, {"first": b"x" * 5000}):
        with raw(service, alice, **options) as connection:
            assert status(connection) == 408
    wait_until(lambda: room.people.total() == 0)
    assert service.client(alice).post(HAND_IN, content=content()).status_code == 201


def test_a_body_that_drips_for_ever_times_out(service, alice, monkeypatch):
    monkeypatch.setattr("challenge.hub.metering.bodies._SILENCE", 0.3)
    with raw(service, alice) as connection:
        connection.settimeout(0.05)
        for _ in range(200):
            connection.sendall(b"x")
            try:
                answer = connection.recv(100)
                break
            except TimeoutError:
                continue
    assert b" 408 " in answer


def test_headers_that_drip_end_the_connection_and_others_are_served(service, alice, monkeypatch):
    monkeypatch.setattr("challenge.hub.serving._SECONDS_FOR_HEADERS", 0.3)
    host, port = service.address.removeprefix("http://").split(":")
    with ExitStack() as stack:
        slow = [
            stack.enter_context(socket.create_connection((host, int(port)), timeout=30))
            for _ in range(50)
        ]
        for each in slow[:25]:
            each.sendall(b"GET /services/challenge/health HTTP/1.1\r\nX-Slow: ")
        assert service.client(alice).get("api/me").status_code == 200
        for each in slow:
            assert each.recv(100) == b""


def test_at_most_16_bodies_come_in_at_once_and_the_next_is_told_to_come_back(
    service, room, monkeypatch
):
    monkeypatch.setattr("challenge.hub.metering.bodies._SECONDS_FOR_A_PLACE", 0.2)
    students = [service.hub.add(f"student {number}") for number in range(9)]
    with ExitStack() as stack:
        held = [stack.enter_context(raw(service, students[each // 2])) for each in range(16)]
        wait_until(lambda: room.people.total() == 16)
        late = service.client(students[8])
        answer = late.post(HAND_IN, content=content() + bytes(2**17))
        assert (answer.status_code, answer.json()["reason"]) == (429, "busy")
        assert int(answer.headers["retry-after"]) > 0
        assert late.get("api/me").status_code == 200  # who sends no file does not wait
        assert late.post(HAND_IN, content=ladder(1)).status_code == 201  # nor who sends a small one
        held[0].close()
        wait_until(lambda: room.people.total() < 16)
        answer = late.post(HAND_IN, content=content() + bytes(2**17))
        assert answer.status_code == 422
    wait_until(lambda: room.people.total() == 0)


def test_one_student_cannot_take_all_places(service, room, alice):
    with raw(service, alice), raw(service, alice):
        wait_until(lambda: room.people.total() == 2)
        answer = service.client(alice).post(HAND_IN, content=bytes(2**17))
        assert (answer.status_code, answer.json()["reason"]) == (429, "busy")


def test_who_hangs_up_in_the_middle_leaves_nothing_behind(service, challenge, room, alice, caplog):
    with raw(service, alice, first=content()[:1000]):
        wait_until(lambda: room.people.total() == 1)
    wait_until(lambda: room.people.total() == 0)
    assert challenge.store.records() == []
    assert "unforeseen" not in caplog.text
