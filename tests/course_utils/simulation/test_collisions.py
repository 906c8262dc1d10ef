"""Pythia at work: which events it gives up, and what is in those that it finishes."""

from __future__ import annotations

import gc
from dataclasses import replace

import awkward as ak
import numpy as np
import pytest

pytest.importorskip("pythia8mc", reason="needs the extra 'simulation'")
pytest.importorskip("fastjet", reason="needs the extra 'simulation'")

import fastjet
from particle_gun import four_momentum, many_events

from course_utils.samples import SAMPLES, Process
from course_utils.simulation import collisions as module
from course_utils.simulation.collisions import (
    Collisions,
    final_state,
    seen_particles,
    select,
)
from course_utils.simulation.truth import hadronic_tops

TOP_TAGGING, HBB = (SAMPLES[name].recipe for name in ("top_tagging", "hbb"))
WINDOW = TOP_TAGGING.process("signal").parton_jet_pt


def collisions(name="signal", *, recipe=TOP_TAGGING, seed=12, **changed):
    return Collisions(replace(recipe.process(name), **changed), recipe, seed=seed)


def jets_pt(momenta, *, radius=0.8):
    """pT of the anti-kT jets of rows (px, py, pz, E), by FastJet, falling."""
    particles = [fastjet.PseudoJet(*map(float, each)) for each in momenta]
    definition = fastjet.JetDefinition(fastjet.antikt_algorithm, radius)
    jets = fastjet.ClusterSequence(particles, definition).inclusive_jets()
    return sorted((jet.pt() for jet in jets), reverse=True)


def leading_pt(momenta, *, radius=0.8):
    """pT of the hardest of these jets; 0 without one."""
    return (jets_pt(momenta, radius=radius) or [0.0])[0]


# ---------------------------------------------------------------- events given up


@pytest.fixture
def looked_at(monkeypatch):
    """What the veto saw: pT of the leading jet of partons by FastJet, and whether it was kept."""
    seen, decide = [], module._Veto.doVetoPT

    def spy(self, stage, event):
        given_up = decide(self, stage, event)
        if stage != module._RESONANCE_DECAYS:
            final = [p for p in event if p.isFinal() and abs(p.eta()) < 5]
            momenta = [(p.px(), p.py(), p.pz(), p.e()) for p in final]
            seen.append((leading_pt(momenta), not given_up))
        return given_up

    monkeypatch.setattr(module._Veto, "doVetoPT", spy)
    return seen


@pytest.mark.parametrize("name", ["signal", "background"])
def test_events_are_given_up_outside_the_window_of_the_parton_jet_and_only_there(name, looked_at):
    source = collisions(name)
    source.batch(30)
    pt, kept = np.array(looked_at).T
    np.testing.assert_array_equal(kept == 1, (pt > WINDOW[0]) & (pt < WINDOW[1]))
    # Each event is looked at once: what is not given up is finished.
    assert kept.sum() == source.n_finished == 30
    assert len(kept) == source.n_tried > 60


def test_one_of_two_leading_jets_of_partons_in_the_window_is_enough(monkeypatch):
    """QCD of w_tagging gives two jets an event: the second counts where the first is too hard."""
    seen, decide = [], module._Veto.doVetoPT

    def spy(self, stage, event):
        given_up = decide(self, stage, event)
        final = [p for p in event if p.isFinal() and abs(p.eta()) < 5]
        momenta = [(p.px(), p.py(), p.pz(), p.e()) for p in final]
        seen.append((jets_pt(momenta, radius=1.0)[:2], not given_up))
        return given_up

    monkeypatch.setattr(module._Veto, "doVetoPT", spy)
    low, high = 210.0, 240.0
    recipe = replace(SAMPLES["w_tagging"].recipe, jet_abs_eta=10.0)
    collisions("background", recipe=recipe, parton_jet_pt=(low, high)).batch(20)
    inside = [[low < pt < high for pt in leading] for leading, _ in seen]
    assert [any(each) for each in inside] == [kept for _, kept in seen]
    assert any(each[-1] and not each[0] for each in inside)


def test_jets_of_the_particles_are_near_the_window_of_the_partons():
    """Whatever is counted: without the veto, most of the jets would be far below."""
    low, high = WINDOW

    def near(**changed):
        record = collisions("background", **changed).batch(25)
        particles = final_state(record)
        momenta = np.roll(particles.momentum, -1, axis=1)
        pt = np.array([leading_pt(momenta[particles.event == i]) for i in range(25)])
        return ((pt > low - 60) & (pt < high + 60)).mean()

    assert near() == 1
    assert near(parton_jet_pt=None) < 0.5


def test_the_veto_outlives_the_garbage_collector():
    """Pythia holds a C++ pointer to the hook: without the Python object, nothing is vetoed."""
    source = collisions("background")
    source.batch(5)
    before = source.n_tried
    gc.collect()
    other = collisions("background", seed=13)
    gc.collect()
    source.batch(20)
    assert source.n_tried - before > 40
    assert other.n_tried == 0
    other.batch(20)
    assert other.n_tried > 40


