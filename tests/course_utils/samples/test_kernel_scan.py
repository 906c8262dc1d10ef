"""The scores that come with lesson 05: complete, in the window, and better than chance."""

from __future__ import annotations

import numpy as np
import pytest

from course_utils.metrics import roc_auc
from course_utils.samples import KernelScan, load_kernel_scan, places


@pytest.fixture(scope="module")
def scan() -> KernelScan:
    return load_kernel_scan()


def test_every_kernel_has_five_seeds_with_both_paddings(scan: KernelScan) -> None:
    assert scan.paddings == ("valid", "same")
    assert scan.sizes.tolist() == [3, 5, 7, 11, 15]
    assert scan.scores.shape == (2, 5, 5, len(scan.y_true))


def test_its_jets_are_those_of_the_window(scan: KernelScan) -> None:
    features = scan.features
    assert all(len(values) == len(scan.y_true) for values in features.values())
    assert all(np.isfinite(values).all() for values in features.values())
    assert 65 <= features["mass"].min() <= features["mass"].max() <= 95
    assert 250 <= features["pt"].min() <= features["pt"].max() <= 300
    assert (features["ungroomed_mass"] > features["mass"] - 0.1).all()  # trimming takes away
    assert set(np.unique(scan.y_true)) == {0, 1}


def test_a_distance_of_two_subjets_is_no_less_than_their_radius(scan: KernelScan) -> None:
    apart = scan.features["delta_R"]
    assert (apart[apart > 0] > 0.25).all()  # 0.3, less the width of a tower
    assert ((apart > 0) == (scan.features["z"] > 0)).all()


def test_every_network_knows_a_w_when_it_sees_one(scan: KernelScan) -> None:
    for score in scan.scores.reshape(-1, len(scan.y_true)):
        assert roc_auc(scan.y_true, score).value > 0.75


def test_no_two_networks_are_the_same(scan: KernelScan) -> None:
    scores = scan.scores.reshape(-1, len(scan.y_true))
    assert len(np.unique(scores, axis=0)) == len(scores)


def test_the_file_is_small() -> None:
    path = places.small_sample("w_tagging").with_name("kernel_scan.npz")
    assert path.stat().st_size < 1_000_000
