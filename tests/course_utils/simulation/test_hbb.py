"""The hbb sample: what is inside its jets, and what their labels say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import awkward as ak
import numpy as np
import pytest

pytest.importorskip("pythia8mc", reason="needs the extra 'simulation'")
pytest.importorskip("fastjet", reason="needs the extra 'simulation'")

from executors import BreaksAfter
from recipes import with_units

from course_utils import samples
from course_utils.__main__ import split_sizes
from course_utils.jetfile import JetFile, JetTable
from course_utils.kinematics import delta_phi, eta, jet_eta, jet_pt, phi
from course_utils.metrics import roc_auc
from course_utils.samples import QCD_LABELS, SAMPLES, TRUTH_LABELS
from course_utils.simulation import production
from course_utils.simulation.clustering import LeadingJets
from course_utils.simulation.collisions import Collisions
from course_utils.simulation.production import produce
from course_utils.simulation.truth import (
    BOTTOM,
    CHARM,
    higgs_to_bb,
    last_hadrons,
    matched_higgs,
    qcd_labels,
)
from course_utils.substructure import soft_drop_mass

RADIUS = 0.8
HBB = SAMPLES["hbb"].recipe


@pytest.fixture(scope="module")
def small() -> JetTable:
    """The sample that comes with the course: 2000 jets, unlabelled ones too."""
    with JetFile(samples.small_sample("hbb"), sample="hbb") as file:
        return file.read()


def delta_r(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.hypot(eta(a) - eta(b), delta_phi(phi(a), phi(b)))


def invariant_mass(momentum: np.ndarray) -> np.ndarray:
    return np.sqrt(momentum[..., 0] ** 2 - (momentum[..., 1:] ** 2).sum(axis=-1))


# ---------------------------------------------------------------- the jets


def test_signal_jets_have_the_mass_of_the_higgs_boson(small: JetTable) -> None:
    """A little below 125 GeV: neutrinos of b decays, lost tracks, thresholds take their share."""
    mass = small.columns["fj_sdmass"][small.y_true == 1]
    assert 114 < np.median(mass) < 126
    assert (abs(mass - 120) < 15).mean() > 0.55
    qcd = small.columns["fj_sdmass"][small.columns["sample_isQCD"] == 1]
    assert (abs(qcd - 120) < 15).mean() < 0.2
    assert np.median(qcd) < 95  # falling from the lower edge of the window


def test_the_truth_is_a_higgs_boson_in_the_middle_of_the_jet(small: JetTable) -> None:
    signal = small.y_true == 1
    np.testing.assert_allclose(invariant_mass(small.truth[signal].astype(float)), 125, atol=1)
    axis = small.jets[signal].astype(float).sum(axis=1)
    assert (delta_r(axis, small.truth[signal]) < RADIUS).all()
    assert np.median(delta_r(axis, small.truth[signal])) < 0.05
    assert (small.truth[~signal] == 0).all()


def test_jets_are_inside_the_cuts(small: JetTable) -> None:
    pt, mass = small.columns["fj_pt"], small.columns["fj_sdmass"]
    assert ((pt > 300) & (pt < 2000)).all()
    assert (abs(small.columns["fj_eta"]) < 2.4).all()
    assert ((mass > 40) & (mass < 200)).all()


def test_columns_of_the_jet_are_those_of_its_constituents(small: JetTable) -> None:
    """Up to the rounding of the small sample's momenta, a part in 1000 each."""
    np.testing.assert_allclose(small.columns["fj_pt"], jet_pt(small.jets), rtol=1e-3)
    np.testing.assert_allclose(small.columns["fj_eta"], jet_eta(small.jets), atol=1e-3)
    ratio = soft_drop_mass(small.jets) / small.columns["fj_sdmass"]
    # Rounding may take a branch across the condition of soft drop, in a jet of a hundred.
    assert (abs(ratio - 1) < 0.01).mean() > 0.98


def test_the_jet_pt_hardly_tells_the_classes_apart_and_falls(small: JetTable) -> None:
    labelled = small.columns["label_H_bb"] + small.columns["sample_isQCD"] == 1
    pt = small.columns["fj_pt"][labelled]
    assert abs(roc_auc(small.y_true[labelled], pt).value - 0.5) < 0.06
    for label in (0, 1):
        counts = np.histogram(pt[small.y_true[labelled] == label], [300, 400, 600, 1000, 2000])[0]
        assert (np.diff(counts / (100, 200, 400, 1000)) < 0).all()
        assert counts[-1] > 0


