"""The ATLAS card of Delphes 3.3.2 as numbers: the solenoid, the tracker and the two calorimeters.

Energy flow on this card is what the Top Quark Tagging Reference Dataset was made with
(arXiv:1902.09914, section 2; Delphes 3, arXiv:1307.6346). The version is not on record. Of those of
its time this one fits the public jets: both calorimeters share towers of 0.1 x 10 degrees, a tower
counts above one standard deviation, and tracks that are worse than the calorimeter share its
energy. ``benchmarks/fidelity.py`` prints the comparison.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Tracking:
    """Efficiency and pT resolution of one kind of track, by region of abs(eta)."""

    pt_steps: tuple[float, ...]  # GeV; an efficiency below, between and above them
    efficiency: tuple[tuple[float, ...], ...]  # a row for abs(eta) to 1.5, one for 1.5 to 2.5
    resolution: tuple[tuple[float, float], ...]  # (a, b) to abs(eta) 0.5, 1.5, 2.5; pT in GeV

    def efficiency_at(self, pt: Array, abs_eta: Array) -> Array:
        """Probability to find each track; none beyond abs(eta) 2.5."""
        outside = (0.0,) * len(self.efficiency[0])
        table = np.array([*self.efficiency, outside])
        return table[np.searchsorted((1.5, 2.5), abs_eta), np.searchsorted(self.pt_steps, pt)]

    def resolution_at(self, pt: Array, abs_eta: Array) -> Array:
        """Relative pT resolution sqrt(a^2 + (b pT)^2) of each track."""
        a, b = np.array(self.resolution)[np.searchsorted((0.5, 1.5), abs_eta)].T
        return np.hypot(a, b * pt)


HADRON = Tracking(
    (0.1, 1.0),
    ((0.0, 0.70, 0.95), (0.0, 0.60, 0.85)),
    ((0.06, 1.3e-3), (0.10, 1.7e-3), (0.25, 3.1e-3)),
)
ELECTRON = Tracking(
    (0.1, 1.0, 100.0),
    ((0.0, 0.73, 0.95, 0.99), (0.0, 0.50, 0.83, 0.90)),
    HADRON.resolution,
)
MUON = Tracking(
    (0.1, 1.0),
    ((0.0, 0.75, 0.99), (0.0, 0.70, 0.98)),
    ((0.02, 2.0e-4), (0.03, 3.0e-4), (0.06, 6.0e-4)),
)


@dataclass(frozen=True)
class Calorimeter:
    """Energy resolution by region of abs(eta), and what a tower must hold to be seen."""

    eta_steps: tuple[float, ...]
    resolution: tuple[tuple[float, float, float], ...]  # (a, b, c), E in GeV
    min_energy: float  # GeV
    min_significance: float

    def sigma(self, energy: Array, abs_eta: Array) -> Array:
        """sqrt((a E)^2 + b^2 E + c^2) in GeV."""
        a, b, c = np.array(self.resolution)[np.searchsorted(self.eta_steps, abs_eta)].T
        return np.sqrt((a * energy) ** 2 + b**2 * energy + c**2)


ECAL = Calorimeter(
    (3.2,), ((0.0017, 0.101, 0.0), (0.0350, 0.285, 0.0)), min_energy=0.5, min_significance=1.0
)
HCAL = Calorimeter(
    (1.7, 3.2),
    ((0.0302, 0.5205, 1.59), (0.0500, 0.706, 0.0), (0.0942, 1.0, 0.0)),
    min_energy=1.0,
    min_significance=1.0,
)


@dataclass(frozen=True)
class Towers:
    """A grid of towers: rings in eta, each cut into its own number of equal steps in phi."""

    eta_edges: Array
    n_phi: NDArray[np.int64]
    first: NDArray[np.int64] = field(init=False)  # index of each ring's first tower, then the end

    def __post_init__(self) -> None:
        object.__setattr__(self, "first", np.concatenate([[0], np.cumsum(self.n_phi)]))

    @property
    def n_towers(self) -> int:
        """Towers in the whole grid."""
        return int(self.first[-1])

    def index(self, eta: Array, phi: Array) -> NDArray[np.int64]:
        """The tower at each ``(eta, phi)``; -1 outside the grid."""
        ring = np.searchsorted(self.eta_edges, eta, side="right") - 1
        inside = (ring >= 0) & (ring < len(self.n_phi))
        ring = np.where(inside, ring, 0)
        step = np.floor((phi / (2 * np.pi) + 0.5) * self.n_phi[ring]).astype(np.int64)
        return np.where(inside, self.first[ring] + step % self.n_phi[ring], -1)

    def random_point(
        self, tower: NDArray[np.int64], rng: np.random.Generator
    ) -> tuple[Array, Array]:
        """``(eta, phi)`` drawn uniformly inside each tower."""
        return self._inside(tower, *rng.random((2, len(tower))))

    def centre(self, tower: NDArray[np.int64]) -> tuple[Array, Array]:
        """``(eta, phi)`` of the middle of each tower."""
        return self._inside(tower, np.full(len(tower), 0.5), np.full(len(tower), 0.5))

    def _inside(self, tower: NDArray[np.int64], along: Array, around: Array) -> tuple[Array, Array]:
        ring = np.searchsorted(self.first, tower, side="right") - 1
        eta = self.eta_edges[ring] + along * np.diff(self.eta_edges)[ring]
        phi = ((tower - self.first[ring] + around) / self.n_phi[ring] - 0.5) * 2 * np.pi
        return eta, phi


def _card_towers() -> Towers:
    """0.1 x 10 degrees to abs(eta) 2.5, then about 0.2 x 20 degrees to 4.9.

    As in Delphes, a ring is cut as the card says of its upper edge, so that the two sides differ
    beyond 2.5.
    """
    fine = np.concatenate([[-3.2], np.arange(-25, 27) / 10, [3.3]])
    outer = (2.8, 3.0, 3.2, 3.5, 3.7, 3.9, 4.1, 4.3, 4.5, 4.7, 4.9)
    coarse = (-4.9, -4.7, -4.5, -4.3, -4.1, -3.9, -3.7, -3.5, -3.3, -3.0, -2.8, -2.6, *outer)
    edges = np.sort(np.concatenate([fine, coarse]))
    return Towers(edges, np.where(np.isin(edges[1:], fine), 36, 18))


@dataclass(frozen=True)
class Card:
    """One detector; the default is the one all samples are made with."""

    name: str = "Delphes 3.3.2 ATLAS card, energy flow, decays in flight"
    field_tesla: float = 2.0
    radius: float = 1.15  # m, of the solenoid
    half_length: float = 3.51  # m
    ecal: Calorimeter = ECAL
    hcal: Calorimeter = HCAL
    towers: Towers = field(default_factory=_card_towers)
