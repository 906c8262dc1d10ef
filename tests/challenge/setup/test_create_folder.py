"""The folder of a new challenge: secret, complete, or left as it was."""

import os
import stat

import numpy as np
import pytest
from new_challenges import EIGHT, labelled_jets, labels_file, reason_of

from challenge.errors import ChallengeError, CreationError
from challenge.setup import create as creation
from challenge.setup.create import create_from_jets, create_from_labels
from challenge.setup.plan import Plan
from challenge.store.challenge import Challenge
from challenge.store.folder import LABELS, SETTINGS
from challenge.store.records import Split
from course_utils.jetfile import write_jets


@pytest.fixture
def jets(tmp_path):
    path = tmp_path / "test.h5"
    write_jets(path, [labelled_jets()], provenance={"seed": 20260401 * 10**10, "process": "top"})
    return path


def test_labels_are_never_readable_by_others_not_even_for_a_moment(tmp_path, monkeypatch):
    os_open, opened = os.open, []

    def noting(path, flags, mode=0o777, **kwargs):
        handle = os_open(path, flags, mode, **kwargs)
        opened.append((str(path), stat.S_IMODE(os.fstat(handle).st_mode)))
        return handle

    monkeypatch.setattr(os, "open", noting)
    create_from_labels(tmp_path / "c", labels_file(tmp_path, EIGHT))
    created = [mode for path, mode in opened if LABELS in path]
    assert set(created) == {0o600}
    assert stat.S_IMODE((tmp_path / "c" / LABELS).stat().st_mode) == 0o600


def test_settings_and_jets_are_public_and_settings_tell_no_secret(tmp_path, jets):
    create_from_jets(tmp_path / "c", jets, seed=987654)
    assert stat.S_IMODE((tmp_path / "c" / SETTINGS).stat().st_mode) & 0o044 == 0o044
    settings = (tmp_path / "c" / SETTINGS).read_text()
    assert "987654" not in settings
    keys = [line.split(" = ")[0] for line in settings.splitlines()]
    assert keys == ["name", "n_jets", "created", "per_day", "refusals_per_day", "networks"]


def test_a_folder_that_holds_anything_is_left_as_it_is(tmp_path):
    labels = labels_file(tmp_path, EIGHT)
    create_from_labels(tmp_path / "c", labels)
    before = {path.name: path.read_bytes() for path in (tmp_path / "c").iterdir() if path.is_file()}
    assert reason_of(create_from_labels, tmp_path / "c", labels) == "exists"
    assert reason_of(create_from_labels, labels, labels) == "exists"  # a file is no folder
    after = {path.name: path.read_bytes() for path in (tmp_path / "c").iterdir() if path.is_file()}
    assert after == before


@pytest.mark.parametrize("left", [[], [".DS_Store"], ["Thumbs.db", "desktop.ini"]])
def test_an_empty_folder_is_taken_also_after_a_look_with_the_mouse(tmp_path, left):
    (tmp_path / "c").mkdir(mode=0o700)
    for name in left:
        (tmp_path / "c" / name).touch()
    create_from_labels(tmp_path / "c", labels_file(tmp_path, EIGHT))


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o701])
def test_a_folder_that_others_can_read_is_refused(tmp_path, mode):
    (tmp_path / "c").mkdir()
    (tmp_path / "c").chmod(mode)
    path = labels_file(tmp_path, EIGHT)
    with pytest.raises(CreationError, match="chmod 700") as refused:
        create_from_labels(tmp_path / "c", path)
    assert refused.value.reason == "readable"
    assert list((tmp_path / "c").iterdir()) == []


def test_a_new_folder_is_readable_by_its_maker_only_whatever_is_usual(tmp_path):
    before = os.umask(0)
    try:
        create_from_labels(tmp_path / "new" / "c", labels_file(tmp_path, EIGHT))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new" / "c").stat().st_mode) == 0o700


def test_the_second_of_two_creators_is_refused_and_spoils_nothing(tmp_path, monkeypatch):
    labels = labels_file(tmp_path, EIGHT)
    challenge, _ = create_from_labels(tmp_path / "c", labels)
    # As if both had looked at the folder while it was empty.
    monkeypatch.setattr(creation, "any", lambda _: False, raising=False)
    assert reason_of(create_from_labels, tmp_path / "c", labels) == "exists"
    np.testing.assert_array_equal(challenge.truth.labels, EIGHT)


@pytest.mark.parametrize("step", ["write_jets", "write_file"])
def test_a_creation_that_fails_leaves_the_folder_free(tmp_path, jets, monkeypatch, step):
    def disk_full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    owner = "course_utils.jetfile" if step == "write_jets" else "challenge.setup.create"
    with monkeypatch.context() as patch:
        patch.setattr(f"{owner}.{step}", disk_full)
        with pytest.raises(OSError, match="No space"):
            create_from_jets(tmp_path / "c", jets, seed=1)
    assert list((tmp_path / "c").iterdir()) == []
    create_from_jets(tmp_path / "c", jets, seed=1)


def test_a_database_that_cannot_be_made_leaves_the_folder_free(tmp_path, monkeypatch):
    def refused(_engine):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("challenge.store.database._migrate", refused)
        with pytest.raises(OSError, match="No space"):
            create_from_labels(tmp_path / "c", labels_file(tmp_path, EIGHT))
    assert list((tmp_path / "c").iterdir()) == []
    create_from_labels(tmp_path / "c", labels_file(tmp_path, EIGHT))


@pytest.mark.parametrize("name", ["<script>", "a\nn_jets = 1", 'quote"', ""])
def test_a_name_that_could_escape_from_the_settings_is_refused(tmp_path, name):
    path = labels_file(tmp_path, EIGHT)
    assert (
        reason_of(create_from_labels, tmp_path / "c", path, plan=Plan(name=name))
        == "challenge-name"
    )


def test_a_folder_name_that_cannot_be_shown_asks_for_another(tmp_path):
    path = labels_file(tmp_path, EIGHT)
    with pytest.raises(CreationError, match="--name"):
        create_from_labels(tmp_path / "(c)", path)


def test_what_is_no_challenge_says_how_to_make_one(tmp_path):
    with pytest.raises(ChallengeError, match="challenge create"):
        Challenge.open(tmp_path)


def test_damaged_labels_are_said_to_be_damaged(tmp_path):
    path = labels_file(tmp_path, EIGHT)
    challenge, _ = create_from_labels(tmp_path / "c", path)
    whole = (tmp_path / "c" / LABELS).read_bytes()
    for damaged in (whole[:-30], b"", whole.replace(b"labels.npy", b"secret.npy")):
        (tmp_path / "c" / LABELS).write_bytes(damaged)
        with pytest.raises(ChallengeError, match="is damaged"):
            challenge.truth.labels_of(Split.PUBLIC)
