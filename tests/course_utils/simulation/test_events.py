"""Complete events: which are selected, how they become rows, and what a produced file holds."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import awkward as ak
import numpy as np
import pytest

pytest.importorskip("pythia8mc", reason="needs the extra 'simulation'")
pytest.importorskip("fastjet", reason="needs the extra 'simulation'")

from particle_gun import four_momentum
from recipes import with_units

from course_utils import kinematics
from course_utils.jetfile import JetFile
from course_utils.samples import SAMPLES, Kind, load_events
from course_utils.simulation.collisions import Collisions
from course_utils.simulation.events import in_rows, selected
from course_utils.simulation.objects import Objects
from course_utils.simulation.production import produce

RECIPE = SAMPLES["events"].recipe
M, J, B, L = Kind.MISSING_ENERGY, Kind.JET, Kind.B_JET, Kind.LEPTON
GOOD = ((M, 40, 3.0), (L, 40, 0.0), (B, 60, 1.0), (J, 41, -1.0))


def objects(*events):
    """Events of (kind, pt, phi), in an order that is not that of their numbers."""
    flat = [(*each, i) for i, event in enumerate(events) for each in event]
    kind, pt, phi, event = zip(*reversed(flat), strict=True)
    momentum = four_momentum(pt, np.zeros(len(pt)), phi)
    return Objects(momentum, np.array(kind), np.array(event), len(events))


def without(event, kind):
    return tuple(each for each in event if each[0] != kind)


@pytest.mark.parametrize(
    ("event", "is_kept"),
    [
        (GOOD, True),
        ((*GOOD, (L, 25, 2.0)), False),  # two leptons
        (without(GOOD, L), False),
        ((*without(GOOD, B), (J, 60, 1.0)), False),  # no tag
        ((*GOOD, (B, 50, -2.0)), True),
        ((*without(GOOD, J), (J, 39, -1.0)), False),  # HT of 99
        ((*without(GOOD, M), (M, 40, 0.7)), False),  # mT of 27
        ((*without(GOOD, M), (M, 40, -0.8)), True),  # mT of 31
        ((*without(GOOD, M), (M, 5, 3.1)), False),  # mT of 28
    ],
)
def test_an_event_is_kept_by_its_leptons_tags_ht_and_transverse_mass(event, is_kept):
    """Among others that must not matter."""
    kept = selected(objects(without(GOOD, L), event, GOOD), RECIPE.selection)
    assert kept.tolist() == [False, is_kept, True]


def test_rows_are_sorted_and_padded():
    momentum, kind = in_rows(objects(GOOD, without(GOOD, L)), 6)
    assert momentum.shape == (2, 6, 4)
    np.testing.assert_allclose(kinematics.pt(momentum)[0], [60, 41, 40, 40, 0, 0])
    assert kind[0][:2].tolist() == [B, J]
    assert sorted(kind[0][2:]) == [0, 0, M, L]
    assert kind[1].tolist() == [B, J, M, 0, 0, 0]


def test_the_softest_jets_have_no_room_and_all_else_has():
    jets = tuple((J, 100 + i, 0.1 * i) for i in range(8))
    momentum, kind = in_rows(objects(jets + GOOD), 5)
    assert sorted(kind[0]) == [M, J, J, J, L]
    np.testing.assert_allclose(np.sort(kinematics.pt(momentum)[0]), [40, 40, 105, 106, 107])


# ---------------------------------------------------------------- Pythia


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """40 events: two units of each of the four processes."""
    root = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SAMPLES, "events", with_units("events", 10, 6, 2, 2))
        patch.setenv("JET_DATA", str(root))
        path = root / "events" / "train.h5"
        with ThreadPoolExecutor(1) as one:
            produce("events", path, n_jets=40, seed=5, progress=False, executor=one)
        yield path, load_events("train")


def test_a_file_holds_every_process_in_its_share(made):
    _, events = made
    assert events.y_true.sum() == 20
    n_of = {name: int(values.sum()) for name, values in events.columns.items()}
    assert n_of == {"label_ttbar": 12, "label_t_channel": 4, "label_W_jets": 4}
    np.testing.assert_array_equal(sum(events.columns.values()), 1 - events.y_true)


def test_produced_events_pass_the_selection(made):
    _, events = made
    pt, eta, phi = (f(events.momenta) for f in (kinematics.pt, kinematics.eta, kinematics.phi))
    lepton, missing, tagged = (events.kinds == kind for kind in (L, M, B))
    jets = tagged | (events.kinds == J)
    cuts = RECIPE.selection
    assert (lepton.sum(axis=1) == 1).all()
    assert (missing.sum(axis=1) == 1).all()
    assert (tagged.sum(axis=1) >= 1).all()
    assert np.where(jets, pt, 0).sum(axis=1).min() > cuts.min_ht
    mass = kinematics.transverse_mass(pt[lepton], phi[lepton], pt[missing], phi[missing])
    assert mass.min() > cuts.min_mt
    assert pt[lepton].min() > cuts.lepton_pt
    assert abs(eta[lepton]).max() < cuts.lepton_abs_eta
    assert pt[jets].min() > RECIPE.jet_pt[0]
    assert abs(eta[jets]).max() < RECIPE.jet_abs_eta
    assert abs(eta[tagged]).max() < cuts.tag_abs_eta
    assert (np.diff(pt, axis=1) <= 0).all()
    # massless
    np.testing.assert_allclose(pt * np.cosh(eta), events.momenta[..., 0], rtol=1e-5, atol=1e-5)


def test_provenance_says_what_an_event_is(made):
    path, _ = made
    with JetFile(path, sample="events") as file:
        found = file.provenance
    assert found["cuts"].startswith("1 lepton (pT > 20 GeV, abs(eta) < 2.5")
    assert "anti-kT R=0.4 jets, pT (25.0, 6500.0) GeV" in found["cuts"]
    assert found["w_jets"] == "W to leptons and a jet, pTHat (40.0, 6500.0) GeV"
    assert found["events_tried_w_jets"] > found["events_tried_ttbar"]


def test_the_signal_is_a_top_and_something_invisible_of_500_gev():
    """Pythia's own u* has no such decay: what the recipe adds must not be lost."""
    record = Collisions(RECIPE.process("signal"), RECIPE, seed=3).batch(20)
    invisible = (abs(record.id) == 52) & (record.status > 0)
    tops = (abs(record.id) == 6) & (abs(record.id[record.mother1]) == 4000002)
    assert ak.sum(invisible, axis=1).tolist() == ak.sum(tops, axis=1).tolist() == [1] * 20
    pair = [ak.flatten(record.p[chosen]) for chosen in (invisible, tops)]
    energy, px, py, pz = (
        sum(each[name].to_numpy() for each in pair) for name in ("e", "px", "py", "pz")
    )
    mass = np.sqrt(energy**2 - px**2 - py**2 - pz**2)
    assert np.median(mass) == pytest.approx(500, abs=20)


def test_without_its_channel_the_signal_cannot_start():
    process = RECIPE.process("signal")
    without_it = tuple(each for each in process.settings if "addChannel" not in each)
    assert len(without_it) == len(process.settings) - 1
    with pytest.raises(ValueError, match="could not start signal"):
        Collisions(replace(process, settings=without_it), RECIPE, seed=1)