# ---------------------------------------------------------------- labels


def test_a_jet_has_one_label_or_holds_no_higgs_boson_of_a_signal_event(small: JetTable) -> None:
    total = sum(small.columns[name].astype(int) for name in TRUTH_LABELS)
    assert set(total) == {0, 1}
    is_qcd = small.columns["sample_isQCD"] == 1
    assert (total[is_qcd] == 1).all()
    np.testing.assert_array_equal(total[~is_qcd], small.columns["label_H_bb"][~is_qcd])
    assert 0.8 < total[~is_qcd].mean() < 0.97  # decays wider than the jet are not rare at 300 GeV
    np.testing.assert_array_equal(small.y_true, small.columns["label_H_bb"])


def test_one_jet_in_four_comes_from_the_signal_process(small: JetTable) -> None:
    for ttv in (0, 1, 2):
        assert small.columns["sample_isQCD"][small.ttv == ttv].mean() == 0.75
    assert SAMPLES["hbb"].recipe.shares == {"signal": 1, "background": 3}
    assert SAMPLES["top_tagging"].recipe.shares == {"signal": 1, "background": 1}


def test_heavy_flavour_is_rare_in_qcd_and_charm_more_common_than_beauty(small: JetTable) -> None:
    is_qcd = small.columns["sample_isQCD"] == 1
    share = {name: small.columns[name][is_qcd].mean() for name in QCD_LABELS}
    assert 0.7 < share["label_QCD_others"] < 0.9
    beauty = share["label_QCD_bb"] + share["label_QCD_b"]
    charm = share["label_QCD_cc"] + share["label_QCD_c"]
    assert 0.03 < beauty < charm < 0.25
    # Gluons split to pairs, and a pair of mass above 40 GeV is what the cut asks for.
    assert share["label_QCD_cc"] > share["label_QCD_c"]


def test_the_small_sample_can_be_split_by_file(small: JetTable) -> None:
    train = small.ttv == 0
    files, n_jets = np.unique(small.columns["file"][train], return_counts=True)
    assert files.tolist() == [0, 1, 2]
    assert n_jets.tolist() == [400, 400, 400]
    for file in files:
        in_file = train & (small.columns["file"] == file)
        assert small.columns["sample_isQCD"][in_file].mean() == 0.75
    assert samples.small_sample("hbb").stat().st_size < 1.2e6


def jets_along(momentum: np.ndarray) -> LeadingJets:
    n = len(momentum)
    return LeadingJets(momentum, np.zeros((n, 200, 4)), np.arange(n), *np.full((2, n), 100.0))


def four_momentum(pt: float, eta: float, phi: float, mass: float = 0.0) -> list[float]:
    px, py, pz = pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)
    return [np.hypot(pt * np.cosh(eta), mass), px, py, pz]


@pytest.mark.parametrize(
    ("higgs", "first", "second", "matches"),
    [
        (0.1, -0.3, 0.5, True),
        (0.1, -0.3, 0.9, False),  # a b quark outside
        (0.9, 0.1, 0.2, False),  # the Higgs boson outside
    ],
)
@pytest.mark.parametrize("axis", [0.0, 3.1, -3.1])  # the wrap at +-pi must not matter
def test_a_higgs_boson_is_matched_with_both_b_quarks_inside(
    higgs: float, first: float, second: float, matches: bool, axis: float
) -> None:
    jets = jets_along(np.array([four_momentum(500, 0.2, axis)]))
    boson = np.array([four_momentum(500, 0.2, axis + higgs, 125)])
    quarks = np.array([[four_momentum(250, 0.2, axis + away) for away in (first, second)]])
    matched, momentum = matched_higgs(jets, boson, quarks, radius=RADIUS)
    assert matched.tolist() == [matches]
    np.testing.assert_allclose(momentum[0], boson[0] if matches else np.zeros(4))


