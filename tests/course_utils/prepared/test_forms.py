"""Prepared jets are those of the file, whichever rows are asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prepared_jets import FORMS, N_JETS, made
from public_files import write_public_file

from course_utils.images import jet_images
from course_utils.jetfile import JetTable, write_jets
from course_utils.prepared import (
    Constituents,
    Images,
    Prepared,
    preparation,
    prepare,
)
from course_utils.samples import load_jets

if TYPE_CHECKING:
    from conftest import Places, SomeJets


@pytest.mark.usefixtures("source")
@pytest.mark.parametrize("jets_at_once", [1024, 7])
def test_prepared_jets_are_those_of_the_file(
    monkeypatch: pytest.MonkeyPatch, jets_at_once: int
) -> None:
    monkeypatch.setattr(preparation, "_JETS_AT_ONCE", jets_at_once)
    table = load_jets()
    constituents, images = map(made, FORMS)
    np.testing.assert_array_equal(constituents[:], table.jets)
    np.testing.assert_array_equal(images[:], jet_images(table.jets, n_pixels=15))
    for jets in (constituents, images):
        assert jets[:].dtype == np.float32
        assert len(jets) == N_JETS
        assert jets.shape == jets[:].shape
        np.testing.assert_array_equal(jets.y_true, table.y_true)


@pytest.mark.parametrize("layout", ["table", "fixed"])
def test_public_files_are_prepared_too(source: Path, some_jets: SomeJets, layout: str) -> None:
    table = some_jets(50, ttv=0)
    write_public_file(source, table, layout=layout)
    constituents, images = map(made, FORMS)
    np.testing.assert_array_equal(constituents[:], table.jets)
    np.testing.assert_array_equal(images[:], jet_images(table.jets, n_pixels=15))
    np.testing.assert_array_equal(images.y_true, table.y_true)


@pytest.mark.usefixtures("source")
@pytest.mark.parametrize(
    "options",
    [
        {"half_width": 0.5, "rotate": False, "flip": False},
        {"n_pixels": 300, "normalise": False},
        {"intensity": "et"},
    ],
    ids=str,
)
def test_every_option_of_images_is_kept(options: dict) -> None:
    jets = made(Images(**options))
    assert jets.form == Images(**options)
    np.testing.assert_array_equal(jets[:], jet_images(load_jets().jets, **options))


@pytest.mark.usefixtures("source")
def test_of_constituents_the_hardest_are_kept() -> None:
    np.testing.assert_array_equal(made(Constituents(30))[:], load_jets().jets[:, :30])


@pytest.mark.parametrize("n_stored", [1, 30, 230])
def test_a_jet_file_may_have_room_for_any_number_of_constituents(
    source: Path, some_jets: SomeJets, n_stored: int
) -> None:
    table = some_jets(40)
    table.jets[:, :, 0] += 1  # no padding
    stored = np.zeros((40, n_stored, 4), np.float32)
    n_kept = min(n_stored, 200)
    stored[:, :n_kept] = table.jets[:, :n_kept]
    stored[:, n_kept:, 0] = stored[:, n_kept:, 3] = 1
    wide = JetTable(stored, table.truth, table.y_true, table.ttv)
    write_jets(source, [wide], provenance={})
    jets = made(Constituents())
    assert jets.shape == (40, 200, 4)
    np.testing.assert_array_equal(jets[:][:, :n_kept], stored[:, :n_kept])
    assert not jets[:][:, n_kept:].any()
    everything = made(Constituents(230))[:]
    np.testing.assert_array_equal(everything[:, :n_stored], stored)
    assert not everything[:, n_stored:].any()
    np.testing.assert_array_equal(made()[:], jet_images(stored, n_pixels=15))


def test_padding_between_constituents_and_jets_of_nothing_are_kept(
    source: Path, some_jets: SomeJets
) -> None:
    table = some_jets(40)
    table.jets[3], table.jets[5, 1], table.jets[39] = 0, 0, 0
    write_jets(source, [table], provenance={})
    jets = made(Constituents())[:]
    packed = [np.concatenate([jet[jet.any(axis=1)], jet[~jet.any(axis=1)]]) for jet in table.jets]
    np.testing.assert_array_equal(jets, packed)
    np.testing.assert_array_equal(made()[:], jet_images(table.jets, n_pixels=15))


@pytest.fixture(scope="module", params=FORMS, ids=lambda form: form.name)
def jets_and_dense(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, some_jets: SomeJets
) -> tuple[Prepared, np.ndarray]:
    """Prepared once for all examples of hypothesis, and as one array."""
    root = tmp_path_factory.mktemp("prepared")
    write_jets(root / "top_tagging" / "train.h5", [some_jets(N_JETS)], provenance={})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JET_DATA", str(root))
        jets = made(request.param)
    return jets, jets[:]


@given(
    rows=st.lists(st.integers(-N_JETS, N_JETS - 1), max_size=30).map(lambda r: np.array(r, int))
    | st.lists(st.booleans(), min_size=N_JETS, max_size=N_JETS).map(np.array)
    | st.slices(N_JETS)
    | st.integers(-N_JETS, N_JETS - 1),
)
def test_rows_are_chosen_as_of_an_array(jets_and_dense, rows) -> None:
    jets, dense = jets_and_dense
    np.testing.assert_array_equal(jets[rows], dense[rows])


@pytest.mark.usefixtures("source")
@pytest.mark.parametrize(
    "rows", [N_JETS, -N_JETS - 1, [0, N_JETS], [0.5], [[1, 2]], np.ones(5, bool), "train"]
)
def test_rows_that_are_not_there_are_refused(rows: object) -> None:
    with pytest.raises(IndexError, match="Expected"):
        made()[rows]


@pytest.mark.parametrize("wrong", [{"n_pixels": 0}, {"half_width": -1.0}])
def test_images_that_cannot_be_are_refused_at_once(wrong: dict) -> None:
    with pytest.raises(ValueError, match="n_pixels of at least 1"):
        Images(**wrong)


@pytest.mark.parametrize("n_constituents", [0, -1])
def test_a_number_of_constituents_that_cannot_be_is_refused(n_constituents: int) -> None:
    with pytest.raises(ValueError, match=f"at least 1 constituent; got {n_constituents}"):
        Constituents(n_constituents)


def test_jets_without_a_truth_label_are_left_out_and_columns_kept(
    places: Places, some_jets: SomeJets
) -> None:
    from hbb_jets import with_labels

    table = with_labels(some_jets(100, ttv=0))
    write_jets(places.cache / "hbb" / "train.h5", [table], provenance={})
    expected, jets = load_jets("hbb", "train"), prepare("hbb", "train", progress=False)
    np.testing.assert_array_equal(jets[:], expected.jets)
    assert jets.columns.keys() == expected.columns.keys()
    for name, values in expected.columns.items():
        np.testing.assert_array_equal(jets.columns[name], values)
