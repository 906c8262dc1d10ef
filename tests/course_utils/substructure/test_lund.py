"""Lund planes against the declustering taken step by step, and their histograms."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("fastjet", reason="needs the extra 'simulation'")

from by_hand import cambridge_aachen_by_hand, some_jets

from course_utils.substructure import LundBins, lund_density, lund_images, lund_plane


def primary_by_hand(jet: np.ndarray) -> list[tuple[float, float]]:
    """The softer branch of each step back along the harder one."""
    node, points = cambridge_aachen_by_hand(jet), []
    while node.branches:
        softer, harder = node.branches
        points.append((-np.log(node.distance), np.log(softer.pt * node.distance)))
        node = harder
    return points


def test_lund_plane_is_that_of_the_definition() -> None:
    jets = some_jets()
    for jet, plane in zip(jets, lund_plane(jets), strict=True):
        expected = primary_by_hand(jet)
        np.testing.assert_allclose(plane[: len(expected)], expected, rtol=1e-6, atol=1e-6)
        assert np.isnan(plane[len(expected) :]).all()


def test_only_the_first_branches_are_kept_where_there_are_more_than_asked_for() -> None:
    jets = some_jets()
    planes = lund_plane(jets)
    assert (~np.isnan(planes[..., 0])).sum(axis=1).max() > 3
    np.testing.assert_array_equal(lund_plane(jets, n_max=3), planes[:, :3])


def test_harder_constituents_move_the_plane_up_and_nothing_else() -> None:
    jets = some_jets()
    moved = lund_plane(2 * jets) - lund_plane(jets)
    branches = moved[~np.isnan(moved[..., 0])]
    np.testing.assert_allclose(branches, np.tile([0, np.log(2)], (len(branches), 1)), atol=1e-6)


def test_collinear_constituents_lie_at_the_edge_and_in_no_pixel() -> None:
    planes = lund_plane([[[100, 0, 100, 0], [10, 0, 10, 0]]], n_max=1)
    assert planes.tolist() == [[[np.inf, -np.inf]]]
    assert lund_images(planes).sum() == 0


def test_images_and_density_are_numpys_histogram() -> None:
    planes = lund_plane(some_jets())
    bins = LundBins(n_pixels=7, angle=(0.5, 2.0), kt=(0.0, 3.0), radius=1.2)
    images = lund_images(planes, bins)
    for plane, image in zip(planes, images, strict=True):
        branches = plane[~np.isnan(plane[:, 0])]
        angle, kt = np.log(1.2) + branches[:, 0], branches[:, 1]
        np.testing.assert_array_equal(image, np.histogram2d(angle, kt, bins.edges())[0])
    assert images.sum() > 40
    density = lund_density(planes, bins)
    np.testing.assert_allclose(density, images.mean(axis=0) / bins.pixel_area, rtol=1e-6)
    assert bins.pixel_area == pytest.approx(1.5 / 7 * 3.0 / 7)


def test_no_jets_have_no_images_and_no_density() -> None:
    assert lund_images(np.zeros((0, 30, 2))).shape == (0, 25, 25)
    with pytest.raises(ValueError, match="at least one jet"):
        lund_density(np.zeros((0, 30, 2)))


def test_what_is_no_plane_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"planes of shape \(n_jets, n_max, 2\), got \(40, 25, 4\)"
    ):
        lund_images(some_jets())