def record_of(*particles: tuple[int, int, float]) -> ak.Array:
    """An event of ``(PDG id, place of the mother, phi)``; everything at eta 0 with pT 20 GeV."""
    energy, px, py, pz = np.array([four_momentum(20, 0.0, phi, 5) for *_, phi in particles]).T
    momentum = ak.zip({"e": energy, "px": px, "py": py, "pz": pz})
    event = ak.zip(
        {
            "id": [pdg_id for pdg_id, *_ in particles],
            "mother1": [mother for _, mother, _ in particles],
            "p": momentum,
            "vProd": ak.zip({"px": px, "py": py, "pz": pz}),
        },
        depth_limit=1,
    )
    return ak.Array([event])


SYSTEM, GLUON, B0, B0_BAR, B_STAR, LAMBDA_B, UPSILON = 90, 21, 511, -511, 513, 5122, 553
D0, D_STAR, D_S, J_PSI = 421, 413, 431, 443
START = ((SYSTEM, 0, 0.0), (GLUON, 0, 0.0))


@pytest.mark.parametrize(
    ("hadrons", "label"),
    [
        ([(B0, 1, 0.0), (LAMBDA_B, 1, 0.3)], "bb"),
        ([(B0, 1, 0.0), (LAMBDA_B, 1, 0.9)], "b"),  # one of them outside
        ([(B_STAR, 1, 0.0), (B0, 2, 0.0)], "b"),  # the excited one becomes the other
        ([(B0, 1, 0.0), (B0_BAR, 2, 0.0)], "b"),  # oscillates
        ([(B0, 1, 0.0), (D0, 2, 0.0), (D_S, 2, 0.1)], "b"),  # charm of a b decay does not count
        ([(D0, 1, 0.0), (D_S, 1, 0.3)], "cc"),
        ([(D_STAR, 1, 0.0), (D0, 2, 0.0)], "c"),
        ([(D0, 1, 3.0)], "others"),
        ([(UPSILON, 1, 0.0), (J_PSI, 1, 0.0)], "others"),  # a pair that annihilates
        ([(211, 1, 0.0)], "others"),
    ],
)
def test_qcd_jets_are_labelled_by_the_hadrons_that_decay_weakly_inside(
    hadrons: list[tuple[int, int, float]], label: str
) -> None:
    jets = jets_along(np.array([four_momentum(500, 0.0, 0.0)]))
    labels = qcd_labels(record_of(*START, *hadrons), jets, radius=RADIUS)
    assert {name: int(values[0]) for name, values in labels.items()} == {
        name: int(name == f"label_QCD_{label}") for name in QCD_LABELS
    }


def test_an_event_without_a_jet_does_not_shift_the_labels_of_the_others() -> None:
    record = ak.concatenate([record_of(*START, (B0, 1, 0.0)), record_of(*START, (D0, 1, 0.0))])
    axis = np.array([four_momentum(500, 0.0, 0.0)])
    second = LeadingJets(axis, np.zeros((1, 200, 4)), np.array([1]), *np.ones((2, 1)))
    labels = qcd_labels(record, second, radius=RADIUS)
    assert [name for name, values in labels.items() if values[0]] == ["label_QCD_c"]


@pytest.fixture(scope="module")
def hz() -> ak.Array:
    return Collisions(HBB.process("signal"), HBB, seed=12).batch(30)


def test_the_b_quarks_are_those_of_the_higgs_boson(hz: ak.Array) -> None:
    higgs, quarks = higgs_to_bb(hz)
    assert higgs.shape == (30, 4)
    assert quarks.shape == (30, 2, 4)
    np.testing.assert_allclose(invariant_mass(higgs), 125, atol=1)
    # Gluons radiated in the decay take their share.
    assert np.median(invariant_mass(quarks.sum(axis=1))) == pytest.approx(125, abs=3)


def test_every_higgs_decay_ends_in_two_b_hadrons_or_more(hz: ak.Array) -> None:
    b_hadrons = last_hadrons(hz, BOTTOM)
    assert (np.bincount(b_hadrons.event, minlength=30) >= 2).all()
    assert set(abs(b_hadrons.pdg_id)) <= {511, 521, 531, 541, 5122, 5132, 5232, 5332}
    assert set(abs(last_hadrons(hz, CHARM).pdg_id)) <= {411, 421, 431, 4122, 4132, 4232, 4332}


def test_a_process_without_a_higgs_boson_is_told() -> None:
    record = Collisions(HBB.process("background"), HBB, seed=1).batch(2)
    with pytest.raises(ValueError, match="one Higgs boson per event"):
        higgs_to_bb(record)


# ---------------------------------------------------------------- production


