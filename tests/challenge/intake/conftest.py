"""A challenge that ends each test with a green audit and the scores that its files have."""

import pytest
from challenges import NOON, Clock, new_challenge

from challenge.intake.quota import DAY
from challenge.intake.rescoring import wrong_scores
from challenge.store import audit_log


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def challenge(tmp_path, clock):
    challenge = new_challenge(tmp_path / "c", clock=clock, closes=NOON + 7 * DAY)
    yield challenge
    assert audit_log(challenge.store).faults == ()
    assert list(wrong_scores(challenge)) == []
