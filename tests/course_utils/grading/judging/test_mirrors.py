"""PyTorch across the border: slopes lead back, networks are filled and stepped, modes are kept."""

import numpy as np
import pytest
import torch
from other_side import caller_of, notebook
from torch import nn

from course_utils.grading import called
from course_utils.grading.judging.frames import CrossingError, Frame
from course_utils.grading.judging.mirrors import _slope_tensors, take_state

NETWORK = """
import torch
from torch import nn
class Net(nn.Module):
    def __init__(self, n=3):
        super().__init__()
        self.lin, self.norm = nn.Linear(2, n), nn.BatchNorm1d(n)
        self.unused = nn.Parameter(torch.zeros(2))
    def forward(self, x):
        return self.norm(self.lin(x)).relu()
def candidate():
    net = Net()
    return net, torch.optim.SGD(net.parameters(), lr=0.5, momentum=0.9)
"""


@pytest.fixture
def theirs():
    with caller_of(notebook(NETWORK)) as caller:
        yield caller


def test_slopes_lead_back_through_a_function_to_its_arguments():
    names = notebook("import torch\ndef f(a, b):\n    return (a**2 * b).sum(), a.detach()")
    with caller_of(names) as caller:
        a = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
        b = torch.tensor([3.0, 4.0], dtype=torch.float64, requires_grad=True)
        total, plain = called(caller.name("f"), a * 1, b)
        assert not plain.requires_grad
        (2 * total).backward()
    np.testing.assert_allclose(a.grad, [12, 32])
    np.testing.assert_allclose(b.grad, [2, 8])


def test_work_in_place_on_what_is_no_leaf_is_no_mistake():
    names = notebook("def f(a):\n    a.clamp_(0, 1)\n    return (a**2).sum()")
    with caller_of(names) as caller:
        a = torch.tensor([-1.0, 0.5, 3.0], requires_grad=True)
        called(caller.name("f"), a * 1).backward()
        np.testing.assert_allclose(a.grad, [0, 1, 0])
        with pytest.raises(RuntimeError, match="leaf"):  # as it does without a border
            called(caller.name("f"), a)


def test_a_leaf_keeps_its_slope_while_it_is_with_a_function():
    names = notebook("def f(a):\n    (a**2).sum().backward()\n    return a.grad")
    with caller_of(names) as caller:
        a = torch.tensor([1.0, 2.0], requires_grad=True)
        np.testing.assert_allclose(called(caller.name("f"), a), [2, 4])


def test_a_function_that_cuts_its_slopes_is_noticed():
    with caller_of(notebook("def f(a):\n    return (a * 2).detach()")) as caller:
        assert not caller.name("f")(torch.ones(2, requires_grad=True)).requires_grad


def test_slopes_lead_back_to_the_parameters_of_a_network_that_is_lent():
    half = "def f(net, x):\n    return (net[0].weight * x).sum() + net[2].weight.sum().item()"
    with caller_of(notebook(half)) as caller:
        net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))
        net[0].bias.requires_grad_(False)
        x = torch.tensor([3.0, 4.0], requires_grad=True)
        for times in (1, 2):  # slopes add up, as they do without a border
            called(caller.name("f"), net, x).backward()
            np.testing.assert_allclose(net[0].weight.grad, [[3 * times, 4 * times]] * 2)
        np.testing.assert_allclose(x.grad, 2 * net[0].weight.detach().sum(dim=0), rtol=1e-6)
        assert all(w.grad is None for w in (net[0].bias, *net[2].parameters()))


def test_slopes_of_a_network_that_is_lent_twice_count_once():
    with caller_of(notebook("def f(net, layer):\n    return 5 * layer.weight.sum()")) as caller:
        net = nn.Sequential(nn.Linear(2, 1))
        called(caller.name("f"), net, net[0]).backward()
    np.testing.assert_allclose(net[0].weight.grad, [[5, 5]])


def test_a_network_has_its_layers_and_parameters(theirs):
    net = called(theirs.name("Net"), 5)
    assert isinstance(net, nn.Module)
    assert type(net).__name__ == "Net"
    assert sum(isinstance(part, nn.BatchNorm1d) for part in net.modules()) == 1
    assert [name for name, _ in net.named_parameters()] == [
        "unused", "lin.weight", "lin.bias", "norm.weight", "norm.bias"
    ]  # fmt: skip
    assert sum(w.numel() for w in net.parameters()) == 2 + 10 + 5 + 5 + 5


def test_a_network_that_is_filled_here_computes_with_these_numbers(theirs):
    ours = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU())
    net = called(theirs.name("Net"))
    with torch.no_grad():
        for mine, other in zip([*net.parameters()][1:], ours.parameters(), strict=True):
            mine.copy_(other)
    x = torch.randn(20, 2)
    for training in (True, False):
        found, expected = net.train(training)(x), ours.train(training)(x)
        assert torch.allclose(found, expected, atol=1e-5)
    assert torch.allclose(net.norm.running_mean, ours[1].running_mean, atol=1e-6)
    net(x).sum().backward()
    ours(x).sum().backward()
    assert torch.allclose(net.lin.weight.grad, ours[0].weight.grad, atol=1e-5)
    assert net.unused.grad is None
    assert not net.eval().training
    with torch.no_grad():
        assert not net(x).requires_grad


