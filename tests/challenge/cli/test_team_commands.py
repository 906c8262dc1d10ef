"""What an instructor types about one team, and what is asked before there is a new one."""

import io
import sys

import pytest
from challenges import content, ladder, new_challenge, send

from challenge.cli import commands, main
from challenge.intake.submission import accept


@pytest.fixture
def challenge(tmp_path, monkeypatch):
    """With a team Top Quarks, and a file to hand in."""
    monkeypatch.chdir(tmp_path)
    challenge = new_challenge(tmp_path / "c")
    send(challenge, ladder(1), team="Top Quarks")
    (tmp_path / "cnn.npy").write_bytes(ladder(3))
    return challenge


@pytest.fixture
def says(capsys):
    def said(*argv, status=0):
        capsys.readouterr()
        assert main(list(argv)) == status
        printed = capsys.readouterr()
        return printed.out + printed.err

    return said


class Terminal(io.StringIO):
    def isatty(self):
        return True


# --- a team that is not there yet --------------------------------------------------------------


def test_a_slip_in_the_name_makes_no_team(challenge, says):
    said = says("score", "c", "cnn.npy", "--team", "Top Qarks", status=1)
    assert said == (
        "refused [unknown-team] There is no team 'Top Qarks' yet (nearest: Top Quarks): check the "
        "name, or add --new-team.\n"
    )
    assert challenge.store.team_names() == {"top quarks": "Top Quarks"}


def test_a_new_team_is_made_when_it_is_said_to_be_new(challenge, says):
    assert "accepted Bottoms / cnn" in says(
        "score", "c", "cnn.npy", "--team", "Bottoms", "--new-team"
    )
    again = says("score", "c", "cnn.npy", "--team", "bottoms")  # known now, however it is written
    assert "accepted Bottoms / cnn" in again


@pytest.mark.parametrize(("answer", "status"), [("y\n", 0), ("Yes\n", 0), ("\n", 1), ("", 1)])
def test_at_a_terminal_a_person_is_asked(challenge, monkeypatch, answer, status):
    screen = Terminal()
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    monkeypatch.setattr(sys, "stderr", screen)
    assert main(["score", "c", "cnn.npy", "--team", "Top Qarks"]) == status
    question = "There is no team 'Top Qarks' yet (nearest: Top Quarks). Make it? [y/N] "
    assert screen.getvalue().startswith(question)
    assert ("top qarks" in challenge.store.team_names()) == (status == 0)


def test_nobody_is_asked_about_a_team_that_is_there(challenge, monkeypatch, says):
    monkeypatch.setattr(sys, "stdin", Terminal())
    assert "accepted Top Quarks" in says("score", "c", "cnn.npy", "--team", " top  quarks")


@pytest.mark.parametrize("name", ["-x", ".x", "--all"])
def test_a_new_team_begins_with_neither_a_dash_nor_a_dot(challenge, says, name):
    said = says("score", "c", "cnn.npy", f"--team={name}", "--new-team", status=1)
    assert "[team-name] Expected the name of a new team to begin with anything but '-'" in said


# --- names that begin with a dash ----------------------------------------------------------------


@pytest.fixture
def dashed(challenge):
    """A team of an older challenge, which had no rule against its name."""
    sent = send(challenge, content(), team="dash")
    with challenge.store._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE team SET name = '-x', key = '-x' WHERE key = 'dash'")
    return sent.sha256[:8]


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["show", "c", "--", "-x"], "of 5 submissions left"),
        (["extend", "c", "--per-day", "9", "--", "-x"], "extended -x"),
        (["pick", "c", "--", "-x", "RECEIPT"], "picked for -x: cnn"),
        (["withdraw", "c", "--", "-x", "RECEIPT"], "withdrawn -x / cnn"),
        (["withdraw", "c", "--all", "--", "-x"], "withdrawn -x / cnn"),
        (["rename", "c", "--", "-x", "x"], "renamed -x: now x"),
        (["merge", "c", "--", "-x", "Top Quarks"], "merged -x into Top Quarks"),
        (["score", "c", "cnn.npy", "--team=-x"], "accepted -x / cnn"),
    ],
)
def test_every_command_takes_a_team_that_begins_with_a_dash(challenge, dashed, says, argv, words):
    assert words in says(*(dashed if each == "RECEIPT" else each for each in argv))


@pytest.mark.parametrize(
    "argv",
    [
        ["show", "c", "-x"],
        ["extend", "c", "-x", "--per-day", "9"],
        ["pick", "c", "-x", "0123456789"],
        ["withdraw", "c", "-x", "--all"],
        ["rename", "c", "-x", "x"],
        ["merge", "c", "x", "-x"],
        ["score", "c", "cnn.npy", "--team", "-x"],
    ],
)
def test_how_to_write_such_a_name_is_told(challenge, argv, capsys):
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert "begins with '-' goes after --, or after = as in --team=-x" in told
    assert "an old team may have one, a new one not" in told  # else the hint leads to a refusal


def test_the_hint_comes_also_where_the_words_are_those_of_the_process(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["challenge", "show", "c", "Omega", "-x"])
    with pytest.raises(SystemExit):
        main()
    assert "begins with '-' goes after --" in capsys.readouterr().err


# --- the list, and what puts it right ------------------------------------------------------------


