"""The networks of the Higgs lessons in PyTorch: CVN with its inception modules, and the B-CNN.

Lessons 03 and 04 build them by hand; from then on they come from here. Every network reads images
of shape (n_jets, 1, n_pixels, n_pixels) and returns two numbers per jet, for (background, signal):
logits, or log-probabilities where it says so.

CVN: Aurisano et al., arXiv:1604.01444; inception module: Szegedy et al., arXiv:1409.4842;
B-CNN: Lin, RoyChowdhury, Maji, arXiv:1504.07889; VGG: Simonyan, Zisserman, arXiv:1409.1556;
batch normalisation: Ioffe, Szegedy, arXiv:1502.03167.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import nn

__all__ = [
    "BCNN",
    "CVN",
    "POOLINGS",
    "Inception",
    "LocalResponseNorm",
    "bilinear_pooling",
    "he_initialised",
    "outer_product_of_averages",
    "vgg_features",
]

_VGG: Final = {
    11: ((64,), (128,), (256, 256), (512, 512), (512, 512)),
    16: ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512)),
}


class LocalResponseNorm(nn.Module):
    """Divide each activation by the activity of its neighbour channels at the same pixel.

    ``x_c / (k + alpha / size * sum_{|j - c| <= size // 2} x_j**2)**beta``, as
    ``nn.LocalResponseNorm`` has it. The sum is a 1 x 1 convolution with a band of ones here, with
    which a CVN trains faster than with PyTorch's version on a CPU: by 1.2 at a quarter of its width
    on a busy machine, by 2.4 at half (``benchmarks/torch_training.py``).

    Examples
    --------
    >>> x = torch.ones(1, 3, 1, 1)
    >>> LocalResponseNorm(size=3, alpha=3.0, beta=1.0)(x)[0, :, 0, 0]
    tensor([0.3333, 0.2500, 0.3333])
    """

    def __init__(
        self, size: int = 5, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
    ) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        channel = torch.arange(x.shape[1], device=x.device)
        near = (channel[:, None] - channel).abs() <= self.size // 2
        activity = nn.functional.conv2d(x * x, near.to(x.dtype)[:, :, None, None])
        return x * (self.k + self.alpha / self.size * activity).pow(-self.beta)


class Inception(nn.Module):
    """Four branches that look at the same place at different scales, on top of each other.

    A 1 x 1, a 3 x 3 and a 5 x 5 convolution and a 3 x 3 max-pooling, all with padding, so that
    height and width stay. A 1 x 1 convolution before the large kernels and after the pooling keeps
    the number of channels, and with it the cost, small.

    Parameters
    ----------
    n_in : int
        Channels that come in.
    n_1x1, n_3x3, n_5x5, n_pool : int
        Channels that each branch gives; together they are the output's.
    n_reduce_3x3, n_reduce_5x5 : int
        Channels between the 1 x 1 and the large kernel.
    batch_norm : bool
        Normalise after each convolution.

    Examples
    --------
    >>> channels = {"n_1x1": 4, "n_reduce_3x3": 3, "n_3x3": 6, "n_reduce_5x5": 2, "n_5x5": 3}
    >>> Inception(8, **channels, n_pool=3)(torch.zeros(1, 8, 10, 10)).shape
    torch.Size([1, 16, 10, 10])
    """

    def __init__(
        self,
        n_in: int,
        *,
        n_1x1: int,
        n_reduce_3x3: int,
        n_3x3: int,
        n_reduce_5x5: int,
        n_5x5: int,
        n_pool: int,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        self.n_out = n_1x1 + n_3x3 + n_5x5 + n_pool

        def conv(n_from: int, n_to: int, size: int) -> nn.Sequential:
            return _convolution(n_from, n_to, size, batch_norm=batch_norm)

        self.branches = nn.ModuleList(
            [
                conv(n_in, n_1x1, 1),
                nn.Sequential(conv(n_in, n_reduce_3x3, 1), conv(n_reduce_3x3, n_3x3, 3)),
                nn.Sequential(conv(n_in, n_reduce_5x5, 1), conv(n_reduce_5x5, n_5x5, 5)),
                nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), conv(n_in, n_pool, 1)),
            ]
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class CVN(nn.Module):
    """One branch of the Convolutional Visual Network, for one view of a jet.

    NOvA's detector sees an event from the side and from above, and its CVN has a branch for each
    view before they meet; a jet image is one view. Layer by layer: 7 x 7 convolution, pooling,
    local response normalisation, 1 x 1 and 3 x 3 convolution, normalisation, pooling, two inception
    modules, pooling, two inception modules, average, softmax. The widths are GoogLeNet's, scaled.

    Parameters
    ----------
    width : float
        Share of GoogLeNet's channels in each layer.
    batch_norm : bool
        Batch normalisation after each convolution, instead of local response normalisation.

    Returns log-probabilities, for ``nn.NLLLoss``.

    Examples
    --------
    >>> CVN(0.25)(torch.zeros(2, 1, 40, 40)).exp().sum(dim=1).detach()
    tensor([1., 1.])
    """

    def __init__(self, width: float = 0.5, *, batch_norm: bool = False) -> None:
        super().__init__()

        def n(channels: int) -> int:
            return max(round(channels * width), 1)

        def norm() -> nn.Module:
            return nn.Identity() if batch_norm else LocalResponseNorm()

        def inception(n_in: int, a: int, b: int, c: int, d: int, e: int, f: int) -> Inception:
            names = ("n_1x1", "n_reduce_3x3", "n_3x3", "n_reduce_5x5", "n_5x5", "n_pool")
            sizes = dict(zip(names, map(n, (a, b, c, d, e, f)), strict=True))
            return Inception(n_in, **sizes, batch_norm=batch_norm)

        self.stem = nn.Sequential(
            _convolution(1, n(64), 7, stride=2, batch_norm=batch_norm),
            nn.MaxPool2d(3, stride=2, padding=1),
            norm(),
            _convolution(n(64), n(64), 1, batch_norm=batch_norm),
            _convolution(n(64), n(192), 3, batch_norm=batch_norm),
            norm(),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        first = inception(n(192), 64, 96, 128, 16, 32, 32)
        second = inception(first.n_out, 128, 128, 192, 32, 96, 64)
        third = inception(second.n_out, 192, 96, 208, 16, 48, 64)
        fourth = inception(third.n_out, 160, 112, 224, 24, 64, 64)
        pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.inceptions = nn.Sequential(first, second, pool, third, fourth)
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(fourth.n_out, 2),
            nn.LogSoftmax(dim=1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.inceptions(self.stem(x)))


def bilinear_pooling(features: torch.Tensor) -> torch.Tensor:
    """Which features occur together at the same place: their outer product, averaged over places.

    Followed by the signed square root and the L2 norm of arXiv:1504.07889, section 3.2.

    Parameters
    ----------
    features : tensor of shape (n_jets, n_channels, height, width)

    Returns
    -------
    tensor of shape (n_jets, n_channels**2)
        Entry ``i * n_channels + j`` belongs to the channels i and j. Each row has norm 1.

    Examples
    --------
    Two features that never meet at a pixel have no product:

    >>> bilinear_pooling(torch.tensor([[[[1.0, 0.0]], [[0.0, 1.0]]]])).round(decimals=3)
    tensor([[0.7070, 0.0000, 0.0000, 0.7070]])
    """
    places = features.flatten(2)
    return _normalised(places @ places.transpose(1, 2) / places.shape[2])


def outer_product_of_averages(features: torch.Tensor) -> torch.Tensor:
    """Which features occur in the same image, at whatever places: average first, then multiply.

    Shapes and normalisation are those of :func:`bilinear_pooling`; what is lost is where.

    Examples
    --------
    >>> outer_product_of_averages(torch.tensor([[[[1.0, 0.0]], [[0.0, 1.0]]]]))
    tensor([[0.5000, 0.5000, 0.5000, 0.5000]])
    """
    average = features.mean(dim=(2, 3))
    return _normalised(average[:, :, None] * average[:, None, :])


def _averages(features: torch.Tensor) -> torch.Tensor:
    return features.mean(dim=(2, 3))


#: From feature maps to one vector per jet: the function, and whether it makes pairs of channels.
POOLINGS: Final = {
    "bilinear": (bilinear_pooling, True),
    "outer product of averages": (outer_product_of_averages, True),
    "average": (_averages, False),
}


class BCNN(nn.Module):
    """Bilinear CNN whose two feature extractors share their weights: a VGG, trained from scratch.

    Parameters
    ----------
    depth : {11, 16}
        Layers of the VGG that the convolutions come from.
    width : float
        Share of VGG's channels in each layer.
    pooling : str
        A key of `POOLINGS`; "average" makes it a plain CNN of nearly the same cost.
    n_colours : int
        The grey image is repeated so often; 3 is what VGG reads.

    Returns logits, for ``nn.CrossEntropyLoss``.

    Examples
    --------
    >>> from course_utils.torch_training import count_parameters
    >>> count_parameters(BCNN(16, 1.0, n_colours=3))
    15247426
    """

    def __init__(
        self,
        depth: int = 11,
        width: float = 0.25,
        *,
        pooling: str = "bilinear",
        n_colours: int = 1,
    ) -> None:
        super().__init__()
        self.n_colours = n_colours
        self.features, n_channels = vgg_features(depth, width, n_colours=n_colours)
        self.pooling, pairs = POOLINGS[pooling]
        self.classifier = nn.Linear(n_channels**2 if pairs else n_channels, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        colours = x.expand(-1, self.n_colours, -1, -1)
        return self.classifier(self.pooling(self.features(colours)))


def he_initialised(network: nn.Module) -> nn.Module:
    """The network, with first weights that keep the spread of its activations through ReLUs.

    He et al., arXiv:1502.01852, equation 10: normal, with variance ``2 / n_in`` for the ``n_in``
    inputs of each output; PyTorch's own first weights have a variance of ``1 / (3 n_in)``. Biases
    start at 0. Changes the convolutions in place.

    Examples
    --------
    >>> _ = torch.manual_seed(0)
    >>> he_initialised(nn.Conv2d(50, 400, 1)).weight.var().item() * 50
    2.0
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return network


def vgg_features(
    depth: int = 16, width: float = 1.0, *, n_colours: int = 3
) -> tuple[nn.Sequential, int]:
    """The convolutions of a VGG with batch normalisation up to the last pooling, and its channels.

    An image of 40 x 40 pixels becomes a map of 2 x 2.

    Examples
    --------
    >>> features, n_channels = vgg_features(11, 0.125)
    >>> features(torch.zeros(1, 3, 40, 40)).shape, n_channels
    (torch.Size([1, 64, 2, 2]), 64)
    """
    layers, n_from = [], n_colours
    for block in _VGG[depth]:
        if layers:
            layers.append(nn.MaxPool2d(2))
        for channels in block:
            n_to = max(round(channels * width), 1)
            layers.append(_convolution(n_from, n_to, 3, batch_norm=True))
            n_from = n_to
    return nn.Sequential(*layers), n_from


def _convolution(
    n_from: int, n_to: int, size: int, *, stride: int = 1, batch_norm: bool
) -> nn.Sequential:
    """A convolution that keeps height and width (at stride 1), normalisation, and ReLU."""
    layers = [nn.Conv2d(n_from, n_to, size, stride=stride, padding=size // 2)]
    if batch_norm:
        layers.append(nn.BatchNorm2d(n_to))
    return nn.Sequential(*layers, nn.ReLU())


def _normalised(products: torch.Tensor) -> torch.Tensor:
    """Signed square root, then L2 norm, one row per jet."""
    flat = products.flatten(1)
    # The root has an infinite slope at 0, where dead channels sit: 0 * inf would be nan.
    return nn.functional.normalize(flat.sign() * (flat.abs() + 1e-10).sqrt())
