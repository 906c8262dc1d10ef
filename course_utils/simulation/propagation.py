"""How particles cross the solenoid: from where they are produced to where they leave it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from course_utils.simulation.card import Array, Card

_SPEED_OF_LIGHT = 0.299792458  # GeV of transverse momentum for a radius of 1 m in 1 T, charge 1
_TINY = 1e-12


def leaving_solenoid(
    momentum: Array, vertex: Array, charge: NDArray[np.int64], card: Card
) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Where each particle meets the calorimeters, and whether it was produced in front of them.

    Parameters
    ----------
    momentum : array of shape (n_particles, 4)
        ``(E, px, py, pz)`` in GeV.
    vertex : array of shape (n_particles, 3)
        ``(x, y, z)`` in mm of the point where the particle is produced.
    charge : array of shape (n_particles,)
        In units of the positron's.
    card : Card
        The field, and the cylinder.

    Returns
    -------
    eta, phi : arrays of shape (n_particles,)
        Direction from the beam spot to the point where the particle leaves the cylinder through its
        side or its ends, on a straight line or a helix.
    inside : array of bool, shape (n_particles,)
        Whether the vertex lies in the cylinder. Delphes before 3.4.2 loses what is produced
        outside (``ParticlePropagator``): a K0S or a Lambda of high energy decays there.
    """
    px, py, pz = momentum[:, 1:].T
    x, y, z = vertex.T / 1000
    pt = np.maximum(np.hypot(px, py), _TINY)
    inside = (np.hypot(x, y) <= card.radius) & (abs(z) <= card.half_length)
    with np.errstate(divide="ignore"):
        to_end = np.where(pz == 0, np.inf, (np.copysign(card.half_length, pz) - z) * pt / pz)
    start, phi = np.stack([x, y]), np.arctan2(py, px)
    leaving = _along_line(start, np.stack([px, py]) / pt, to_end, card)
    bending = charge * card.field_tesla * _SPEED_OF_LIGHT  # GeV per metre of the circle's radius
    bent = np.flatnonzero(bending)
    leaving[:, bent] = _along_helix(
        start[:, bent], phi[bent], pt[bent] / bending[bent], to_end[bent], card
    )
    out_x, out_y, path = leaving
    out_z = z + path * pz / pt
    return (
        np.arcsinh(out_z / np.maximum(np.hypot(out_x, out_y), _TINY)),
        np.arctan2(out_y, out_x),
        inside,
    )


def _along_line(start: Array, direction: Array, to_end: Array, card: Card) -> Array:
    """``(x, y, path)`` in m, shape (3, n): the transverse path is to the side or to the end."""
    along = (start * direction).sum(axis=0)
    beside_squared = (start**2).sum(axis=0) - along**2
    to_side = np.sqrt(np.maximum(card.radius**2 - beside_squared, 0)) - along
    path = np.minimum(to_side, to_end)
    return np.stack([*(start + path * direction), path])


def _along_helix(start: Array, phi: Array, radius: Array, to_end: Array, card: Card) -> Array:
    """The same on a circle; ``radius`` in m has the sign of the charge.

    A point on the circle is centre + radius (sin, cos)(turn - phi), where turn grows with the sign
    of the charge. It is at the side where its distance from the beam line is the solenoid's radius.
    """
    centre = start + radius * np.stack([np.sin(phi), -np.cos(phi)])
    away = np.maximum(np.hypot(*centre), _TINY)
    cosine = (card.radius**2 - away**2 - radius**2) / (2 * radius * away)
    opening = np.arccos(np.clip(cosine, -1, 1))
    towards = np.arctan2(*centre) + phi
    sense = np.sign(radius)
    turns = [sense * (towards + side * opening) % (2 * np.pi) for side in (1, -1)]
    to_side = np.where(abs(cosine) <= 1, np.minimum(*turns) * abs(radius), np.inf)
    path = np.minimum(to_side, to_end)
    angle = path / radius - phi
    return np.stack([*(centre + radius * np.stack([np.sin(angle), np.cos(angle)])), path])
