"""JET_DATA names the folder of all samples; whatever else it says is told, with its name."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from course_utils.__main__ import main
from course_utils.jetfile import DataError, DataNotFound
from course_utils.samples import find, load_jets

if TYPE_CHECKING:
    from conftest import Places


@pytest.fixture
def jets(places: Places) -> Path:
    """The right value: a folder with the three splits of top_tagging; a small sample, too."""
    places.put_small()
    for split in ("train", "val", "test"):
        places.put(places.environment, split, 4)
    return places.environment


def unreadable(jets: Path) -> str:
    if os.name == "nt" or os.geteuid() == 0:
        pytest.skip("this account may read every folder")
    jets.chmod(0)
    return str(jets)


def link_to_nothing(jets: Path) -> str:
    link = jets.parent / "link"
    link.symlink_to(jets.parent / "unmounted")
    return str(link)


def link_inside(jets: Path) -> str:
    (jets / "top_tagging" / "train.h5").unlink()
    (jets / "top_tagging" / "train.h5").symlink_to("train_000.h5")
    return str(jets)


CANNOT_BE_MEANT = {
    "one level too deep": (lambda jets: str(jets / "top_tagging"), "the folder of one sample"),
    "a file": (lambda jets: str(jets / "top_tagging" / "train.h5"), "which is a file"),
    "a link to nothing": (link_to_nothing, "link to .*unmounted, and that is not there"),
    "a link to nothing inside": (link_inside, "train.h5 is a link to train_000.h5"),
    "an unset variable": (lambda jets: "$NOBODY_SET_THIS/jets", "variable that is not set"),
    "unreadable": (unreadable, "cannot be read"),
}


@pytest.mark.parametrize("case", CANNOT_BE_MEANT)
def test_a_value_that_cannot_be_meant_is_an_error_in_lessons_and_commands(
    jets: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    make, fault = CANNOT_BE_MEANT[case]
    monkeypatch.setenv("JET_DATA", value := make(jets))
    before = sorted(jets.rglob("*"))
    with pytest.raises(DataError, match=fault) as told:
        load_jets("top_tagging", "train")
    message = str(told.value)
    assert f"JET_DATA is {value!r}" in message
    assert "top_tagging/{train,val,test}.h5 are looked for" in message
    for command in ([], ["--generate", "top_tagging"], ["top_tagging"]):
        assert main(command) == 1
        assert capsys.readouterr().err == f"{message}\n"
    jets.chmod(0o755)
    assert sorted(jets.rglob("*")) == before


@pytest.mark.parametrize("case", ["one level too deep", "a file"])
def test_who_names_a_folder_or_file_inside_is_told_the_right_folder(
    jets: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    monkeypatch.setenv("JET_DATA", CANNOT_BE_MEANT[case][0](jets))
    with pytest.raises(DataError, match=re.escape(f"Set JET_DATA to {jets}, or unset it.")):
        find("top_tagging", "train")


def test_an_unreadable_folder_is_an_error_for_whoever_may_not_enter_it(
    jets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(self: Path) -> object:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setenv("JET_DATA", str(jets))
    monkeypatch.setattr(Path, "iterdir", refuses)
    with pytest.raises(DataError, match=r"JET_DATA is .* cannot be read \(Permission denied\)"):
        load_jets()


NO_JETS_YET = {
    "missing": (lambda jets: str(jets.parent / "later"), "is not there"),
    "empty": (lambda jets: str(jets.parent), "holds none"),
    "relative": (lambda jets: "later", f"here {Path('later').absolute()}, which is not there"),
    "quoted": (lambda jets: f'"{jets}"', "is not there"),
}


@pytest.mark.parametrize("case", NO_JETS_YET)
def test_a_place_without_jets_is_named_beside_the_small_sample_that_serves(
    jets: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, case: str
) -> None:
    make, fault = NO_JETS_YET[case]
    monkeypatch.setenv("JET_DATA", value := make(jets))
    for split in ("train", "val"):
        assert find("top_tagging", split).name == "top_tagging_small.h5"
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert f"JET_DATA is {value!r}" in record.message
    assert fault in record.message
    assert "top_tagging/{train,val,test}.h5. " in record.message
    assert "small sample" in record.message


def test_one_level_too_high_is_told_the_folder_below(
    jets: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("JET_DATA", str(jets.parent))
    find("top_tagging", "train")
    assert f"Did you mean JET_DATA={jets}?" in caplog.text


def test_jets_of_another_place_are_not_taken_without_a_word(
    jets: Path, places: Places, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("JET_DATA", str(places.environment.parent / "later"))
    path = places.put(places.cache, "train", 4)
    assert find("top_tagging", "train") == path
    assert "is not there" in caplog.text
    assert f"These are the data of {path.parent}." in caplog.text


def test_without_jets_anywhere_the_error_names_it(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JET_DATA", str(places.environment))
    with pytest.raises(DataNotFound, match=r"JET_DATA is .* is not there"):
        load_jets()


@pytest.mark.parametrize("value", ["~/jets", "$HOME/jets", "${HOME}/jets"])
def test_a_home_folder_that_nobody_expanded_is_found(
    jets: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, value: str
) -> None:
    monkeypatch.setenv("HOME", str(jets.parent))
    jets.rename(jets.parent / "jets")
    monkeypatch.setenv("JET_DATA", value)
    assert find("top_tagging", "train") == jets.parent / "jets" / "top_tagging" / "train.h5"
    assert not caplog.records


def test_the_default_place_without_jets_needs_no_word(
    places: Places, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """``make`` sets JET_DATA to ``data/`` in the checkout, which nobody has chosen."""
    places.put_small()
    monkeypatch.setenv("JET_DATA", str(places.checkout / "data"))
    find("top_tagging", "train")
    assert "JET_DATA" not in caplog.text