def test_teams_are_listed_with_what_they_have(challenge, says):
    send(challenge, ladder(2), team="Bottoms", network="dnn")
    accept(challenge, content(), team="baseline", network="jet mass", is_ours=True)
    says("score", "c", "c/challenge.toml", "--team", "Bottoms", status=1)
    says("withdraw", "c", "Bottoms", "--all")
    says("rename", "c", "Bottoms", "Beauties")
    says("extend", "c", "beauties", "--until", "2099-01-01")
    lines = says("teams", "c").splitlines()
    assert [line.split(":")[0] for line in lines] == ["baseline", "Beauties", "Top Quarks"]
    assert lines[1].startswith("Beauties: 1 refused, 1 withdrawn (dnn), the last ")
    assert lines[1].endswith(
        "; 4 of 5 submissions left; until 2099-01-01 23:59:59 UTC; before: bottoms."
    )


def test_a_wrong_hand_in_is_undone_and_put_back(challenge, says):
    receipt = challenge.store.records()[0].sha256[:12]
    withdrawn = f"withdrawn Top Quarks / cnn (receipt {receipt}).\n"
    assert says("withdraw", "c", "top quarks", receipt) == withdrawn
    assert says("withdraw", "c", "top quarks", receipt) == "nothing to withdraw.\n"
    assert "No entries yet." in says("board", "c")
    assert "restored Top Quarks" in says("withdraw", "c", "top quarks", receipt, "--undo")
    assert "Top Quarks / cnn is" in says("board", "c")
    assert " 0 faults" in says("audit", "c")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["withdraw", "c", "Top Quarks"], "Expected one RECEIPT or more, or --all."),
        (["withdraw", "c", "Top Quarks", "0123456789", "--all"], "Expected one RECEIPT"),
        (["withdraw", "c", "Top Quarks", "0123456789"], "No scored submission"),
        (["withdraw", "c", "Top Qarks", "--all"], "Nearest: Top Quarks"),
        (["rename", "c", "Top Qarks", "x"], "Nearest: Top Quarks"),
        (["merge", "c", "Top Quarks", "us"], "no team 'us'"),
        (["merge", "c", "Top Quarks", "TOP QUARKS"], "one team already"),
        (["show", "c", "J\udcf6rg"], "no team 'J?rg'"),
        (["extend", "c", "J\udcf6rg", "--per-day", "9"], "no team 'J?rg'"),
        (["backup", "c", "c"], "Expected a new folder"),
    ],
)
def test_what_cannot_be_put_right_is_told(challenge, says, argv, words):
    assert words in says(*argv, status=2)


def test_the_present_name_of_a_team_is_told_whatever_was_typed(challenge, says):
    receipt = challenge.store.records()[0].sha256[:12]
    assert (
        says("rename", "c", "top quarks", "TOP QUARKS") == "renamed Top Quarks: now TOP QUARKS.\n"
    )
    assert says("rename", "c", "top quarks", "TOP QUARKS") == "TOP QUARKS is its name already.\n"
    said = says("rename", "c", "top quarks", "Tops")
    assert said == "renamed TOP QUARKS: now Tops; the old name still leads to it.\n"
    assert says("extend", "c", "top quarks", "--per-day", "9").startswith("extended Tops: 9")
    assert says("pick", "c", "top quarks", receipt) == "picked for Tops: cnn.\n"
    send(challenge, ladder(2), team="Bottoms")
    assert says("merge", "c", "top quarks", "bottoms").startswith("merged Tops into Bottoms:")


def test_two_final_choices_for_one_network_are_refused(challenge, says):
    first, second = challenge.store.records()[0], send(challenge, ladder(3), team="Top Quarks")
    said = says("pick", "c", "Top Quarks", first.sha256, second.sha256, status=2)
    assert f"{first.sha256[:12]} and {second.sha256[:12]} are both of cnn: choose one" in said
    assert not any(each.is_pick for each in challenge.store.records())
    assert says("pick", "c", "Top Quarks", *[first.sha256] * 2) == "picked for Top Quarks: cnn.\n"


def test_a_merge_tells_what_it_withdraws(challenge, says):
    receipt = send(challenge, ladder(1), team="Bottoms").sha256[:12]
    said = says("merge", "c", "Bottoms", "Top Quarks").splitlines()
    assert said[1:] == [
        f"withdrawn Top Quarks / cnn (receipt {receipt}): both handed in this file."
    ]


def test_undoing_all_tells_what_stays_withdrawn(challenge, says):
    first = challenge.store.records()[0].sha256[:12]
    second = send(challenge, ladder(2), team="Top Quarks").sha256[:12]
    says("withdraw", "c", "Top Quarks", first)
    says("withdraw", "c", "Top Quarks", "--all")
    assert says("withdraw", "c", "Top Quarks", "--all", "--undo").splitlines() == [
        f"restored Top Quarks / cnn (receipt {second}).",
        f"still withdrawn, for itself: Top Quarks / cnn (receipt {first}).",
    ]


def test_a_file_for_the_wrong_network_is_handed_in_again(challenge, says):
    says("score", "c", "cnn.npy", "--team", "Top Quarks")
    receipt = challenge.store.records()[-1].sha256[:12]
    says("withdraw", "c", "Top Quarks", receipt)
    argv = ["score", "c", "cnn.npy", "--team", "Top Quarks", "--network", "dnn"]
    assert "withdrawn from cnn by the instructor" in says(*argv, status=1)
    assert "accepted Top Quarks / dnn" in says(*argv, "--again")


def test_a_baseline_that_an_older_version_withdrew_is_named_with_its_way_back(
    challenge, says, monkeypatch
):
    monkeypatch.setattr(commands, "baseline_files", lambda _: iter([("jet mass", content())]))
    says("baselines", "c")
    with challenge.store._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE submission SET withdrawn = received_at WHERE id = 2")
    said = says("baselines", "c", status=2)
    assert "The baseline 'jet mass' was withdrawn. Put it back with: python -m challenge" in said
    assert "restored baseline / jet mass" in says(*said.split("challenge ")[-1].split())
    assert "accepted baseline / jet mass" in says("baselines", "c")
