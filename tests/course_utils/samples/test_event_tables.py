"""Events as arrays: what is loaded, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from course_utils import kinematics
from course_utils.jetfile import DataError, JetFile, write_jets
from course_utils.samples import (
    SAMPLES,
    Kind,
    count_jets,
    load_events,
    load_jets,
    small_sample,
)

SELECTION = SAMPLES["events"].recipe.selection


@pytest.fixture(autouse=True)
def no_jet_data(monkeypatch):
    monkeypatch.delenv("JET_DATA", raising=False)


@pytest.fixture(scope="module")
def events():
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("JET_DATA", raising=False)
        return load_events("test")


def of_kind(events, *kinds):
    """pT of these objects, 0 for all others."""
    return np.where(np.isin(events.kinds, kinds), kinematics.pt(events.momenta), 0.0)


def test_objects_are_sorted_and_padding_is_empty(events):
    pt = kinematics.pt(events.momenta)
    assert (np.diff(pt, axis=1) <= 0).all()
    np.testing.assert_array_equal(events.kinds == Kind.NOTHING, pt == 0)
    assert events.momenta.shape == (len(events), SAMPLES["events"].recipe.n_constituents, 4)
    assert (events.momenta.dtype, events.kinds.dtype) == (np.float32, np.int8)


def test_every_event_passes_the_selection(events):
    """With a percent of room, since momenta are rounded."""
    leptons, missing = (events.kinds == kind for kind in (Kind.LEPTON, Kind.MISSING_ENERGY))
    assert (leptons.sum(axis=1) == SELECTION.n_leptons).all()
    assert (missing.sum(axis=1) == 1).all()
    assert ((events.kinds == Kind.B_JET).sum(axis=1) >= SELECTION.min_b_jets).all()
    assert of_kind(events, Kind.JET, Kind.B_JET).sum(axis=1).min() > 0.99 * SELECTION.min_ht
    assert of_kind(events, Kind.LEPTON).max(axis=1).min() > 0.99 * SELECTION.lepton_pt
    pt, phi = kinematics.pt(events.momenta), kinematics.phi(events.momenta)
    mass = kinematics.transverse_mass(pt[leptons], phi[leptons], pt[missing], phi[missing])
    assert mass.min() > 0.98 * SELECTION.min_mt


def test_missing_energy_has_no_direction_along_the_beam(events):
    missing = events.momenta[events.kinds == Kind.MISSING_ENERGY]
    assert (missing[:, 3] == 0).all()


def test_half_is_signal_and_the_background_has_its_shares(events):
    shares = SAMPLES["events"].recipe.shares
    n = len(events) / sum(shares.values())
    assert events.y_true.sum() == n * shares["signal"]
    for name in ("ttbar", "t_channel", "W_jets"):
        label = events.columns[f"label_{name}"]
        assert label.sum() == n * shares[name.lower()]
        assert not (label & events.y_true).any()


def test_the_signal_has_more_missing_energy(events):
    missing = of_kind(events, Kind.MISSING_ENERGY).sum(axis=1)
    median = [np.median(missing[events.y_true == label]) for label in (0, 1)]
    assert median[1] > 2 * median[0]


def test_rows_of_a_table_and_of_a_file_are_the_same_events(events):
    rows = np.array([7, 2, 30])
    few, found = events[rows], load_events("test", rows=rows)
    for name in ("momenta", "kinds", "y_true"):
        np.testing.assert_array_equal(getattr(few, name), getattr(found, name))
    np.testing.assert_array_equal(few.columns["label_ttbar"], found.columns["label_ttbar"])
    assert len(events[:5]) == len(load_events("test", start=3, stop=8)) == 5
    assert count_jets("events", "test") == len(events)


def test_the_jet_file_beneath_says_the_same(events):
    table = load_jets("events", "test")
    np.testing.assert_array_equal(table.jets, events.momenta)
    np.testing.assert_array_equal(table.columns["kind"], events.kinds)
    assert (table.truth == 0).all()


def test_jets_are_no_events():
    with pytest.raises(DataError, match=r"rows of w_tagging are jets.*load_jets"):
        load_events("test", sample="w_tagging", stop=2)


def test_an_unknown_kind_is_refused(tmp_path, monkeypatch):
    with JetFile(small_sample("events"), sample="events") as file:
        table = file.read(0, 3)
    kinds = table.columns["kind"].copy()
    kinds[0, 0] = 300  # 44 in eight bits
    wrong = replace(table, columns={**table.columns, "kind": kinds})
    for split in ("train", "val", "test"):
        write_jets(tmp_path / "events" / f"{split}.h5", [wrong], provenance={"seed": 1})
    monkeypatch.setenv("JET_DATA", str(tmp_path))
    with pytest.raises(DataError, match="kinds of objects from 0 to 5 in events; got 300"):
        load_events("train")
