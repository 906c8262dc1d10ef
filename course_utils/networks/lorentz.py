"""A network that knows no frame: it reads only the dot products of four-momenta.

Every Lorentz invariant function of four-momenta is one of their dot products: see PELICAN,
Bogatskiy et al., arXiv:2211.00454, and LorentzNet, Gong et al., arXiv:2201.08187.
"""

from __future__ import annotations

import torch
from torch import nn

from course_utils.networks.constituents import dot_products, masked_sum, real_constituents
from course_utils.networks.deep_sets import dense_layers

__all__ = ["InvariantNetwork", "PairLayer"]


class PairLayer(nn.Module):
    """New channels of each constituent from its own, those of every other, and one number a pair.

    Parameters
    ----------
    n_in, width : int
        Channels before and after. 0 before: nothing but the pairs is known yet.

    Examples
    --------
    >>> product, is_real = torch.ones(1, 3, 3, 1), torch.tensor([[True, True, False]])
    >>> x = PairLayer(0, 8)(None, product, is_real)
    >>> PairLayer(8, 4)(x, product, is_real).shape
    torch.Size([1, 3, 4])
    """

    def __init__(self, n_in: int, width: int) -> None:
        super().__init__()
        self.of_product = nn.Linear(1, width)
        self.of_first = nn.Linear(n_in, width, bias=False) if n_in else None
        self.of_second = nn.Linear(n_in, width, bias=False) if n_in else None
        self.of_pair = nn.Linear(width, width)
        self.of_constituent = dense_layers([n_in + width, width])

    def forward(
        self, x: torch.Tensor | None, product: torch.Tensor, is_real: torch.Tensor
    ) -> torch.Tensor:
        """Return the new channels, shape (n_jets, n_constituents, width), of padding any number.

        Parameters
        ----------
        x : tensor of shape (n_jets, n_constituents, n_in), or None
        product : tensor of shape (n_jets, n_constituents, n_constituents, 1)
        is_real : tensor of bool, shape (n_jets, n_constituents)
            What is heard from padding counts nothing.
        """
        pairs = self.of_product(product)
        if x is not None:  # one product for each constituent, and not for each pair
            pairs = pairs + self.of_first(x)[:, :, None] + self.of_second(x)[:, None, :]
        pairs = self.of_pair(pairs.relu()).relu()
        # over the second of each pair; as a product, since a mask would cost another copy
        heard = torch.einsum("bijc,bj->bic", pairs, is_real.to(pairs.dtype)) / 10
        return self.of_constituent(heard if x is None else torch.cat([x, heard], dim=-1))


class InvariantNetwork(nn.Module):
    """Deep Sets on dot products: constituents hear from all others, and are added up.

    The network sees ``ln(1 + p_i p_j / GeV^2)``, so a boost or a rotation of the jet changes
    nothing but the rounding.

    Parameters
    ----------
    width : int
        Channels of each constituent and of each pair.
    n_layers : int
    n_constituents : int
        The hardest so many are read. Choosing them by pt is not invariant.

    Reads momenta, shape (n_jets, n, 4) in GeV. Returns logits, for ``nn.CrossEntropyLoss``.

    Examples
    --------
    >>> from course_utils.training import count_parameters
    >>> count_parameters(InvariantNetwork())
    8546
    """

    def __init__(self, width: int = 32, n_layers: int = 2, *, n_constituents: int = 30) -> None:
        super().__init__()
        self.n_constituents = n_constituents
        sizes = [0] + [width] * (n_layers - 1)
        self.layers = nn.ModuleList(PairLayer(n_in, width) for n_in in sizes)
        self.of_jet = dense_layers([width, width, 2], last=False)

    def forward(self, momenta: torch.Tensor) -> torch.Tensor:
        momenta = momenta[:, : self.n_constituents]
        real, x = real_constituents(momenta), None
        product = dot_products(momenta).clamp(min=0).log1p()[..., None]
        for layer in self.layers:
            x = layer(x, product, real)
        return self.of_jet(masked_sum(x, real) / 10)
