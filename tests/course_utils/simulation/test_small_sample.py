"""The files that are checked in: rounded, and still massless and sorted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("pythia8mc", reason="needs the extra 'simulation'")
pytest.importorskip("fastjet", reason="needs the extra 'simulation'")

from course_utils.jetfile import TTV, JetFile, write_jets
from course_utils.samples import SAMPLES, Rounding, small_sample
from course_utils.simulation import small_sample as module
from course_utils.simulation.production import origin
from course_utils.simulation.small_sample import compact, rounded

ROUNDING = Rounding(momentum_bits=6, energy_bits=12)


def pt_of(jets):
    return np.hypot(*jets[..., 1:3].astype(np.float64).T).T


def assert_compact(jets, rounding):
    """By falling pT, massless to the bits of the energy, and no bit more than was promised."""
    assert (np.diff(pt_of(jets.astype(np.float32)), axis=1) <= 0).all()
    length = np.linalg.norm(jets[..., 1:].astype(np.float64), axis=-1)
    half_step = 1.01 * 2.0 ** -(rounding.energy_bits + 1)  # rounded to float32 before
    np.testing.assert_allclose(jets[..., 0], length, rtol=half_step)
    np.testing.assert_array_equal(rounded(jets[..., 0], bits=rounding.energy_bits), jets[..., 0])
    kept = rounded(jets[..., 1:], bits=rounding.momentum_bits)
    np.testing.assert_array_equal(kept, jets[..., 1:])


def test_rounded_jets_are_sorted_again_and_massless(some_jets):
    """So coarse that rounding changes the order of many neighbours."""
    table = some_jets(50)
    jets = table.jets
    assert (np.diff(pt_of(rounded(jets, bits=ROUNDING.momentum_bits)), axis=1) > 0).any()
    found = compact(table, ROUNDING).jets
    assert found.dtype == np.float32
    assert found.shape == jets.shape
    assert_compact(found, ROUNDING)


def test_compact_jets_hold_the_same_constituents(some_jets):
    table = some_jets(50)
    jets, found = table.jets, compact(table, ROUNDING).jets
    np.testing.assert_array_equal((found != 0).any(axis=-1), (jets != 0).any(axis=-1))
    np.testing.assert_allclose(pt_of(found), pt_of(jets), rtol=2.0**-6)
    together = [np.sort(each[..., 3], axis=1) for each in (found, rounded(jets, bits=6))]
    np.testing.assert_array_equal(*together)


def test_what_is_known_of_a_constituent_stays_with_it(some_jets):
    """The kind is the place before rounding, so coarse that many neighbours change places."""
    table = some_jets(50)
    place = np.broadcast_to(np.arange(200, dtype=np.int32), (50, 200))
    event = np.arange(50, dtype=np.int32)
    found = compact(replace(table, columns={"kind": place, "event": event}), ROUNDING)
    kind = found.columns["kind"]
    assert (kind != place).any()
    before = np.take_along_axis(table.jets, kind[..., None], axis=1)
    np.testing.assert_array_equal(rounded(before[..., 1:], bits=6), found.jets[..., 1:])
    np.testing.assert_array_equal(found.columns["event"], event)


def test_a_small_sample_is_shared_out_as_its_rounding_says():
    assert ROUNDING.sizes == {"train": 1200, "val": 400, "test": 400}
    assert SAMPLES["events"].rounding.sizes == {"train": 12_000, "val": 2_000, "test": 6_000}
    for sample in SAMPLES.values():
        with JetFile(small_sample(sample.name), sample=sample.name) as file:
            ttv = file.read_columns(["ttv"])["ttv"]
        found = {split: np.count_nonzero(ttv == TTV[split]) for split in sample.rounding.sizes}
        assert found == sample.rounding.sizes


@pytest.mark.parametrize("has_files", [True, False])
def test_jets_that_were_kept_are_not_made_again(has_files, tmp_path, monkeypatch, some_jets):
    rounding = Rounding(momentum_bits=9, energy_bits=15, n_jets=6)
    monkeypatch.setitem(SAMPLES, "hbb", replace(SAMPLES["hbb"], rounding=rounding))
    made = []

    def produce(sample, path, *, n_jets, seed, split):
        made.append(split)
        table = some_jets(n_jets, ttv=TTV[split])
        columns = {"label_H_bb": np.zeros(n_jets, np.int8)}
        kept = {**origin(sample, split, seed), "events_tried_signal": 5}
        write_jets(path, [replace(table, columns=columns)], provenance=kept)

    monkeypatch.setattr(module, "produce", produce)
    kept = tmp_path / "kept"
    if has_files:
        for split, n_jets in rounding.sizes.items():
            # Of another number of jets, the test jets do not count.
            produce(
                "hbb",
                kept / "hbb" / f"{split}.h5",
                n_jets=n_jets + (split == "test"),
                seed=module.SEED,
                split=split,
            )
        made.clear()
    path = module.make("hbb", tmp_path, kept=kept)
    assert made == (["test"] if has_files else ["train", "val", "test"])
    with JetFile(path, sample="hbb") as file:
        assert file.n_jets == 10
        assert file.provenance["events_tried_signal"] == 15


def test_compact_jets_stay_as_they_are(some_jets):
    once = compact(some_jets(50), ROUNDING)
    np.testing.assert_array_equal(compact(once, ROUNDING).jets, once.jets)


@pytest.mark.parametrize("sample", ["w_tagging", "w_tagging_window", "w_top_qcd", "events"])
def test_small_files_are_below_one_megabyte(sample):
    assert small_sample(sample).stat().st_size < 1_000_000


@pytest.mark.parametrize("sample", sorted(SAMPLES))
def test_the_files_in_the_package_are_compact_and_of_todays_simulation(sample):
    with JetFile(small_sample(sample), sample=sample) as file:
        jets, provenance = file.read().jets, file.provenance
    assert_compact(jets, SAMPLES[sample].rounding)
    today = origin(sample, "train", provenance["seed"])
    processes = [process.name for process in SAMPLES[sample].recipe.processes]
    for key in (*processes, "settings", "cuts", "detector"):
        assert provenance[key] == today[key], key
