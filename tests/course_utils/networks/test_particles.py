"""The networks that read constituents: what must not change a score, and slow references."""

import numpy as np
import pytest
import torch
from torch import nn

from course_utils import kinematics, networks
from course_utils.samples import load_jets
from course_utils.training import count_parameters

NETWORKS = {
    "PFN": lambda: networks.PFN(),
    "ParticleNet": lambda: networks.ParticleNet(),
    "transformer": lambda: networks.ParticleTransformer(),
    "transformer without pairs": lambda: networks.ParticleTransformer(pairs=False),
    "invariant": lambda: networks.InvariantNetwork(),
}


@pytest.fixture(scope="module")
def jets():
    """The 30 hardest constituents of some jets, one of which has only three."""
    momenta = torch.from_numpy(load_jets("top_tagging", "val", stop=40).jets[:, :30].copy())
    momenta[0, 3:] = 0
    return momenta


@pytest.fixture(params=NETWORKS)
def network(request):
    torch.manual_seed(3)
    return NETWORKS[request.param]().eval()


def padded(x, n):
    return torch.cat([x, torch.zeros(x.shape[0], n, *x.shape[2:])], dim=1)


@torch.no_grad()
def test_the_order_of_the_constituents_does_not_matter(network, jets):
    order = torch.argsort(torch.rand(jets.shape[:2]), dim=1)  # padding moves, too
    shuffled = jets.gather(1, order[..., None].expand_as(jets))
    torch.testing.assert_close(network(shuffled), network(jets), atol=2e-5, rtol=1e-4)


@torch.no_grad()
def test_rows_of_padding_change_nothing(network, jets):
    expected = network(jets)
    network.n_constituents = 70
    torch.testing.assert_close(network(padded(jets, 40)), expected, atol=2e-5, rtol=1e-4)


def test_every_weight_learns_and_no_slope_is_lost(network, jets):
    network.train()
    jets = jets.clone().requires_grad_()
    nn.functional.cross_entropy(network(jets), torch.arange(40) % 2).backward()
    assert torch.isfinite(jets.grad).all()
    for name, weights in network.named_parameters():
        assert torch.isfinite(weights.grad).all(), name
        # what is the same for all keys does not move a softmax
        assert weights.grad.any() or name == "of_pair.2.bias", name


def test_features_are_those_that_kinematics_gives(jets):
    pt, eta, phi = (f(jets) for f in (kinematics.pt, kinematics.eta, kinematics.phi))
    jet = jets.double().sum(dim=1, keepdim=True).numpy()
    real, energy = pt > 0, jets[..., 0].numpy()
    away = eta - kinematics.eta(jet), kinematics.delta_phi(phi, kinematics.phi(jet))
    with np.errstate(divide="ignore"):
        columns = [*away, np.log(pt), np.log(energy), np.log(pt / kinematics.pt(jet))]
        columns += [np.log(energy / jet[..., 0]), np.hypot(*away)]
    expected = np.where(real[..., None], np.stack(columns, axis=-1), 0)
    np.testing.assert_allclose(networks.particle_features(jets), expected, atol=2e-4)


def test_features_do_not_jump_where_phi_does():
    one, two = torch.tensor([[[3.0, 3.1], [2.0, -3.1]]]).unbind(-1)
    momenta = torch.stack([one, one * two.cos(), one * two.sin(), 0 * one], dim=-1)
    assert networks.particle_features(momenta)[..., 1].abs().max() < 0.1


def test_neighbours_are_those_of_brute_force():
    torch.manual_seed(1)
    points, real = torch.randn(5, 12, 2), torch.rand(5, 12) < 0.6
    real[0], real[1, 2:] = True, False
    index, exists = networks.neighbours(points, real, 4)
    for jet in range(5):
        for i in range(12):
            others = [j for j in range(12) if j != i and real[jet, j]]
            others.sort(key=lambda j: float((points[jet, i] - points[jet, j]).norm()))
            expected = others[:4] if real[jet, i] else []
            assert index[jet, i][exists[jet, i]].tolist() == expected


