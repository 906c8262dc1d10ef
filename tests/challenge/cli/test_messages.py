"""What the command line says about times, folders and accounts, to whoever typed a command."""

import re
from datetime import timedelta

import numpy as np
import pytest
from challenges import LABELS, NOON, Clock, content, new_challenge, send
from sqlalchemy.exc import OperationalError

from challenge.board.build import PUBLISHED
from challenge.board.current import current_standings
from challenge.board.standings import Standings
from challenge.board.text import FORMATS
from challenge.cli import main
from challenge.cli.arguments import parser
from challenge.intake.quota import DAY
from challenge.store import lifecycle
from challenge.store.records import Phase
from challenge.words import time_text


@pytest.fixture
def labels(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("labels.npy", LABELS)
    return "labels.npy"


@pytest.fixture
def students_copy(labels, tmp_path, capsys):
    """What a student has of a challenge, with a file of scores beside it."""
    assert main(["create", "c", "--labels", labels]) == 0
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "challenge.toml").write_bytes(
        (tmp_path / "c" / "challenge.toml").read_bytes()
    )
    (tmp_path / "cnn.npy").write_bytes(content())
    capsys.readouterr()
    return "copy"


# --- times -----------------------------------------------------------------------------------


def test_create_says_the_times_as_it_understood_them(labels, capsys):
    times = ["--opens", "2098-04-01T12:00+02:00", "--closes", "2099-05-01"]
    assert main(["create", "c", "--labels", labels, *times]) == 0
    out = capsys.readouterr().out
    assert "opens 2098-04-01 10:00:00 UTC." in out
    assert "closes 2099-05-01 23:59:59 UTC." in out


def test_a_close_in_the_past_is_refused(labels, tmp_path, capsys):
    assert main(["create", "c", "--labels", labels, "--closes", "2020-05-01T12:00"]) == 2
    assert "got 2020-05-01 12:00:00 UTC" in capsys.readouterr().err
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(("command", "option"), [("create", "--closes"), ("extend", "--until")])
def test_a_date_alone_means_its_end_and_a_midnight_is_one(command, option):
    given = ["--labels", "l.npy"] if command == "create" else ["us"]
    for text, expected in (
        ("2099-05-01", "2099-05-01 23:59:59 UTC"),
        ("2099-05-01T00:00", "2099-05-01 00:00:00 UTC"),
    ):
        args = vars(parser().parse_args([command, "c", *given, option, text]))
        assert time_text(args[option.strip("-")]) == expected


@pytest.mark.parametrize(
    "argv",
    [
        ["create", "c", "--labels", "l.npy", "--closes", "0001-01-01T00:00+12:00"],
        ["create", "c", "--labels", "l.npy", "--opens", "0001-01-01T00:00"],
        ["extend", "c", "us", "--until", "9999-12-31T23:00-12:00"],
    ],
)
def test_a_time_that_is_none_is_a_usage_error(argv, capsys):
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 2
    assert "expected " in capsys.readouterr().err


def test_after_an_early_close_the_page_shows_when_it_closed(tmp_path):
    clock = Clock()
    challenge = new_challenge(tmp_path / "c", clock=clock, closes=NOON + 7 * DAY)
    assert current_standings(challenge).closes == NOON + 7 * DAY
    clock.passes(hours=3)
    lifecycle.close(challenge)
    assert current_standings(challenge).closes == NOON + timedelta(hours=3)
    assert "closed 2026-04-01 15:00:00 UTC" in FORMATS["html"](current_standings(challenge))
    lifecycle.resume(challenge)
    clock.at = NOON + 8 * DAY
    lifecycle.close(challenge)
    assert current_standings(challenge).closes == NOON + 7 * DAY


def test_an_extension_into_the_past_is_told_in_the_same_format(tmp_path, capsys):
    challenge = new_challenge(tmp_path / "c")
    send(challenge, content())
    folder = str(challenge.folder)
    assert main(["extend", folder, "us", "--until", "2020-01-01T12:00"]) == 2
    assert "got 2020-01-01 12:00:00 UTC." in capsys.readouterr().err


