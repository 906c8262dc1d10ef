"""What nobody but the instructor may learn before the reveal is nowhere to be read."""

import re
import stat
from io import BytesIO

import numpy as np
import pytest
from challenges import LABELS, content, file_of, ladder, new_challenge, send
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from challenge.board.current import current_standings
from challenge.board.text import FORMATS
from challenge.cli import main
from challenge.errors import ChallengeError
from challenge.store import lifecycle
from challenge.store.database import URL_VARIABLE, create_database
from course_utils.metrics import roc_auc

PUBLIC_FILES = {"challenge.toml", "test_jets.h5"}


@pytest.fixture
def challenge(tmp_path):
    """With a best entry, one that the Ladder did not take, and one of another team."""
    challenge = new_challenge(tmp_path / "c")
    send(challenge, ladder(2))
    send(challenge, ladder(1))
    send(challenge, content(7), team="them")
    return challenge


@pytest.fixture
def told(challenge, tmp_path, capsys):
    """Everything a team could see while the challenge is live, or after it is closed."""
    folder = str(challenge.folder)
    capsys.readouterr()
    for name, data in (("better", ladder(4)), ("worse", ladder(0))):
        (tmp_path / f"{name}.npy").write_bytes(data)
        file = str(tmp_path / f"{name}.npy")
        main(["score", folder, file, "--team", "us", "--new-team", "--network", "cnn"])
    main(["show", folder, "us"])
    boards = [draw(current_standings(challenge)) for draw in FORMATS.values()]
    lifecycle.close(challenge)
    boards += [draw(current_standings(challenge)) for draw in FORMATS.values()]
    printed = capsys.readouterr()
    return "\n".join([printed.out, printed.err, *boards])


def numbers(text):
    return {float(each) for each in re.findall(r"(?<![\w.])0\.\d{3,}", text)}


def auc(data, split):
    return roc_auc(LABELS[split], np.load(BytesIO(data))[split]).value


def test_what_is_told_holds_the_public_auc_of_the_best_to_four_decimals(challenge, told):
    assert round(auc(ladder(4), challenge.truth.is_public), 4) in numbers(told)
    assert all(round(each, 4) == each for each in numbers(told))


@pytest.mark.parametrize("step", [0, 2, 4])
def test_nothing_of_the_private_split_is_told(challenge, told, step):
    assert round(auc(ladder(step), challenge.truth.is_private), 4) not in numbers(told)
    assert round(auc(ladder(step), np.ones(len(LABELS), bool)), 4) not in numbers(told)


@pytest.mark.parametrize("step", [0, 1])
def test_nothing_is_told_of_a_file_that_the_ladder_did_not_take(challenge, told, step):
    assert round(auc(ladder(step), challenge.truth.is_public), 4) not in numbers(told)


def test_no_file_but_the_public_ones_can_be_read_by_others(challenge, told):
    readable = {
        path.name
        for path in challenge.folder.rglob("*")
        if stat.S_IMODE(path.stat().st_mode) & 0o077 and path.is_file()
    }
    assert readable <= PUBLIC_FILES
    assert stat.S_IMODE(challenge.folder.stat().st_mode) == 0o700


def test_labels_that_others_can_read_stop_the_challenge(challenge, capsys):
    labels = challenge.folder / "labels.npz"
    labels.chmod(0o640)
    assert main(["board", str(challenge.folder)]) == 2
    assert "chmod 600" in capsys.readouterr().err


def test_an_error_of_the_database_does_not_quote_what_was_to_be_written(challenge):
    with (
        pytest.raises(DatabaseError) as failed,
        challenge.store._engine.begin() as connection,
    ):
        connection.execute(text("INSERT INTO nowhere VALUES (:auc)"), {"auc": 0.98765})
    assert "0.98765" not in str(failed.value)


def test_a_refusal_does_not_depend_on_the_labels(challenge):
    """The same bad scores with the classes exchanged are refused in the same words."""
    sentences = set()
    for sign in (1, -1):
        scores = sign * (2.0 * LABELS - 1)
        scores[5] = np.nan
        with pytest.raises(Exception, match="finite") as refused:
            send(challenge, file_of(scores), team=f"team {sign + 1}")
        sentences.add(str(refused.value))
    assert len(sentences) == 1


def test_a_database_address_that_is_wrong_is_not_quoted_with_its_password(tmp_path, monkeypatch):
    monkeypatch.setenv(URL_VARIABLE, "mysql://teacher:geheim@host/database")
    with pytest.raises(ChallengeError, match="postgresql") as refused:
        create_database(tmp_path)
    assert "geheim" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []
