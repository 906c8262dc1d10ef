"""The command line: what it prints, where, and with which exit status."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from challenge.cli import main
from challenge.store.challenge import Challenge
from challenge.store.database import DATABASE
from course_utils.jetfile import JetTable, write_jets

N = 300
RNG = np.random.default_rng(11)
LABELS = RNG.permutation(np.arange(N) % 2)
SCORES = RNG.normal(size=N) + 2 * LABELS


@pytest.fixture
def files(tmp_path):
    """A folder with a challenge `c`, two good submissions and two bad ones."""
    np.save(tmp_path / "labels.npy", LABELS)
    (tmp_path / "labels.npy").chmod(0o600)
    np.save(tmp_path / "cnn.npy", SCORES.astype(np.float32))
    np.save(tmp_path / "dnn.npy", (SCORES + RNG.normal(size=N)).astype(np.float16))
    np.save(tmp_path / "column.npy", SCORES[:, None])
    (tmp_path / "empty.npy").touch()
    assert run("create", tmp_path / "c", "--labels", tmp_path / "labels.npy", "--seed", 2) == 0
    return tmp_path


def run(*argv) -> int:
    return main([str(each) for each in argv])


def told(capsys):
    """What the command itself printed, the fixture's lines set aside."""
    printed = capsys.readouterr()
    out = [line for line in printed.out.splitlines() if not line.startswith("created ")]
    return out, printed.err.splitlines()


# --- check -----------------------------------------------------------------------------------


def test_check_accepts_a_good_file_and_stores_nothing(files, capsys):
    assert run("check", files / "c", files / "cnn.npy") == 0
    out, err = told(capsys)
    assert out == [f"accepted {files / 'cnn.npy'}: 300 finite scores."]
    assert err == []
    assert list((files / "c" / "submissions").iterdir()) == []


def test_check_hints_at_classes_in_the_place_of_scores(files, capsys):
    np.save(files / "classes.npy", (SCORES > 1).astype(np.float32))
    assert run("check", files / "c", files / "classes.npy") == 0
    assert "Only 2 distinct scores" in told(capsys)[0][0]


def test_check_refuses_with_one_reason_and_one_sentence_on_standard_error(files, capsys):
    assert run("check", files / "c", files / "column.npy") == 1
    out, err = told(capsys)
    assert out == []
    assert len(err) == 1
    assert err[0].startswith("refused [shape] Expected one value per jet, shape (300,); got")


def test_check_answers_each_of_several_files(files, capsys):
    names = [files / name for name in ("column.npy", "cnn.npy", "empty.npy", "dnn.npy")]
    assert run("check", files / "c", *names) == 1
    out, err = told(capsys)
    assert [line.split(":")[0] for line in out] == [f"accepted {names[1]}", f"accepted {names[3]}"]
    assert [line.split("]")[0] for line in err] == [
        f"refused {names[0]} [shape",
        f"refused {names[2]} [empty",
    ]
    assert run("check", files / "c", names[1], names[3]) == 0


def test_check_needs_neither_labels_nor_database(files):
    for secret in ("labels.npz", "challenge.sqlite", "challenge.postgresql"):
        (files / "c" / secret).unlink(missing_ok=True)
    assert run("check", files / "c", files / "cnn.npy") == 0


# --- score -----------------------------------------------------------------------------------


def test_score_prints_auc_with_error_and_both_rejections(files, capsys):
    assert (
        run(
            "score",
            files / "c",
            files / "cnn.npy",
            "--team",
            "us",
            "--new-team",
            "--network",
            "My CNN",
        )
        == 0
    )
    (line,), err = told(capsys)
    assert err == []
    assert line.startswith("accepted us / My CNN: AUC 0.9")
    assert all(part in line for part in (" ± ", "R50 ", "R30 ", "receipt ", " UTC)"))


def test_a_network_is_named_after_its_file(files):
    run("score", files / "c", files / "cnn.npy", "--team", "us", "--new-team")
    assert [each.network for each in Challenge.open(files / "c").store.scored()] == ["cnn"]


def test_one_bad_file_does_not_stop_the_others(files, capsys):
    names = ("column.npy", "cnn.npy", "empty.npy", "absent.npy", "dnn.npy")
    assert (
        run("score", files / "c", *(files / name for name in names), "--team", "us", "--new-team")
        == 1
    )
    out, err = told(capsys)
    assert [line.split(":")[0] for line in out] == ["accepted us / cnn", "accepted us / dnn"]
    reasons = [line[line.index("[") + 1 : line.index("]")] for line in err]
    assert reasons == ["shape", "empty", "unreadable"]