# --- folders and accounts ----------------------------------------------------------------------


def test_create_says_which_files_students_need(labels, capsys):
    assert main(["create", "c", "--labels", labels]) == 0
    assert "c/challenge.toml for check" in capsys.readouterr().out


@pytest.mark.parametrize(
    "argv",
    [
        ["board", "copy"],
        ["score", "copy", "cnn.npy", "--team", "us", "--new-team"],
        ["show", "copy", "us"],
    ],
)
def test_in_a_students_copy_only_check_works(students_copy, capsys, argv):
    assert main(["check", students_copy, "cnn.npy"]) == 0
    capsys.readouterr()
    assert main(argv) == 2
    (sentence,) = capsys.readouterr().err.splitlines()
    assert "only the instructor's folder" in sentence
    assert "make a new challenge" not in sentence


def test_check_without_the_settings_sends_no_student_to_create(students_copy, tmp_path, capsys):
    (tmp_path / students_copy / "challenge.toml").unlink()
    assert main(["check", students_copy, "cnn.npy"]) == 2
    (sentence,) = capsys.readouterr().err.splitlines()
    assert "create" not in sentence
    assert "your instructor" in sentence


def test_a_database_that_cannot_be_written_is_told_in_its_own_words(
    students_copy, capsys, monkeypatch
):
    def readonly(_store):
        raise OperationalError(
            "UPDATE course", {}, Exception("attempt to write a readonly database")
        )

    monkeypatch.setattr(lifecycle, "pause", readonly)
    assert main(["pause", "c"]) == 2
    (sentence,) = capsys.readouterr().err.splitlines()
    assert "attempt to write a readonly database" in sentence
    assert not re.search("http|UPDATE|sqlalche", sentence)


def test_resume_of_an_open_challenge_says_that_it_was_open(students_copy, capsys):
    assert main(["resume", "c"]) == 0
    assert capsys.readouterr().out.startswith("not paused")
    main(["pause", "c"])
    assert main(["resume", "c"]) == 0
    assert "resumed: submissions are accepted again." in capsys.readouterr().out


@pytest.mark.parametrize("first", ["pause", "close", "board"])
def test_resume_before_the_opening_says_when_it_opens(labels, capsys, first):
    main(["create", "c", "--labels", labels, "--opens", "2099-01-01"])
    main([first, "c"])
    capsys.readouterr()
    assert main(["resume", "c"]) == 0
    done = "not paused" if first == "board" else "resumed"
    assert capsys.readouterr().out == f"{done}: the challenge opens at 2099-01-01 00:00:00 UTC.\n"


def test_resume_says_that_only_teams_with_more_time_may_hand_in(tmp_path, capsys):
    challenge = new_challenge(tmp_path / "c")
    send(challenge, content())
    settings = challenge.folder / "challenge.toml"
    settings.write_text(settings.read_text() + "closes = 2020-01-01T00:00:00Z\n")
    folder = str(challenge.folder)
    assert main(["extend", folder, "us", "--until", "2099-01-01"]) == 0
    main(["pause", folder])
    capsys.readouterr()
    assert main(["resume", folder]) == 0
    assert "only from teams that were given more time" in capsys.readouterr().out


# --- what is shown whole -----------------------------------------------------------------------


def test_show_prints_the_whole_hash_of_a_file(tmp_path, capsys):
    challenge = new_challenge(tmp_path / "c")
    receipt = send(challenge, content())
    assert main(["show", str(challenge.folder), "us"]) == 0
    assert receipt.sha256 in capsys.readouterr().out


def test_the_terminal_table_ends_with_the_published_taggers():
    table = FORMATS["table"](Standings("c", Phase.LIVE, NOON, 10, references=PUBLISHED))
    last = table.splitlines()[-len(PUBLISHED) - 1 :]
    assert last[0].startswith("Published, not ranked (20 000 public jets")
    assert [each.tagger in line for each, line in zip(PUBLISHED, last[1:], strict=True)] == [
        True
    ] * 5
