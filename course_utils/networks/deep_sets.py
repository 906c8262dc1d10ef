"""Deep Sets for jets: one network for each constituent, a sum, one network for the jet.

Zaheer et al., arXiv:1703.06114; for jets, as Particle Flow Network: Komiske, Metodiev, Thaler,
arXiv:1810.05165.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn

from course_utils.networks.constituents import masked_sum, particle_features, real_constituents

__all__ = ["PFN", "dense_layers"]


def dense_layers(sizes: Sequence[int], *, last: bool = True) -> nn.Sequential:
    """Return dense layers, each followed by a ReLU.

    Parameters
    ----------
    sizes : sequence of int
        Of the input, and of each layer's output.
    last : bool
        Whether a ReLU follows the last layer, too.
    """
    layers: list[nn.Module] = []
    for n_from, n_to in pairwise(sizes):
        layers += [nn.Linear(n_from, n_to), nn.ReLU()]
    return nn.Sequential(*layers if last else layers[:-1])


class PFN(nn.Module):
    """A Particle Flow Network on the features of `particle_features`.

    The sum over constituents is divided by 10, so that it starts in the range of its terms.

    Parameters
    ----------
    of_constituent, of_jet : sequence of int
        Layers before and after the sum.
    n_constituents : int
        The hardest so many are read.

    Reads momenta, shape (n_jets, n, 4) in GeV. Returns logits, for ``nn.CrossEntropyLoss``.

    Examples
    --------
    >>> from course_utils.training import count_parameters
    >>> count_parameters(PFN()), count_parameters(PFN((100, 100, 256), (100, 100, 100)))
    (47030, 82858)
    """

    def __init__(
        self,
        of_constituent: Sequence[int] = (100, 100, 128),
        of_jet: Sequence[int] = (100, 100),
        *,
        n_constituents: int = 50,
    ) -> None:
        super().__init__()
        self.n_constituents = n_constituents
        self.of_constituent = dense_layers([7, *of_constituent])
        self.of_jet = dense_layers([of_constituent[-1], *of_jet, 2], last=False)

    def forward(self, momenta: torch.Tensor) -> torch.Tensor:
        momenta = momenta[:, : self.n_constituents]
        x = self.of_constituent(particle_features(momenta))
        return self.of_jet(masked_sum(x, real_constituents(momenta)) / 10)
