"""The Convolutional Visual Network and its inception modules.

CVN: Aurisano et al., arXiv:1604.01444; inception module: Szegedy et al., arXiv:1409.4842;
batch normalisation: Ioffe, Szegedy, arXiv:1502.03167.
"""

from __future__ import annotations

import torch
from torch import nn

from course_utils.networks.layers import LocalResponseNorm, convolution

__all__ = ["CVN", "Inception"]


class Inception(nn.Module):
    """Four branches that look at the same place at different scales, stacked as channels.

    They are a 1 x 1, a 3 x 3 and a 5 x 5 convolution and a 3 x 3 max-pooling, padded to keep height
    and width. A 1 x 1 convolution before the large kernels and after the pooling keeps the number
    of channels small, and with it the cost.

    Parameters
    ----------
    n_in : int
        Input channels.
    n_1x1, n_3x3, n_5x5, n_pool : int
        Output channels of each branch; together they are the module's output.
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
            return convolution(n_from, n_to, size, batch_norm=batch_norm)

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
            convolution(1, n(64), 7, stride=2, batch_norm=batch_norm),
            nn.MaxPool2d(3, stride=2, padding=1),
            norm(),
            convolution(n(64), n(64), 1, batch_norm=batch_norm),
            convolution(n(64), n(192), 3, batch_norm=batch_norm),
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
