"""Complete events as rows of a jet file: their objects stand where a jet has its constituents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from course_utils.jetfile import TTV, JetTable, column_type
from course_utils.kinematics import transverse_mass
from course_utils.samples import EventSelection, Kind, Sample
from course_utils.simulation.collisions import final_state
from course_utils.simulation.detector import DETECTORS, pt_eta_phi
from course_utils.simulation.objects import Objects, find_objects

if TYPE_CHECKING:
    from course_utils.simulation.units import Unit

__all__ = ["events_of", "in_rows", "selected"]


def events_of(
    record: ak.Array, sample: Sample, unit: Unit, *, rng: np.random.Generator
) -> JetTable:
    """The events in a batch of Pythia's that pass the sample's selection."""
    recipe = sample.recipe
    process = recipe.process(unit.process)
    particles = DETECTORS[recipe.detector].reconstruct(final_state(record), rng=rng)
    objects = find_objects(particles, record, recipe, rng=rng)
    kept = selected(objects, recipe.selection)
    momentum, kind = in_rows(objects, recipe.n_constituents)
    n_events = np.count_nonzero(kept)
    known = {name: np.full(n_events, value) for name, value in process.columns.items()}
    known["kind"] = kind[kept]
    return JetTable(
        jets=momentum[kept].astype(np.float32),
        truth=np.zeros((n_events, 4), np.float32),
        y_true=np.full(n_events, process.is_signal, np.int8),
        ttv=np.full(n_events, TTV[unit.split], np.int8),
        columns={name: known[name].astype(column_type(name)) for name in sample.columns},
    )


def selected(objects: Objects, selection: EventSelection) -> NDArray[np.bool_]:
    """Which events have the leptons and the b jets, HT and the transverse mass that are asked for.

    The transverse mass is that of the hardest lepton and the missing momentum.
    """
    is_kind = {kind: objects.kind == kind for kind in Kind}
    pt, _, phi = pt_eta_phi(objects.momentum)

    def per_event(chosen: NDArray[np.bool_], weights: NDArray | None = None) -> NDArray:
        chosen_weights = None if weights is None else weights[chosen]
        return np.bincount(objects.event[chosen], chosen_weights, minlength=objects.n_events)

    is_jet = is_kind[Kind.JET] | is_kind[Kind.B_JET]
    kept = per_event(is_kind[Kind.LEPTON]) == selection.n_leptons
    kept &= per_event(is_kind[Kind.B_JET]) >= selection.min_b_jets
    kept &= per_event(is_jet, pt) > selection.min_ht
    lepton, missing = (
        _hardest(pt, is_kind[kind], objects) for kind in (Kind.LEPTON, Kind.MISSING_ENERGY)
    )
    both = (lepton >= 0) & (missing >= 0)
    mass = transverse_mass(pt[lepton], phi[lepton], pt[missing], phi[missing])
    return kept & both & (mass > selection.min_mt)


def _hardest(pt: NDArray, chosen: NDArray[np.bool_], objects: Objects) -> NDArray[np.int64]:
    """Place of the hardest of the chosen objects of each event; -1 where there is none."""
    rows = np.flatnonzero(chosen)
    rows = rows[np.argsort(pt[rows], kind="stable")]
    place = np.full(objects.n_events, -1)
    place[objects.event[rows]] = rows  # the last one stays
    return place


def in_rows(objects: Objects, n_objects: int) -> tuple[NDArray, NDArray[np.int64]]:
    """Momenta, shape (n_events, n_objects, 4), and kinds, (n_events, n_objects), by falling pT.

    Of more objects than there is room for, the softest jets are left out.
    """
    pt = pt_eta_phi(objects.momentum)[0]
    is_jet = np.isin(objects.kind, (Kind.JET, Kind.B_JET))
    most_wanted_first = np.lexsort((-pt, is_jet, objects.event))
    kept = most_wanted_first[_rank(objects.event[most_wanted_first]) < n_objects]
    kept = kept[np.lexsort((-pt[kept], objects.event[kept]))]
    event = objects.event[kept]
    place = event, _rank(event)
    momentum = np.zeros((objects.n_events, n_objects, 4))
    kind = np.zeros((objects.n_events, n_objects), np.int64)
    momentum[place], kind[place] = objects.momentum[kept], objects.kind[kept]
    return momentum, kind


def _rank(event: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many entries of the same event come before each; the numbers never fall."""
    return np.arange(len(event)) - np.searchsorted(event, event)