def test_an_edge_convolution_is_the_dense_layer_on_every_pair(jets):
    torch.manual_seed(4)
    layer = networks.EdgeConv(7, 5, k=4).eval()
    x, real = networks.particle_features(jets), networks.real_constituents(jets)
    found = layer(x, real, x[..., :2])
    index, exists = networks.neighbours(x[..., :2], real, 4)
    weights = torch.cat([layer.centre.weight, layer.difference.weight], dim=1)
    for jet, i in ((0, 0), (0, 2), (3, 7), (5, 0)):
        here, near = x[jet, i], index[jet, i][exists[jet, i]]
        assert len(near) == (2 if jet == 0 else 4)
        pairs = torch.stack([torch.cat([here, x[jet, j] - here]) for j in near])
        answers = layer.of_pair(pairs @ weights.T + layer.centre.bias).mean(dim=0)
        torch.testing.assert_close(found[jet, i], (answers + layer.shortcut(here[None])[0]).relu())
    assert not found[~real].any()


def test_batch_normalisation_does_not_see_padding():
    torch.manual_seed(5)
    x, real = torch.randn(6, 9, 3), torch.rand(6, 9) < 0.7
    first, second = networks.MaskedBatchNorm(3), networks.MaskedBatchNorm(3)
    few, many = first(x, real), second(padded(x, 40), padded(real, 40).bool())
    torch.testing.assert_close(many[:, :9], few)
    torch.testing.assert_close(second.norm.running_mean, first.norm.running_mean)
    torch.testing.assert_close(few[real].mean(dim=0), torch.zeros(3), atol=1e-5, rtol=0)


def test_pair_features_are_symmetric_and_those_of_kinematics(jets):
    found = networks.pair_features(jets)
    torch.testing.assert_close(found, found.transpose(1, 2), atol=1e-3, rtol=0)
    assert not found[0, 3:].any()
    i, j = jets[4, 2].double(), jets[4, 6].double()
    pts = kinematics.pt(torch.stack([i, j]))
    away = np.hypot(
        kinematics.eta(i) - kinematics.eta(j),
        kinematics.delta_phi(kinematics.phi(i), kinematics.phi(j)),
    )
    mass = kinematics.jet_mass(torch.stack([i, j])[None])[0]
    expected = np.log([away, pts.min() * away, pts.min() / pts.sum(), mass**2])
    np.testing.assert_allclose(found[4, 2, 6], expected, rtol=1e-3)


def test_attention_is_a_weighted_average_of_real_constituents():
    torch.manual_seed(6)
    query, key, value = torch.randn(3, 2, 4, 5, 3)
    bias, real = (
        torch.randn(2, 4, 5, 5),
        torch.tensor([[True] * 5, [True, True, False, True, False]]),
    )
    logits = torch.einsum("bhic,bhjc->bhij", query, key) / 3**0.5 + bias
    weights = logits.exp() * real[:, None, None, :]
    expected = weights / weights.sum(dim=-1, keepdim=True) @ value
    torch.testing.assert_close(networks.attention(query, key, value, bias, real), expected)
    torch.testing.assert_close(
        networks.attention(query, key, value, None, real),
        networks.attention(query, key, value, torch.zeros_like(bias), real),
    )


@torch.no_grad()
def test_an_invariant_network_knows_no_frame(jets):
    torch.manual_seed(7)
    network, jets = networks.InvariantNetwork().double().eval(), jets.double()
    others = networks.PFN().double().eval()
    for axes in ((0, 1), (0, 3), (1, 3), (1, 2)):
        change = torch.eye(4, dtype=torch.float64)
        cosh, sinh = (np.cosh(0.8), np.sinh(0.8)) if 0 in axes else (np.cos(0.8), np.sin(0.8))
        a, b = axes
        change[a, a] = change[b, b] = cosh
        change[a, b], change[b, a] = sinh, sinh if 0 in axes else -sinh
        moved = jets @ change.T
        torch.testing.assert_close(network(moved), network(jets), rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(
            networks.dot_products(moved), networks.dot_products(jets), rtol=1e-9, atol=1e-7
        )
        if axes != (1, 2):  # turned about the beam, a PFN sees the same
            assert (others(moved) - others(jets)).abs().max() > 1e-4


def test_published_sizes():
    full = networks.ParticleNet((64, 128, 256), k=16, n_dense=256, n_constituents=100)
    assert abs(count_parameters(full) - 366_000) < 1000  # arXiv:1902.08570, table 6
    assert count_parameters(networks.ParticleNet()) == 26_512
    assert count_parameters(networks.PFN((100, 100, 256), (100, 100, 100))) == 82_858
