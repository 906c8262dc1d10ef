"""The files that are checked in: rounded, and still massless and sorted."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("pythia8mc", reason="needs the extra 'simulation'")
pytest.importorskip("fastjet", reason="needs the extra 'simulation'")

from course_utils.jetfile import JetFile
from course_utils.samples import SAMPLES, Rounding, small_sample
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
    jets = some_jets(50).jets
    assert (np.diff(pt_of(rounded(jets, bits=ROUNDING.momentum_bits)), axis=1) > 0).any()
    found = compact(jets, ROUNDING)
    assert found.dtype == np.float32
    assert found.shape == jets.shape
    assert_compact(found, ROUNDING)


def test_compact_jets_hold_the_same_constituents(some_jets):
    jets = some_jets(50).jets
    found = compact(jets, ROUNDING)
    np.testing.assert_array_equal((found != 0).any(axis=-1), (jets != 0).any(axis=-1))
    np.testing.assert_allclose(pt_of(found), pt_of(jets), rtol=2.0**-6)
    together = [np.sort(each[..., 3], axis=1) for each in (found, rounded(jets, bits=6))]
    np.testing.assert_array_equal(*together)


def test_compact_jets_stay_as_they_are(some_jets):
    once = compact(some_jets(50).jets, ROUNDING)
    np.testing.assert_array_equal(compact(once, ROUNDING), once)


@pytest.mark.parametrize("sample", ["w_tagging", "w_tagging_window", "w_top_qcd"])
def test_small_files_are_below_one_megabyte(sample):
    assert small_sample(sample).stat().st_size < 1_000_000


@pytest.mark.parametrize("sample", sorted(SAMPLES))
def test_the_files_in_the_package_are_compact_and_of_todays_simulation(sample):
    from course_utils.simulation.production import origin

    with JetFile(small_sample(sample), sample=sample) as file:
        jets, provenance = file.read().jets, file.provenance
    assert_compact(jets, SAMPLES[sample].rounding)
    today = origin(sample, "train", provenance["seed"])
    processes = [process.name for process in SAMPLES[sample].recipe.processes]
    for key in (*processes, "settings", "cuts", "detector"):
        assert provenance[key] == today[key], key
