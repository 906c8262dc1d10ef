"""A service behind a hub, at an address of this machine; each test ends with a green audit."""

import pytest
from challenges import new_challenge
from fake_hub import running

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
def alice(service):
    """A token of a student in a team."""
    return service.hub.add("alice", "team-Red")


@pytest.fixture
def prof(service):
    """A token of an instructor."""
    return service.hub.add("prof", may=("read", "manage"))