@pytest.fixture(scope="module", autouse=True)
def small_units() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SAMPLES, "hbb", with_units("hbb", 5, 15))
        yield


def made(path: Path, **arguments: object) -> JetTable:
    defaults = {"n_jets": 40, "seed": 5, "progress": False, "executor": ThreadPoolExecutor(1)}
    with JetFile(produce("hbb", path, **defaults | arguments), sample="hbb") as file:
        return file.read()


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> JetTable:
    """40 jets: two units of either process."""
    return made(tmp_path_factory.mktemp("jets") / "reference.h5")


def test_produced_jets_are_inside_the_cuts_and_described_by_their_columns(
    reference: JetTable,
) -> None:
    columns, jets = reference.columns, reference.jets
    np.testing.assert_allclose(columns["fj_pt"], jet_pt(jets), rtol=1e-5)
    np.testing.assert_allclose(columns["fj_eta"], jet_eta(jets), atol=1e-4)
    np.testing.assert_allclose(columns["fj_sdmass"], soft_drop_mass(jets), rtol=1e-4)
    assert ((columns["fj_pt"] > 300) & (columns["fj_pt"] < 2000)).all()
    assert (abs(columns["fj_eta"]) < 2.4).all()
    assert ((columns["fj_sdmass"] > 40) & (columns["fj_sdmass"] < 200)).all()
    assert len(np.unique(jets[:, 0, 1])) == 40


def test_produced_jets_are_labelled_by_their_own_process(reference: JetTable) -> None:
    is_qcd = reference.columns["sample_isQCD"] == 1
    assert is_qcd.sum() == 30
    qcd_total = sum(reference.columns[name].astype(int) for name in QCD_LABELS)
    np.testing.assert_array_equal(qcd_total, is_qcd)
    np.testing.assert_array_equal(reference.columns["label_H_bb"], reference.y_true)
    assert 6 <= reference.y_true[~is_qcd].sum() <= 10
    assert (reference.y_true[is_qcd] == 0).all()
    axis = reference.jets[reference.y_true == 1].astype(float).sum(axis=1)
    assert (delta_r(axis, reference.truth[reference.y_true == 1]) < RADIUS).all()


def test_a_larger_sample_begins_with_the_smaller_one(
    tmp_path: Path, reference: JetTable, assert_same_jets: object
) -> None:
    larger = made(tmp_path / "larger.h5", n_jets=48)
    assert_same_jets(larger[:40], reference)
    assert len(larger) == 48
    assert (larger.columns["sample_isQCD"] == 0).sum() == 12
    assert larger.columns["file"].tolist() == [0] * 20 + [1] * 20 + [2] * 8


def test_an_interrupted_production_continues_with_the_same_jets(
    tmp_path: Path, reference: JetTable, assert_same_jets: object
) -> None:
    with pytest.raises(KeyboardInterrupt):
        made(tmp_path / "train.h5", executor=BreaksAfter(3), workers=1)
    assert not (tmp_path / "train.h5").exists()
    assert_same_jets(made(tmp_path / "train.h5"), reference)


def test_a_file_holds_every_column_and_says_what_it_is(tmp_path: Path) -> None:
    with JetFile(produce("hbb", tmp_path / "f.h5", n_jets=4, seed=1, progress=False)) as file:
        assert file.columns == SAMPLES["hbb"].columns
        assert "soft drop mass (40.0, 200.0) GeV" in file.provenance["cuts"]
        assert "Higgs boson and its two b quarks" in file.provenance["cuts"]
        assert "13000" in file.provenance["settings"]
        json.dumps(file.provenance)


def test_jets_are_asked_for_in_multiples_of_four(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="multiple of 4 jets"):
        made(tmp_path / "train.h5", n_jets=42)
    for n_jets in (20, 21, 1234):
        sizes = split_sizes(n_jets, multiple=4)
        assert sum(sizes.values()) == n_jets - n_jets % 4
        assert all(size >= 4 and size % 4 == 0 for size in sizes.values())


def test_top_tagging_is_cut_as_before() -> None:
    assert production.origin("top_tagging", "train", 1)["cuts"] == (
        "leading anti-kT R=0.8 jet, pT (550.0, 650.0) GeV, abs(eta) < 2.0; "
        "signal: top within R of the jet, its three quarks within R of the top"
    )
    assert SAMPLES["top_tagging"].recipe.soft_drop_mass is None
