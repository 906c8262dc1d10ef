"""A plain chain of convolutions and dense layers, as a student's first network has it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

__all__ = ["SequentialCNN"]


class SequentialCNN(nn.Module):
    """Convolutions of 3 x 3, each with a ReLU and a pooling, then dense layers with ReLU.

    The report behind lesson 06 built such a network in Keras. Convolutions are not padded, and a
    pooling keeps the last row and column even if they do not fill a block, as Keras does with
    ``padding="same"``. The first weights are Keras' too: Glorot's uniform ones, and biases of 0.

    Parameters
    ----------
    n_pixels : int
        Height and width of the images.
    filters : sequence of int
        Kernels of each convolution.
    dense : sequence of int
        Units of each dense layer before the last.
    n_classes : int
    dropout : float
        Share of the numbers behind the convolutions that are dropped in training.
    padding : int
        Rows of zeros around the input of each convolution.

    Returns logits, for ``nn.CrossEntropyLoss``.

    Raises
    ------
    ValueError
        If the image is too small for so many convolutions.

    Examples
    --------
    The final network of the report:

    >>> report = SequentialCNN(40, (160, 160, 160), (200, 200))
    >>> sum(weights.numel() for weights in report.parameters())
    1015522
    """

    def __init__(
        self,
        n_pixels: int,
        filters: Sequence[int] = (16, 16, 16),
        dense: Sequence[int] = (64,),
        *,
        n_classes: int = 2,
        dropout: float = 0.25,
        padding: int = 0,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        n_from, size = 1, n_pixels
        for n_to in filters:
            layers += [nn.Conv2d(n_from, n_to, 3, padding=padding), nn.ReLU()]
            layers.append(nn.MaxPool2d(2, ceil_mode=True))
            n_from, size = n_to, (size + 2 * padding - 1) // 2
            if size < 1:
                raise ValueError(
                    f"Expected images of more than {n_pixels} pixels for {len(filters)} "
                    "convolutions; use fewer of them, or padding=1."
                )
        layers += [nn.Flatten(), nn.Dropout(dropout)]
        n_from *= size**2
        for n_to in dense:
            layers += [nn.Linear(n_from, n_to), nn.ReLU()]
            n_from = n_to
        self.layers = nn.Sequential(*layers, nn.Linear(n_from, n_classes))
        for layer in self.layers:
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)
