"""The bilinear CNN: two views of the same features, multiplied pixel by pixel.

B-CNN: Lin, RoyChowdhury, Maji, arXiv:1504.07889; VGG: Simonyan, Zisserman, arXiv:1409.1556.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import nn

from course_utils.networks.layers import convolution

__all__ = [
    "BCNN",
    "POOLINGS",
    "bilinear_pooling",
    "outer_product_of_averages",
    "vgg_features",
]

_VGG: Final = {
    11: ((64,), (128,), (256, 256), (512, 512), (512, 512)),
    16: ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512)),
}


def bilinear_pooling(features: torch.Tensor) -> torch.Tensor:
    """Multiply features pixel by pixel and average: which occur together at the same place?

    The signed square root and the L2 norm of arXiv:1504.07889, section 3.2, follow.

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
    """Average features, then multiply: which occur in the same image, at any place?

    Shapes and normalisation are those of :func:`bilinear_pooling`; the places are lost.

    Examples
    --------
    >>> outer_product_of_averages(torch.tensor([[[[1.0, 0.0]], [[0.0, 1.0]]]]))
    tensor([[0.5000, 0.5000, 0.5000, 0.5000]])
    """
    average = features.mean(dim=(2, 3))
    return _normalised(average[:, :, None] * average[:, None, :])


def _averages(features: torch.Tensor) -> torch.Tensor:
    return features.mean(dim=(2, 3))


#: From feature maps to one vector per jet: the function, and whether it pairs channels.
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
        Layers of the VGG whose convolutions are used.
    width : float
        Share of VGG's channels in each layer.
    pooling : str
        A key of `POOLINGS`; "average" gives a plain CNN of nearly the same cost.
    n_colours : int
        How often to repeat the grey image; the original VGG reads 3 colours.

    Returns logits, for ``nn.CrossEntropyLoss``.

    Examples
    --------
    >>> from course_utils.training import count_parameters
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


def vgg_features(
    depth: int = 16, width: float = 1.0, *, n_colours: int = 3
) -> tuple[nn.Sequential, int]:
    """Return a VGG's convolutions before its last pooling, and their number of channels.

    With batch normalisation. An image of 40 x 40 pixels becomes a map of 2 x 2.

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
            layers.append(convolution(n_from, n_to, 3, batch_norm=True))
            n_from = n_to
    return nn.Sequential(*layers), n_from


def _normalised(products: torch.Tensor) -> torch.Tensor:
    """Signed square root, then L2 norm, one row per jet."""
    flat = products.flatten(1)
    # The root has an infinite slope at 0, where dead channels sit: 0 * inf would be nan.
    return nn.functional.normalize(flat.sign() * (flat.abs() + 1e-10).sqrt())
