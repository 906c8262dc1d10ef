"""Invitations: a token that is shown once, for one team, until it is revoked."""

import pytest
from challenges import content, new_challenge, send
from sqlalchemy import update

from challenge.errors import ChallengeError, SubmissionError
from challenge.intake import (
    guest,
    invitation,
    invitations,
    invite,
    merge,
    rename,
    revoke_invitation,
)
from challenge.store import Challenge, audit_log, copy_to
from challenge.store.tables import Invited


def test_a_token_leads_to_its_invitation_and_is_stored_nowhere(challenge):
    made, token = invite(challenge, "Red")
    assert guest(challenge, token) == made == invitation(challenge, made.number)
    assert (made.team, made.may, made.revoked) == ("Red", ("read", "submit"), None)
    assert guest(challenge, f"{token}x") is guest(challenge, "") is None
    stored = b"".join(p.read_bytes() for p in challenge.folder.rglob("*") if p.is_file())
    assert token.encode() not in stored
    assert token.removeprefix("jets-").encode() not in stored


def test_an_instructor_is_invited_for_no_team(challenge):
    made, _ = invite(challenge, None)
    assert (made.name, made.team, made.may) == ("instructor", None, ("read", "manage"))


def test_a_revoked_invitation_stays_known_and_is_revoked_once(challenge, clock):
    made, token = invite(challenge, "Red")
    clock.passes(hours=1)
    assert revoke_invitation(challenge, made.number)
    assert not revoke_invitation(challenge, made.number)
    assert guest(challenge, token).revoked == clock.at
    with pytest.raises(ChallengeError, match="no invitation 7"):
        revoke_invitation(challenge, 7)


def test_an_invitation_follows_its_team_to_another_name(challenge):
    send(challenge, content(1), team="Rad")
    send(challenge, content(2), team="Blue", network="dnn")
    _, token = invite(challenge, "rad")
    rename(challenge, "Rad", "Red")
    assert guest(challenge, token).team == "Red"
    merge(challenge, "Red", "Blue")
    assert guest(challenge, token).team == "Blue"
    assert [each.team for each in invitations(challenge)] == ["Blue"]


@pytest.mark.parametrize("team", ["baseline", "-x", ".x", "a/b", "\u202eder", ""])
def test_no_team_is_invited_under_a_name_that_it_may_not_have(challenge, team):
    with pytest.raises(SubmissionError) as refused:
        invite(challenge, team)
    assert refused.value.reason == "team-name"
    assert invitations(challenge) == []


@pytest.mark.parametrize(
    "change", [{"hash": "0" * 64}, {"team": "Blue"}, {"may": "read,manage"}, {"revoked": None}]
)
def test_an_invitation_that_was_changed_in_the_database_is_found_by_the_audit(tmp_path, change):
    challenge = new_challenge(tmp_path / "c")
    made, _ = invite(challenge, "Red")
    revoke_invitation(challenge, made.number)
    assert audit_log(challenge.store).faults == ()
    with challenge.store._engine.execution_options(writes=True).begin() as connection:
        connection.execute(update(Invited).values(change))
    assert audit_log(challenge.store).faults == ("Invitation 1 is not the one in the log.",)


def test_an_invitation_that_only_the_database_knows_is_found_by_the_audit(tmp_path):
    challenge = new_challenge(tmp_path / "c")
    made, _ = invite(challenge, "Red")
    with challenge.store._engine.execution_options(writes=True).begin() as connection:
        connection.execute(update(Invited).values(id=made.number + 1))
    assert len(audit_log(challenge.store).faults) == 2


def test_a_copy_of_a_challenge_knows_the_invitations(challenge, tmp_path):
    _, token = invite(challenge, "Red")
    assert copy_to(challenge, tmp_path / "copy") == []
    copy = Challenge.open(tmp_path / "copy")
    assert guest(copy, token).team == "Red"
    assert audit_log(copy.store).faults == ()