def test_without_a_window_every_event_is_finished():
    for source in (collisions(recipe=HBB), collisions(parton_jet_pt=None)):
        source.batch(10)
        assert source.n_tried == source.n_finished == 10


# ---------------------------------------------------------------- random numbers


def test_the_same_seed_gives_the_same_events_in_batches_of_any_size():
    def particles(*sizes, seed=12):
        source = collisions("background", seed=seed)
        return ak.concatenate([source.batch(size) for size in sizes])

    whole, pieces, other = particles(12), particles(5, 7), particles(12, seed=13)
    for field in ("id", "status"):
        assert ak.all(whole[field] == pieces[field])
    for field in ("px", "py", "pz", "e"):
        assert ak.all(whole.p[field] == pieces.p[field])
    assert ak.num(whole).to_list() != ak.num(other).to_list()


# ---------------------------------------------------------------- what is in an event


@pytest.fixture(scope="module")
def ttbar():
    return collisions().batch(20)


def invariant_mass(momentum):
    return np.sqrt(momentum[..., 0] ** 2 - (momentum[..., 1:] ** 2).sum(axis=-1))


def test_quarks_belong_to_the_top_they_are_listed_with(ttbar):
    tops, quarks = hadronic_tops(ttbar)
    assert tops.shape == (20, 2, 4)
    assert quarks.shape == (20, 2, 3, 4)
    assert np.median(invariant_mass(tops)) == pytest.approx(172.5, abs=2)
    # Two of the three come from one W. Tails: the W's width, and gluons radiated in the decay.
    w_mass = invariant_mass(quarks[:, :, 1:].sum(axis=2))
    assert (abs(w_mass - 80.4) < 5).mean() > 0.8
    assert np.median(invariant_mass(quarks.sum(axis=2))) == pytest.approx(172.5, abs=4)


def test_final_state_carries_the_beams_energy(ttbar):
    particles = final_state(ttbar)
    energy = np.bincount(particles.event, particles.momentum[:, 0])
    np.testing.assert_allclose(energy, 14_000, rtol=1e-6)


def test_particles_come_from_where_their_mother_decays(ttbar):
    """In mm: pions of a K0S fly some centimetres, those of the collision start in its middle."""
    particles = final_state(ttbar)
    assert particles.vertex.shape == (len(particles.event), 3)
    distance = np.linalg.norm(particles.vertex, axis=1)
    assert (distance < 1e-3).mean() > 0.5
    kind = ak.flatten(ttbar.id).to_numpy()
    offset = np.repeat(np.cumsum(ak.num(ttbar)) - ak.num(ttbar), ak.num(ttbar)).to_numpy()
    of_k_short = kind[ak.flatten(ttbar.mother1).to_numpy() + offset] == 310
    daughters = select(ttbar, of_k_short)
    far = np.linalg.norm(daughters.vertex, axis=1)
    k_short = select(ttbar, kind == 310)
    boost = np.linalg.norm(k_short.momentum[:, 1:], axis=1).mean() / 0.4976
    assert far.mean() == pytest.approx(26.84 * boost, rel=0.5)  # c tau of 26.84 mm


def test_unknown_pythia_setting_is_named():
    wrong = Process("typo", "typo", True, 1, ("Top:gg2ttbra = on",))
    with pytest.raises(ValueError, match="gg2ttbra"):
        Collisions(wrong, TOP_TAGGING, seed=1)


# ---------------------------------------------------------------- what is seen


def test_neutrinos_dark_matter_and_what_flies_forward_are_not_seen():
    pdg_id = [11, -13, 12, -14, 16, 52, 211, 22, 130]
    eta = [0, 4.8, 0, 1, 2, 0, -5, -4.8, 4.95]
    particles = many_events(2, pdg_id, four_momentum([30] * 9, eta, 1.0))
    seen = seen_particles(particles, rng=np.random.default_rng(0))
    assert seen.pdg_id.tolist() == [11, -13, 22] * 2
    assert seen.event.tolist() == [0, 0, 0, 1, 1, 1]
    assert seen.n_events == 2
    np.testing.assert_array_equal(seen.momentum[:3], particles.momentum[[0, 1, 7]])


def test_the_cross_section_of_top_pairs_is_that_of_the_leading_order():
    """Some 500 pb at 13 TeV; the first events know it to a few per cent."""
    made = Collisions(SAMPLES["events"].recipe.process("ttbar"), SAMPLES["events"].recipe, seed=1)
    made.batch(100)
    sigma, error = made.cross_section
    assert 1e9 * sigma == pytest.approx(510, abs=max(5e9 * error, 60))
    assert 0 < error < 0.1 * sigma
