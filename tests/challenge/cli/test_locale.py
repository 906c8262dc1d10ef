"""Names are right whatever the machine's locale knows: on the command line, on boards, in files."""

import csv
import os
import subprocess
import sys

import pytest
from challenges import content, ladder, new_challenge

LOCALES = {
    "C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "another output": {"LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "latin-1"},
}


@pytest.fixture(params=LOCALES)
def typed(request, tmp_path):
    """A function that types a command in this locale; gives the status and the bytes it wrote."""
    new_challenge(tmp_path / "c")
    (tmp_path / "Jörg.npy").write_bytes(ladder(1))
    (tmp_path / "文.npy").write_bytes(content(3))
    path = os.pathsep.join(filter(None, sys.path))
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG", "PYTHON"))
    }
    environment |= {"PYTHONPATH": path, **LOCALES[request.param]}

    def run(*argv):
        done = subprocess.run(
            [sys.executable, "-m", "challenge", *(os.fsencode(each) for each in argv)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            timeout=120,
        )
        return done.returncode, done.stdout, done.stderr.decode()

    return run


def test_names_come_in_and_go_out_as_they_are(typed):
    score = ("score", "c", "Jörg.npy", "文.npy", "--team", "Jörg Müller")
    assert typed(*score)[0] == 1  # unknown: it is told by its right name
    status, out, err = typed(*score, "--new-team")
    assert (status, err) == (0, "")
    assert "accepted Jörg Müller / Jörg" in out.decode()
    assert "accepted Jörg Müller / 文" in out.decode()
    assert "of 5 submissions left" in typed("show", "c", "jörg müller")[1].decode()
    assert "Jörg Müller: 2 scored (Jörg, 文)" in typed("teams", "c")[1].decode()
    for form in ("table", "json"):
        status, board, _ = typed("board", "c", "--format", form)
        # JSON may escape: whoever reads it gets the name all the same.
        text = board.decode().encode().decode("unicode-escape" if form == "json" else "utf-8")
        assert "Jörg Müller" in text, form
    (line,) = csv.DictReader(typed("board", "c", "--format", "csv")[1].decode().splitlines()[:2])
    assert line["team"] == "Jörg Müller"
    assert typed("rename", "c", "Jörg Müller", "Zoë")[0] == 0
    assert "no team 'Mü'" in typed("show", "c", "Mü")[2]


def test_bytes_in_another_encoding_are_told_and_no_traceback(typed):
    for argv, status in (
        (("show", "c", "J\udcf6rg"), 2),
        (("score", "c", "Jörg.npy", "--team", "J\udcf6rg", "--new-team"), 1),
        (("score", "J\udcf6", "Jörg.npy", "--team", "a"), 2),
        (("create", "J\udcf6", "--labels", "c-labels.npy"), 1),
    ):
        came, _, err = typed(*argv)
        assert "Traceback" not in err
        assert (came, len(err.splitlines())) == (status, 1), argv