def test_hidden_and_temporary_files_are_skipped(files, capsys):
    """A pattern of another shell, or of a file server, may match them."""
    litter = [files / name for name in ("._cnn.npy", ".DS_Store", "~$cnn.npy")]
    for each in litter:
        each.write_bytes((files / "cnn.npy").read_bytes())
    argv = ("score", files / "c", *litter, files / "cnn.npy", "--team", "us", "--new-team")
    assert run(*argv) == 0
    out, err = told(capsys)
    assert [line.split(":")[0] for line in out] == ["accepted us / cnn"]
    assert [line.split(":")[0] for line in err] == [f"skipped {each}" for each in litter]
    assert len(Challenge.open(files / "c").store.records()) == 1
    assert run("score", files / "c", *litter, "--team", "us") == 2
    assert "Expected one FILE" in told(capsys)[1][-1]


def test_limits_are_shown_as_limits(files, capsys):
    np.save(files / "perfect.npy", LABELS * 1.0)
    run("score", files / "c", files / "perfect.npy", "--team", "us", "--new-team")
    assert "R50 > 60, R30 > 60" in told(capsys)[0][0]


def test_the_reserved_team_name_is_refused(files, capsys):
    assert run("score", files / "c", files / "cnn.npy", "--team", "Baseline", "--new-team") == 1
    assert "[team-name]" in told(capsys)[1][0]


def test_the_name_of_a_file_cannot_paint_the_terminal(files, capsys):
    hostile = files / "\x1b[31mred\n.npy"
    hostile.touch()
    assert run("score", files / "c", hostile, "--team", "us", "--new-team") == 1
    _, err = told(capsys)
    assert len(err) == 1
    assert err[0].isprintable()


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read every file"
)
def test_score_without_the_right_to_the_labels_points_to_check(files, capsys):
    (files / "c" / "labels.npz").chmod(0)
    assert run("score", files / "c", files / "cnn.npy", "--team", "us", "--new-team") == 2
    assert "challenge check" in told(capsys)[1][0]


def test_score_without_labels_points_to_check(files, capsys):
    (files / "c" / "labels.npz").unlink()
    assert run("score", files / "c", files / "cnn.npy", "--team", "us", "--new-team") == 2
    assert "challenge check" in told(capsys)[1][0]


def test_a_full_disk_is_told_and_loses_nothing(files, capsys, monkeypatch):
    def disk_full(*_args, **_options):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("challenge.store.store.write_file", disk_full)
        assert run("score", files / "c", files / "cnn.npy", "--team", "us", "--new-team") == 2
    assert "No space left on device" in told(capsys)[1][0]
    assert run("score", files / "c", files / "cnn.npy", "--team", "us", "--new-team") == 0


def test_a_damaged_database_is_told(files, capsys):
    if not (files / "c" / DATABASE).exists():
        pytest.skip("the database is not in the folder")
    path = files / "c" / DATABASE
    sound = path.read_bytes()
    middle = len(sound) // 2
    for damaged in (b"no database" * 1000, sound[:middle] + b"\xa5" * middle, sound[:5000], b""):
        path.write_bytes(damaged)
        assert run("board", files / "c") == 2
        (sentence,) = told(capsys)[1]
        assert sentence.startswith(f"error: {path} is damaged (")
        assert "last copy that python -m challenge backup made" in sentence
        assert "try again" not in sentence
        assert path.read_bytes() == damaged  # empty tables in its place would hide the loss


# --- create, baselines, board ------------------------------------------------------------------


