"""``invite``: a link for a team, shown once. ``serve`` is in tests/challenge/hub."""

import pytest
from challenges import new_challenge

from challenge.cli import main
from challenge.intake import guest, invitations


@pytest.fixture
def challenge(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return new_challenge(tmp_path / "c")


def test_a_link_is_printed_alone_and_how_to_revoke_it_beside(challenge, capsys):
    assert main(["invite", "c", "The Top Quarks", "--url", "https://jets.example.org/"]) == 0
    printed = capsys.readouterr()
    address, token = printed.out.strip().split("#")
    assert address == "https://jets.example.org/join"
    assert guest(challenge, token).team == "The Top Quarks"
    assert token not in printed.err
    assert "for team The Top Quarks" in printed.err
    assert "python -m challenge invite c --revoke 1" in printed.err


def test_invitations_are_listed_and_revoked(challenge, capsys):
    main(["invite", "c", "Red"])
    main(["invite", "c", "--manage"])
    capsys.readouterr()
    assert main(["invite", "c", "--revoke", "1"]) == 0
    assert main(["invite", "c", "--revoke", "1"]) == 0
    assert main(["invite", "c", "--list"]) == 0
    first, second, red, instructor = capsys.readouterr().out.splitlines()
    assert (first, second) == ("invitation 1: revoked.", "invitation 1: was revoked before.")
    assert red.startswith("1  team Red, made ")
    assert ", revoked " in red
    assert instructor.startswith("2  an instructor, made ")


@pytest.mark.parametrize("argv", [[], ["Red", "--manage"], ["--list", "--revoke", "1"]])
def test_invite_does_one_thing(challenge, capsys, argv):
    assert main(["invite", "c", *argv]) == 2
    assert "Expected one of TEAM" in capsys.readouterr().err
    assert invitations(challenge) == []


def test_a_name_that_no_team_may_have_is_refused(challenge, capsys):
    assert main(["invite", "c", "baseline"]) == 1
    assert "refused [team-name]" in capsys.readouterr().err
