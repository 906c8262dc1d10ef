"""A service behind a hub, at an address of this machine; each test ends with a green audit."""

import pytest
from challenges import NOON, Clock, new_challenge
from fake_hub import running

from challenge.intake.quota import DAY
from challenge.store import audit_log


@pytest.fixture
def challenge(tmp_path):
    challenge = new_challenge(tmp_path / "c")
    yield challenge
    assert audit_log(challenge.store).faults == ()


@pytest.fixture
def service(challenge):
    with running(challenge) as service:
        yield service


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def timed(tmp_path, clock):
    """A challenge of a week, whose clock is set by hand."""
    return new_challenge(tmp_path / "timed", clock=clock, closes=NOON + 7 * DAY)


@pytest.fixture
def alice(service):
    """A token of a student in a team."""
    return service.hub.add("alice", "team-Red")


@pytest.fixture
def prof(service):
    """A token of an instructor."""
    return service.hub.add("prof", may=("read", "manage"))