def test_from_jets_to_a_board_with_a_baseline(tmp_path, capsys, monkeypatch):
    # As where FastJet is not installed: what needs none is there all the same.
    monkeypatch.setitem(sys.modules, "course_utils.substructure", None)
    rng = np.random.default_rng(12)
    half_mass = np.where(LABELS, rng.normal(86, 5, N), rng.uniform(5, 150, N))
    jets = np.zeros((N, 200, 4), np.float32)
    jets[:, 0, 0] = jets[:, 1, 0] = jets[:, 0, 1] = half_mass
    jets[:, 1, 1] = -half_mass
    table = JetTable(jets, np.zeros((N, 4)), LABELS, np.ones(N))
    write_jets(tmp_path / "test.h5", [table], provenance={})
    folder = tmp_path / "c"
    assert run("create", folder, "--jets", tmp_path / "test.h5", "--seed", 5, "--name", "Tops") == 0
    assert run("baselines", folder) == 2
    assert run("baselines", folder) == 2  # again: the same entry
    assert "pip install -c constraints.txt -e '.[simulation]'" in capsys.readouterr().err
    assert run("board", folder, "--format", "json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["challenge"] == "Tops"
    (row,) = shown["entries"]
    assert (row["team"], row["network"]) == ("baseline", "jet mass")
    assert 0.85 < row["auc"] < 1


def test_the_board_ranks_the_better_network_first_in_every_format(files, capsys):
    run("score", files / "c", files / "dnn.npy", "--team", "us", "--new-team")
    run("score", files / "c", files / "cnn.npy", "--team", "them", "--new-team")
    capsys.readouterr()
    for form in ("table", "json", "csv", "md"):
        assert run("board", files / "c", "--format", form) == 0
        out = capsys.readouterr().out
        assert 0 < out.index("cnn") < out.index("dnn")


def test_the_board_can_be_read_while_a_submission_is_being_written(files):
    store = Challenge.open(files / "c").store
    with store.writing():
        assert run("board", files / "c") == 0


def test_create_refuses_what_makes_no_challenge(files, capsys):
    np.save(files / "tops.npy", np.ones(10))
    assert run("create", files / "d", "--labels", files / "tops.npy") == 1
    assert told(capsys)[1] == [
        "refused [one-class] Expected at least two jets of each class; got 10 signal and "
        "0 background jets."
    ]
    assert run("create", files / "c", "--labels", files / "labels.npy") == 1
    assert "[exists]" in told(capsys)[1][0]


# --- a whole term -------------------------------------------------------------------------------


def test_a_term_from_create_to_the_marks(files, tmp_path, capsys):
    folder = files / "c"
    run("score", folder, files / "cnn.npy", files / "dnn.npy", "--team", "Top Quarks", "--new-team")
    receipt = told(capsys)[0][1].split("receipt ")[1][:12]

    def says(*argv, status=0):
        assert run(*argv) == status
        out, err = told(capsys)
        return "\n".join(out + err)

    assert says("pause", folder).startswith("paused")
    refused = says("score", folder, files / "cnn.npy", "--team", "them", "--new-team", status=1)
    assert "[paused]" in refused
    assert says("resume", folder).startswith("resumed")
    extended = says("extend", folder, "top quarks", "--until", "2099-01-01", "--per-day", 9)
    assert "until 2099-01-01 23:59:59 UTC, 9 submissions" in extended
    assert says("pick", folder, "Top Quarks", receipt) == "picked for Top Quarks: dnn."
    shown = says("show", folder, "Top Quarks")
    assert "dnn, final choice" in shown
    assert "7 of 9 submissions left" in shown
    assert says("reveal", folder, status=2).startswith("error: Teams may still submit")
    assert (
        says("close", folder) == "closed: 2 submissions are scored, 0 are waiting for their file."
    )
    assert "[closed]" in says(
        "score", folder, files / "cnn.npy", "--team", "them", "--new-team", status=1
    )
    revealed = says("reveal", folder)
    assert "Top Quarks" in revealed
    assert "There are no baselines" in revealed
    students = tmp_path / "students.csv"
    students.write_text("student_id,team\nann,Top Quarks\n")
    exported = says("export", folder, "--students", students)
    assert "ann" in exported
    assert "There are no baselines" in exported
    students.write_text("student_id,team\nann,Top Quark\n")
    exported = says("export", folder, "--students", students, status=1)
    assert "student 'ann': no team 'Top Quark'" in exported
    assert "team 'Top Quarks': no student" in exported
    students.unlink()
    assert f"{students} cannot be read" in says("export", folder, "--students", students, status=2)
    assert says("rescore", folder, "--verify") == "verified: 2 submissions, 0 differ."
    assert says("rescore", folder) == "rescored: 0 of 2 submissions changed."
    assert " 0 faults" in says("audit", folder)


def test_show_tells_refusals_and_what_waits_for_its_score(files, capsys):
    folder = files / "c"
    run("score", folder, files / "cnn.npy", files / "column.npy", "--team", "us", "--new-team")
    (files / "c" / "submissions" / "x").touch()
    assert run("show", folder, "us") == 0
    out, _ = told(capsys)
    assert "refused [shape]" in "\n".join(out)
    assert out[-1].startswith("4 of 5 submissions left, the next returns ")


def test_resume_does_not_pretend_to_open_what_is_over_by_its_rules(files, capsys):
    settings = files / "c" / "challenge.toml"
    settings.write_text(settings.read_text() + "closes = 2020-01-01T00:00:00Z\n")
    assert run("resume", files / "c") == 2
    assert "set a later closes in" in told(capsys)[1][0]


def test_accepted_leaks_are_told(tmp_path, capsys):
    np.save(tmp_path / "sorted.npy", np.sort(LABELS))
    argv = ("create", tmp_path / "c", "--labels", tmp_path / "sorted.npy")
    assert run(*argv) == 1
    assert "--accept-leaks" in told(capsys)[1][0]
    assert run(*argv, "--accept-leaks") == 0
    assert told(capsys)[1][0].startswith("leak accepted [row-order]")


def test_teams_that_hand_in_the_same_file_are_pointed_out_at_the_end(files, capsys):
    for team in ("us", "them"):
        run("score", files / "c", files / "cnn.npy", "--team", team, "--new-team")
    run("close", files / "c")
    capsys.readouterr()
    assert run("reveal", files / "c") == 0
    out, _ = told(capsys)
    assert "alike: us / cnn and them / cnn (the same file): ask both teams." in out


# --- usage -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["destroy", "c"],
        ["create", "c"],
        ["create", "c", "--jets", "a.h5", "--labels", "b.npy"],
        ["create", "c", "--jets", "a.h5", "--seed", "-1"],
        ["create", "c", "--jets", "a.h5", "--seed", "many"],
        ["check", "c"],
        ["score", "c", "a.npy"],
        ["score", "c", "--team", "us", "--new-team"],
        ["create", "c", "--labels", "b.npy", "--closes", "tomorrow"],
        ["create", "c", "--labels", "b.npy", "--per-day", "0"],
        ["pick", "c", "us"],
        ["board", "c", "--format", "pdf"],
    ],
)
def test_a_command_that_cannot_be_understood_ends_with_status_2(argv, capsys):
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["create", "d", "--jets", "test.h5"], "--seed"),
        (["extend", "c", "us"], "--until"),
        (["extend", "c", "us", "--per-day", "9"], "no team 'us'"),
        (["show", "c", "us"], "'us'"),
        (["pick", "c", "us", "0123456789"], "no team 'us'"),
        (["reveal", "c"], "close the challenge first"),
        (["export", "c"], "reveal the challenge first"),
        (
            ["score", "c", "a.npy", "b.npy", "--team", "us", "--new-team", "--network", "n"],
            "--network",
        ),
        (["check", "nowhere", "a.npy"], "your instructor"),
        (["score", "nowhere", "a.npy", "--team", "us", "--new-team"], "challenge create"),
        (["board", "nowhere"], "challenge create"),
        (["baselines", "c"], "no jets"),
    ],
)
def test_a_command_that_cannot_be_carried_out_says_why(files, capsys, monkeypatch, argv, words):
    monkeypatch.chdir(files)
    assert main(argv) == 2
    _, (sentence,) = told(capsys)
    assert words in sentence


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("team", "there is no command 'team' (nearest: teams"),
        ("leaderboard", "(nearest: board)"),
        ("withdrawal", "(nearest: withdraw)"),
        ("xyz", "(commands are create, check, board"),
        ("\x1b[31m", "there is no command '?[31m'"),
    ],
)
def test_a_command_that_is_misspelt_is_told_with_the_nearest(typed, words, capsys):
    with pytest.raises(SystemExit) as ended:
        main([typed, "c"])
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


