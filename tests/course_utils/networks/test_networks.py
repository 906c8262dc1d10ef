"""Inception, CVN and the bilinear CNN, against slow references and PyTorch's own layers."""

import numpy as np
import pytest
import torch
from torch import nn

from course_utils.networks import (
    BCNN,
    CVN,
    POOLINGS,
    Inception,
    LocalResponseNorm,
    SequentialCNN,
    bilinear_pooling,
    outer_product_of_averages,
    vgg_features,
)
from course_utils.training import count_parameters


@pytest.fixture(autouse=True)
def same_weights():
    torch.manual_seed(2)


def slow_bilinear(features: np.ndarray) -> np.ndarray:
    """arXiv:1504.07889, equations 1 to 3, with a loop for every sum."""
    n_jets, n_channels, height, width = features.shape
    out = np.zeros((n_jets, n_channels, n_channels))
    for jet in range(n_jets):
        for row in range(height):
            for column in range(width):
                at = features[jet, :, row, column]
                for i in range(n_channels):
                    for j in range(n_channels):
                        out[jet, i, j] += at[i] * at[j] / (height * width)
    out = out.reshape(n_jets, -1)
    out = np.sign(out) * np.sqrt(np.abs(out))
    return out / np.linalg.norm(out, axis=1, keepdims=True)


def test_bilinear_pooling_is_the_outer_product_at_each_place():
    features = torch.randn(3, 4, 2, 5)
    np.testing.assert_allclose(
        bilinear_pooling(features), slow_bilinear(features.numpy()), atol=1e-4
    )


def test_bilinear_pooling_forgets_where_but_not_what_came_together():
    features = torch.randn(2, 4, 3, 3)
    places = torch.randperm(9)
    moved = features.flatten(2)[:, :, places].reshape(2, 4, 3, 3)
    torch.testing.assert_close(bilinear_pooling(moved), bilinear_pooling(features))
    apart = features.clone()
    apart[:, 0] = features[:, 0].flip(1)
    assert (bilinear_pooling(apart) - bilinear_pooling(features)).abs().max() > 0.05
    torch.testing.assert_close(
        outer_product_of_averages(apart), outer_product_of_averages(features)
    )


@pytest.mark.parametrize("pooling", [bilinear_pooling, outer_product_of_averages])
def test_pairs_do_not_grow_with_the_brightness_and_dead_channels_give_no_nan(pooling):
    features = torch.randn(2, 4, 3, 3).abs()
    torch.testing.assert_close(pooling(100 * features), pooling(features))
    dead = torch.zeros(2, 4, 3, 3, requires_grad=True)
    pooling(dead).sum().backward()
    assert torch.isfinite(dead.grad).all()


@pytest.mark.parametrize("n_channels", [1, 3, 16])
@pytest.mark.parametrize("settings", [{}, {"size": 3, "alpha": 0.5, "beta": 0.3, "k": 2.0}])
def test_local_response_normalisation_is_pytorchs(n_channels, settings):
    x = torch.randn(2, n_channels, 4, 5)
    expected = nn.LocalResponseNorm(**({"size": 5} | settings))(x)
    torch.testing.assert_close(LocalResponseNorm(**settings)(x), expected)


def test_inception_puts_its_branches_on_top_of_each_other():
    sizes = {"n_1x1": 2, "n_reduce_3x3": 3, "n_3x3": 4, "n_reduce_5x5": 2, "n_5x5": 5, "n_pool": 1}
    inception = Inception(6, **sizes)
    x = torch.randn(2, 6, 7, 9)
    out = inception(x)
    assert out.shape == (2, inception.n_out, 7, 9)
    assert inception.n_out == 12
    by_hand = (6 + 1) * 2 + (6 + 1) * 3 + (3 * 9 + 1) * 4 + (6 + 1) * 2 + (2 * 25 + 1) * 5 + 7
    assert count_parameters(inception) == by_hand
    torch.testing.assert_close(out[:, :2], inception.branches[0](x))
    torch.testing.assert_close(out[:, 11:], inception.branches[3](x))


def test_cvn_sees_as_far_as_its_kernels_reach():
    """A pixel of the last map depends on the middle of the image, whichever branch it came by."""
    x = torch.rand(1, 1, 40, 40, requires_grad=True)
    CVN(0.25)(x)[0, 1].backward()
    assert (x.grad[0, 0] != 0).float().mean() > 0.95


@pytest.mark.parametrize("batch_norm", [False, True])
def test_cvn_returns_log_probabilities(batch_norm):
    output = CVN(0.25, batch_norm=batch_norm)(torch.rand(5, 1, 40, 40))
    assert output.shape == (5, 2)
    torch.testing.assert_close(output.exp().sum(dim=1), torch.ones(5))


def test_cvn_normalises_in_one_way_at_a_time():
    def kinds(network):
        return {type(module) for module in network.modules()}

    assert LocalResponseNorm in kinds(CVN(0.25))
    assert nn.BatchNorm2d not in kinds(CVN(0.25))
    assert nn.BatchNorm2d in kinds(CVN(0.25, batch_norm=True))
    assert LocalResponseNorm not in kinds(CVN(0.25, batch_norm=True))


def test_vgg_with_batch_norm_has_the_parameters_of_the_paper():
    """13 convolutions of 14 714 688 weights and biases, and two more per channel of the norm."""
    features, n_channels = vgg_features(16)
    norms = 2 * (2 * 64 + 2 * 128 + 3 * 256 + 6 * 512)
    assert count_parameters(features) == 14_714_688 + norms
    assert n_channels == 512


@pytest.mark.parametrize("pooling", POOLINGS)
def test_bcnn_reads_one_colour_or_three_equal_ones(pooling):
    network = BCNN(11, 0.125, pooling=pooling, n_colours=3).eval()
    x = torch.rand(4, 1, 40, 40)
    output = network(x)
    assert output.shape == (4, 2)
    expected = network.classifier(network.pooling(network.features(torch.cat([x, x, x], dim=1))))
    torch.testing.assert_close(output, expected)


def test_the_sequential_cnn_has_the_sizes_that_keras_has():
    small = 160 + (81 * 16 + 1) * 8 + (8 + 1) * 2
    for sizes, expected in (
        ((40, (160,) * 3, (200, 200)), 1_015_522),
        ((20, (16,), (8,)), small),
    ):
        assert count_parameters(SequentialCNN(*sizes)) == expected
    assert SequentialCNN(25, (4, 4), (), n_classes=3)(torch.zeros(2, 1, 25, 25)).shape == (2, 3)


def test_the_sequential_cnn_begins_with_glorots_weights():
    network = SequentialCNN(40, (64, 64))
    for layer in network.layers:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            assert not layer.bias.any()
            fans = layer.weight[0].numel() + layer.weight[:, 0].numel()
            limit = (6 / fans) ** 0.5
            assert 0.9 * limit < layer.weight.abs().max() <= limit
            assert abs(layer.weight.std() * 3**0.5 / limit - 1) < 0.1


def test_a_sequential_cnn_that_does_not_fit_its_image_is_refused():
    with pytest.raises(ValueError, match="more than 6 pixels"):
        SequentialCNN(6, (4, 4, 4))
    assert SequentialCNN(6, (4, 4, 4), padding=1)(torch.zeros(1, 1, 6, 6)).shape == (1, 2)
