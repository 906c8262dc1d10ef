"""Pythia 8 set up for a process of the catalogue, and the particles it makes."""

from __future__ import annotations

from dataclasses import dataclass

import awkward as ak
import numpy as np
import pythia8mc
from numpy.typing import NDArray

from course_utils import kinematics
from course_utils.samples import Process, Recipe

_RESONANCE_DECAYS = 5  # iPos of Pythia's doVetoPT
_INVISIBLE = (12, 14, 16, *range(51, 61))  # neutrinos, and dark matter in the numbering of the PDG
_TO_ABS_ETA = 4.9


@dataclass(frozen=True)
class Particles:
    """Particles of many events in flat arrays, grouped by event.

    ``momentum`` has shape (n_particles, 4), ``(E, px, py, pz)`` in GeV; ``vertex`` is where each is
    produced, shape (n_particles, 3), in mm from the collision. ``event`` is the index of the event
    each belongs to, never falling, below ``n_events``.
    """

    momentum: NDArray[np.float64]
    vertex: NDArray[np.float64]
    pdg_id: NDArray[np.int32]
    event: NDArray[np.int64]
    n_events: int


class Collisions:
    """Pythia 8 at work on a process: event records, batch by batch.

    Where the process asks for it, an event is given up half-way: when its shower has come down to
    20 GeV, and the leading jets of partons, as many as may be taken, lie outside ``parton_jet_pt``
    or clearly beyond the jets' pseudorapidity. The rest, most of all the multiparton interactions,
    costs ten times as much as the beginning.

    Raises ``ValueError`` when Pythia does not know a setting or cannot start; ``seed`` is from 1 to
    900 000 000.
    """

    def __init__(self, process: Process, recipe: Recipe, *, seed: int) -> None:
        self._pythia = pythia8mc.Pythia("", False)
        self._veto = _Veto(process, recipe)
        if process.parton_jet_pt:
            self._pythia.setUserHooksPtr(self._veto)
        low, high = process.pthat or (None, None)
        window = (f"PhaseSpace:pTHatMin = {low}", f"PhaseSpace:pTHatMax = {high}")
        lines = (
            "Print:quiet = on",
            "Random:setSeed = on",
            f"Random:seed = {seed}",
            *(window if process.pthat else ()),
            *recipe.common_settings,
            *process.settings,
        )
        for line in lines:
            if not self._pythia.readString(line):
                raise ValueError(f"Pythia does not know the setting {line!r} of {process.name}.")
        if not self._pythia.init():
            raise ValueError(f"Pythia could not start {process.name} with {lines}.")
        self.n_finished = 0

    @property
    def n_tried(self) -> int:
        """Collisions begun so far: those of the batches, and those given up."""
        return self.n_finished + self._veto.n_given_up

    @property
    def cross_section(self) -> tuple[float, float]:
        """The process's cross section in mb at leading order, and its statistical error."""
        info = self._pythia.infoPython()
        return info.sigmaGen(), info.sigmaErr()

    def batch(self, size: int) -> ak.Array:
        """The record of the next ``size`` events; failed ones are skipped by Pythia."""
        self.n_finished += size
        return self._pythia.nextBatch(size).prt


class _Veto(pythia8mc.UserHooks):
    """Looks at an event once, when the evolution in pT has come down to 20 GeV."""

    def __init__(self, process: Process, recipe: Recipe) -> None:
        super().__init__()
        self.n_given_up, self._n_leading = 0, process.n_leading
        self._low, self._high = process.parton_jet_pt or (0.0, np.inf)
        self._to_abs_y = recipe.jet_abs_eta + 0.2
        anti_kt, to_abs_eta, all_final, massive = -1, 5.0, 1, 2
        self._jets = pythia8mc.SlowJet(
            anti_kt, recipe.jet_radius, self._low, to_abs_eta, all_final, massive, None, False
        )

    def canVetoPT(self) -> bool:
        return True

    def scaleVetoPT(self) -> float:
        return 20.0

    def doVetoPT(self, stage: int, event: pythia8mc.Event) -> bool:
        if stage == _RESONANCE_DECAYS:
            return False
        self._jets.analyze(event)
        jets = self._jets
        found = any(
            jets.pT(i) < self._high and abs(jets.y(i)) < self._to_abs_y
            for i in range(min(jets.sizeJet(), self._n_leading))
        )
        self.n_given_up += not found
        return not found


def final_state(record: ak.Array) -> Particles:
    """The particles that reach the detector (status > 0)."""
    return select(record, ak.flatten(record.status).to_numpy() > 0)


def seen_particles(particles: Particles, *, rng: np.random.Generator) -> Particles:
    """All but neutrinos, dark matter and what flies beyond abs(eta) 4.9; nothing is smeared.

    A detector of the catalogue is given ``rng``; this one does not use it.
    """
    visible = ~np.isin(abs(particles.pdg_id), _INVISIBLE)
    visible &= abs(kinematics.eta(particles.momentum)) < _TO_ABS_ETA
    return Particles(
        momentum=particles.momentum[visible],
        vertex=particles.vertex[visible],
        pdg_id=particles.pdg_id[visible],
        event=particles.event[visible],
        n_events=particles.n_events,
    )


def select(record: ak.Array, chosen: NDArray[np.bool_]) -> Particles:
    """The chosen entries of an event record; ``chosen`` counts through the flattened record."""
    counts = ak.num(record).to_numpy()
    return Particles(
        momentum=_columns(record.p, ("e", "px", "py", "pz"), chosen),
        vertex=_columns(record.vProd, ("px", "py", "pz"), chosen),
        pdg_id=ak.flatten(record.id).to_numpy()[chosen],
        event=np.repeat(np.arange(len(record)), counts)[chosen],
        n_events=len(record),
    )


def _columns(vectors: ak.Array, names: tuple[str, ...], chosen: NDArray) -> NDArray[np.float64]:
    """Components of the chosen vectors, shape (n_chosen, n_components); 0 where there is none."""
    flat = ak.flatten(vectors)
    return np.stack([ak.fill_none(flat[name], 0.0).to_numpy()[chosen] for name in names], axis=-1)
