"""Sequential clustering written as its definition says, for a few jets: an oracle for FastJet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from course_utils.kinematics import delta_phi, from_pt_eta_phi_mass, phi, pt


def some_jets(n_jets: int = 40, n_constituents: int = 25, seed: int = 0) -> np.ndarray:
    """Two prongs and wide soft radiation, across the cut in phi; the last ones are padding."""
    rng = np.random.default_rng(seed)
    shape = (n_jets, n_constituents)
    prong = rng.choice([-0.2, 0.2], shape) * rng.uniform(0, 1, (n_jets, 1))
    jets = from_pt_eta_phi_mass(
        rng.exponential(20, shape) + 0.5,
        rng.normal(0.3, 0.2, shape),
        3.1 + prong + rng.normal(0, 0.15, shape),
    )
    jets[np.arange(n_constituents) >= rng.integers(2, n_constituents, n_jets)[:, None]] = 0
    return jets


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """In rapidity and azimuth."""
    rapidities = np.arctanh(a[3] / a[0]) - np.arctanh(b[3] / b[0])
    return float(np.hypot(rapidities, delta_phi(phi(a), phi(b))))


@dataclass(frozen=True, eq=False)
class Node:
    """A momentum, the two that it was merged from (softer first), and the rows in it."""

    momentum: np.ndarray
    branches: tuple[Node, ...]
    rows: tuple[int, ...]

    @property
    def pt(self) -> float:
        return float(pt(self.momentum))

    @property
    def distance(self) -> float:
        return distance(*(branch.momentum for branch in self.branches))


def merged(a: Node, b: Node) -> Node:
    softer_first = tuple(sorted((a, b), key=lambda node: node.pt))
    return Node(a.momentum + b.momentum, softer_first, a.rows + b.rows)


def clustered_by_hand(jet: np.ndarray, *, power: int, radius: float) -> list[Node]:
    """What is left when no two are nearer than the radius; power 1 is kT, 0 Cambridge/Aachen."""
    nodes = [Node(p, (), (row,)) for row, p in enumerate(jet) if p[0] > 0]
    done = []

    def d_pair(pair: tuple[Node, Node]) -> float:
        a, b = pair
        weight = min(a.pt ** (2 * power), b.pt ** (2 * power))
        return weight * (distance(a.momentum, b.momentum) / radius) ** 2

    while nodes:
        pairs = [(a, b) for j, b in enumerate(nodes) for a in nodes[:j]]
        nearest = min(pairs, key=d_pair, default=None)
        softest = min(nodes, key=lambda node: node.pt ** (2 * power))
        if nearest is None or softest.pt ** (2 * power) < d_pair(nearest):
            done.append(softest)
            nodes.remove(softest)
        else:
            nodes = [node for node in nodes if node not in nearest] + [merged(*nearest)]
    return done


def cambridge_aachen_by_hand(jet: np.ndarray) -> Node:
    """All constituents in one."""
    (root,) = clustered_by_hand(jet, power=0, radius=100.0)
    return root
