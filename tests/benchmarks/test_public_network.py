"""LorentzNet, written from the paper, with random weights, and what its weights remember."""

import numpy as np
import pytest

pytest.importorskip("torch")
import public_network
from public_network import PublicNetwork, edge_averages, edge_sums, public_edge_averages

from course_utils.kinematics import from_pt_eta_phi_mass

HIDDEN = 72


@pytest.fixture(scope="module")
def weights():
    """Random weights by the published names, and of the published shapes."""
    rng, shapes = np.random.default_rng(0), {"embedding.weight": (HIDDEN, 2)}
    shapes |= {"embedding.bias": (HIDDEN,)}
    for k in range(6):
        layer = {"phi_e.0.weight": (HIDDEN, 146), "phi_h.0.weight": (HIDDEN, 146)}
        layer |= {f"phi_{of}.3.weight": (HIDDEN, HIDDEN) for of in "eh"}
        layer |= {f"phi_{of}.3.bias": (HIDDEN,) for of in "eh"} | {"phi_h.0.bias": (HIDDEN,)}
        layer |= {"phi_x.0.weight": (HIDDEN, HIDDEN), "phi_x.0.bias": (HIDDEN,)}
        layer |= {"phi_x.2.weight": (1, HIDDEN)}
        layer |= {"phi_m.0.weight": (1, HIDDEN), "phi_m.0.bias": (1,)}
        normal = ("weight", "bias", "running_mean", "running_var")
        layer |= {f"phi_{of}.1.{name}": (HIDDEN,) for of in "eh" for name in normal}
        shapes |= {f"LGEBs.{k}.{name}": shape for name, shape in layer.items()}
    shapes |= {"graph_dec.0.weight": (HIDDEN, HIDDEN), "graph_dec.0.bias": (HIDDEN,)}
    shapes |= {"graph_dec.3.weight": (2, HIDDEN), "graph_dec.3.bias": (2,)}
    drawn = {name: 0.1 * rng.normal(size=shape) for name, shape in shapes.items()}
    positive = {name: np.abs(of) + 1 for name, of in drawn.items() if name.endswith("running_var")}
    return {name: of.astype(np.float32) for name, of in (drawn | positive).items()}


def some_jets(n_jets=4, n=12, phi=0.0):
    rng = np.random.default_rng(1)
    jets = np.zeros((n_jets, n + 5, 4))
    pt, eta, azimuth = rng.exponential(40, (n_jets, n)), *rng.normal(0, 0.3, (2, n_jets, n))
    jets[:, :n] = from_pt_eta_phi_mass(pt, eta, azimuth + phi)
    return jets.astype(np.float32)


def test_scores_do_not_change_when_the_jets_are_turned_around_the_beam(weights):
    # Not to the last digit: the rounding to float32 turns into other masses.
    network = PublicNetwork(weights)
    turned = network.scores(some_jets(phi=1.0))
    assert network.scores(some_jets()) == pytest.approx(turned, abs=2e-3)


def test_scores_depend_on_neither_the_order_of_the_constituents_nor_the_padding(weights):
    network, jets = PublicNetwork(weights), some_jets()
    scores = network.scores(jets)
    assert len(set(scores.round(6))) == len(scores)
    assert network.scores(jets[:, ::-1]) == pytest.approx(scores, abs=1e-5)


def test_the_mean_over_nodes_runs_over_the_longest_jet_of_the_batch(weights):
    network, jets = PublicNetwork(weights), some_jets()
    jets[1, 4:] = 0
    together, alone = network.scores(jets), network.scores(jets, batch_size=1)
    assert together[0] == pytest.approx(alone[0], abs=1e-6)
    assert together[1] != pytest.approx(alone[1], abs=1e-4)


def test_the_running_means_of_the_first_layer_are_solved_for_the_averages(weights):
    averages = np.array([0.003, 0.02, -1.5, 1.1])
    edge = weights["LGEBs.0.phi_e.0.weight"].astype(float)
    mean_node = weights["embedding.weight"] @ averages[:2] + weights["embedding.bias"]
    means = edge @ np.concatenate([mean_node, mean_node, averages[2:]])
    planted = weights | {"LGEBs.0.phi_e.1.running_mean": means}
    assert public_edge_averages(planted) == pytest.approx(averages, rel=1e-4)


def test_edge_averages_of_two_constituents_are_those_counted_by_hand():
    jet = np.array([[5.0, 3, 4, 0], [5.0, 0, 3, 4], [0, 0, 0, 0]])
    beams, ln = np.array([[2**0.5, 0, 0, 1], [2**0.5, 0, 0, -1]]), np.log1p
    metric = np.diag([1, -1, -1, -1])
    nodes = np.concatenate([beams, jet[:2]])
    pairs = [(a, b) for i, a in enumerate(nodes) for j, b in enumerate(nodes) if i != j]
    dots = np.array([a @ metric @ b for a, b in pairs])
    norms = np.array([(a - b) @ metric @ (a - b) for a, b in pairs])
    averages = edge_averages([edge_sums(jet)])
    assert averages[0] == 0  # both constituents are exactly massless
    assert averages[1] == pytest.approx(ln(1) * 2 * 3 / 12)  # two beams, each in 3 of 12 pairs
    assert averages[2] == pytest.approx(np.mean(np.sign(norms) * ln(abs(norms))))
    assert averages[3] == pytest.approx(np.mean(np.sign(dots) * ln(abs(dots))))


def test_averages_count_pairs_and_not_jets():
    few, many = some_jets(n=3)[0], some_jets(n=12)[0]
    n = np.array([3, 12])
    beam = edge_averages([edge_sums(few), edge_sums(many)])[1]
    assert beam / np.log(2) == pytest.approx(2 * np.mean(n + 1) / np.mean((n + 2) * (n + 1)))


def test_another_file_is_refused(tmp_path):
    np.savez(tmp_path / "other.npz", weight=np.ones(3))
    with pytest.raises(ValueError, match="Expected the weights of LorentzNet"):
        public_network.read_weights(tmp_path / "other.npz")


def test_the_names_of_a_parallel_training_are_understood(tmp_path, weights):
    np.savez(tmp_path / "net.npz", **{f"module.{name}": of for name, of in weights.items()})
    assert public_network.read_weights(tmp_path / "net.npz").keys() == weights.keys()