def test_an_optimiser_moves_its_own_network_only(theirs):
    (one, optimiser), (two, _) = called(theirs.name("candidate")), called(theirs.name("candidate"))
    before = [[w.detach().clone() for w in net.parameters()] for net in (one, two)]
    for _ in range(2):
        for weights in one.parameters():
            weights.grad = torch.ones_like(weights)
        optimiser.step()
    moved = [[float((w - old).mean().detach()) for w, old in zip(net.parameters(), of, strict=True)]
             for net, of in zip((one, two), before, strict=True)]  # fmt: skip
    np.testing.assert_allclose(moved[0], -0.5 * (1 + 1.9), rtol=1e-5)
    assert set(moved[1]) == {0}
    optimiser.zero_grad()
    assert all(w.grad is None for w in one.parameters())
    assert one is not two


STEP = """
import torch
def step(network, optimiser, x, y):
    network.train()
    {zero}
    loss = ((network(x)[:, 0] - y) ** 2).mean()
    loss.backward()
    optimiser.step()
    return loss.item()
"""


@pytest.mark.parametrize(("zero", "same"), [("optimiser.zero_grad()", True), ("pass", False)])
def test_a_network_that_is_lent_comes_back_trained(zero, same):
    def train(step):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)).eval()
        optimiser = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
        rng = torch.Generator().manual_seed(1)
        x, y = torch.randn(16, 2, generator=rng), torch.randn(16, generator=rng)
        losses = [step(network, optimiser, x, y) for _ in range(4)]
        return losses, network.training, [*network.parameters(), *network.buffers()]

    here = train(notebook(STEP.format(zero="optimiser.zero_grad()"))["step"])
    with caller_of(notebook(STEP.format(zero=zero))) as caller:
        there = train(lambda *them: called(caller.name("step"), *them))
    assert np.allclose(here[0], there[0], rtol=1e-5) == same
    assert there[1]
    assert all(map(torch.allclose, here[2], there[2])) == same


def test_a_state_holds_numbers_and_no_layers():
    network, other = (nn.Sequential(nn.Linear(1, 1)) for _ in range(2))
    network.note = 1
    weights = [(name, w.detach(), True, None) for name, w in other.named_parameters()]
    sly = {"_modules": {}, "_forward_hooks": {1: print}, "note": other, "training": False}
    state = {"parameters": weights, "buffers": [], "training": [True, True], "plain": sly}
    take_state(network, state)
    assert network[0].weight.item() == other[0].weight.item()
    assert network.note == 1
    assert not network.training
    assert not network._forward_hooks
    state["parameters"][0] = ("0.weight", torch.ones(()), True, None)  # one number for all
    with pytest.raises(CrossingError, match="shape"):
        take_state(network, state)


def test_the_state_of_an_optimiser_is_numbers():
    optimiser = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=0.1)
    state = optimiser.state_dict()
    state["param_groups"][0]["lr"] = 0.2
    take_state(optimiser, state)
    assert optimiser.param_groups[0]["lr"] == 0.2
    state["param_groups"][0]["lr"] = print
    with pytest.raises(CrossingError, match="numbers"):
        take_state(optimiser, state)


def test_a_network_has_an_end(monkeypatch, theirs):
    monkeypatch.setattr("course_utils.grading.judging.mirrors._MOST_PARTS", 2)
    with pytest.raises(CrossingError, match="at most 2 layers"):
        called(theirs.name("Net"))


def test_an_array_is_not_copied_for_many_tensors():
    frame = Frame([["list", [["tensor", "torch", [0], True]] * 2], None], [np.ones(3)])
    with pytest.raises(CrossingError, match="two places"):
        _slope_tensors(frame)


def test_a_keras_network_is_asked():
    keras = pytest.importorskip("keras")
    source = """
import keras
def build():
    net = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    net.compile("sgd", "mse")
    return net
"""
    with caller_of(notebook(source)) as caller:
        net = called(caller.name("build"))
        assert isinstance(net, keras.Model)
        assert isinstance(net.optimizer, keras.optimizers.SGD)
        assert net.count_params() == 3
        net.set_weights([np.array([[1.0], [2.0]]), np.array([0.5])])
        x = np.array([[1.0, 1.0], [2.0, 0.0]], dtype=np.float32)
        np.testing.assert_allclose(np.ravel(net(x)), [3.5, 2.5], rtol=1e-5)
        np.testing.assert_allclose(called(net.predict, x, verbose=0)[:, 0], [3.5, 2.5], rtol=1e-5)
        assert [w.shape for w in net.trainable_weights] == [(2, 1), (1,)]
        assert float(net.optimizer.learning_rate) == pytest.approx(0.01)


LAZY = """
from torch import nn
def build():
    layers = nn.LazyConv2d(4, 3, padding=1), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(2)
    return nn.Sequential(*layers)
"""


def test_a_network_that_finds_its_own_sizes_has_them_after_the_first_call():
    with caller_of(notebook(LAZY.strip())) as caller:
        net = called(caller.name("build"))
        assert isinstance(net, nn.Module)
        x = torch.randn(3, 1, 5, 5)
        assert called(net, x).shape == (3, 2)
        assert sum(w.numel() for w in net.parameters()) == 40 + 8 + 2 * 100 + 2
        with torch.no_grad():
            for weights in net.parameters():
                weights.fill_(0.0)
        assert not net.eval()(x).any()
        net(x).sum().backward()
        assert all(w.grad is not None for w in net.parameters())