COMMANDS = (
    "create check score board show teams pause resume extend pick withdraw rename merge close"
    " reveal rescore export baselines backup audit"
)


@pytest.mark.parametrize("command", COMMANDS.split())
def test_every_command_explains_itself_with_an_example_that_parses(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"example:\n  python -m challenge {command} top_challenge" in capsys.readouterr().out


def python(*argv):
    return subprocess.run(
        [sys.executable, *map(str, argv)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )


def test_the_module_runs_as_a_program(files):
    accepted = python(
        "-m", "challenge", "score", files / "c", files / "cnn.npy", "--team", "us", "--new-team"
    )
    assert (accepted.returncode, accepted.stderr) == (0, "")
    refused = python("-m", "challenge", "check", files / "c", files / "empty.npy")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("refused [empty] ")


@pytest.mark.parametrize(
    ("argv", "gone"),
    [
        (["board", "c"], "stdout"),
        (["board", "c", "--format", "html"], "stdout"),
        (["check", "c", "cnn.npy", "empty.npy"], "stdout"),
        (["check", "c", "empty.npy"], "stderr"),
        (["--help"], "stdout"),
        (["score", "--help"], "stdout"),
    ],
)
def test_a_reader_that_stops_early_ends_a_command_without_a_word(files, argv, gone):
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(
        [sys.executable, "-m", "challenge", *argv],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        cwd=files,
        timeout=120,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, gone: writer},
    )
    os.close(writer)
    assert ended.returncode == 141 or argv[-1] == "--help"  # argparse may swallow the error
    assert not (ended.stderr if gone == "stdout" else ended.stdout)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
def test_output_that_finds_no_room_is_told_in_one_sentence(files):
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "challenge", "board", "c"],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            cwd=files,
            timeout=120,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert ended.returncode == 2
    (sentence,) = ended.stderr.splitlines()
    assert "No space left on device" in sentence


def test_scoring_needs_no_jet_files_and_no_networks():
    heavy = [
        "pandas",
        "tables",
        "tensorflow",
        "torch",
        "matplotlib",
        "sklearn",
        "course_utils.jetfile",
    ]
    loaded = python(
        "-c", f"import sys, challenge.cli; print([m for m in {heavy} if m in sys.modules])"
    )
    assert loaded.stdout.strip() == "[]", loaded.stderr
