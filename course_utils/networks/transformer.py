"""A particle transformer: every constituent attends to every other, pairs have a say.

After Qu, Li, Qian, arXiv:2202.03772, smaller and without class attention; attention: Vaswani et
al., arXiv:1706.03762.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import nn

from course_utils.networks.constituents import (
    coordinates,
    dot_products,
    masked_mean,
    particle_features,
    real_constituents,
)
from course_utils.networks.deep_sets import dense_layers

__all__ = ["ParticleTransformer", "attention", "pair_features"]

_SMALLEST = 1e-4  # of what has a logarithm
Attention = Callable[..., torch.Tensor]


def pair_features(momenta: torch.Tensor) -> torch.Tensor:
    """Return the four features of each pair, as in arXiv:2202.03772.

    They are the logarithms of the distance ``Delta R``, of ``k_T = min(pt) Delta R``, of
    ``z = min(pt) / (pt_i + pt_j)`` and of ``m**2 = 2 p_i p_j``, the squared mass of both together
    if each has none. Each number is at least 1e-4 before the logarithm.

    Parameters
    ----------
    momenta : tensor of shape (n_jets, n_constituents, 4)
        ``(E, px, py, pz)`` in GeV.

    Returns
    -------
    tensor of shape (n_jets, n_constituents, n_constituents, 4)
        0 where one of the two is padding.

    Examples
    --------
    >>> pair = torch.tensor([[[5.0, 3.0, 4.0, 0.0], [5.0, 3.0, -4.0, 0.0]]])
    >>> pair_features(pair)[0, 0, 1, 2:].exp()
    tensor([ 0.5000, 64.0000])
    """
    real = real_constituents(momenta)
    pt, eta, phi = coordinates(momenta)
    turn = phi[:, :, None] - phi[:, None, :]
    turn = torch.remainder(turn + math.pi, 2 * math.pi) - math.pi
    # The root comes last: at 0 it has no slope, and 0 is what i = j gives.
    distance = ((eta[:, :, None] - eta[:, None, :]) ** 2 + turn**2).clamp(min=_SMALLEST**2).sqrt()
    softer = torch.minimum(pt[:, :, None], pt[:, None, :])
    share = softer / (pt[:, :, None] + pt[:, None, :]).clamp(min=_SMALLEST)
    columns = torch.stack([distance, softer * distance, share, 2 * dot_products(momenta)], dim=-1)
    logarithms = columns.clamp(min=_SMALLEST).log()
    return torch.where((real[:, :, None] & real[:, None, :])[..., None], logarithms, 0)


def attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    bias: torch.Tensor | None,
    is_real: torch.Tensor,
) -> torch.Tensor:
    """Average the values of all real constituents, weighted by how well key and query agree.

    The weights are ``softmax(query key / sqrt(n_channels) + bias)``; padding has weight 0.

    Parameters
    ----------
    query, key, value : tensors of shape (n_jets, n_heads, n_constituents, n_channels)
    bias : tensor of shape (n_jets, n_heads, n_constituents, n_constituents), or None
        Of each pair; the first of the two has the query.
    is_real : tensor of bool, shape (n_jets, n_constituents)

    Returns
    -------
    tensor of the shape of `value`
    """
    mask = is_real[:, None, None, :]
    if bias is not None:
        mask = bias.masked_fill(~mask, -torch.inf)
    return nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)


class _Block(nn.Module):
    """Attention, then two dense layers; each is added to what came in, normalised before."""

    def __init__(self, width: int, n_heads: int, attend: Attention) -> None:
        super().__init__()
        self.n_heads, self.attend = n_heads, attend
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.to_heads, self.from_heads = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.dense = dense_layers([width, 2 * width, width], last=False)

    def forward(
        self, x: torch.Tensor, bias: torch.Tensor | None, is_real: torch.Tensor
    ) -> torch.Tensor:
        heads = self.to_heads(self.first(x)).unflatten(-1, (3, self.n_heads, -1))
        query, key, value = heads.permute(2, 0, 3, 1, 4)
        seen = self.attend(query, key, value, bias, is_real).transpose(1, 2).flatten(2)
        x = x + self.from_heads(seen)
        return x + self.dense(self.second(x))


class ParticleTransformer(nn.Module):
    """A transformer on `particle_features`, whose attention knows `pair_features`.

    Parameters
    ----------
    width : int
        Channels of each constituent.
    n_layers, n_heads : int
    pairs : bool
        Whether the features of pairs are added to the attention, by two dense layers that all
        blocks share.
    n_constituents : int
        The hardest so many are read.
    attend, describe : function
        In place of `attention` and `pair_features`, such as a student's own.

    Reads momenta, shape (n_jets, n, 4) in GeV. Returns logits, for ``nn.CrossEntropyLoss``.

    Examples
    --------
    >>> from course_utils.training import count_parameters
    >>> count_parameters(ParticleTransformer()) - count_parameters(ParticleTransformer(pairs=False))
    148
    """

    def __init__(
        self,
        width: int = 64,
        n_layers: int = 3,
        n_heads: int = 4,
        *,
        pairs: bool = True,
        n_constituents: int = 30,
        attend: Attention = attention,
        describe: Callable[[torch.Tensor], torch.Tensor] = pair_features,
    ) -> None:
        super().__init__()
        self.n_constituents, self.describe = n_constituents, describe
        self.embedding = dense_layers([7, width, width], last=False)
        sizes = [4, 4 * n_heads, n_heads]
        self.of_pair = dense_layers(sizes, last=False) if pairs else None
        self.blocks = nn.ModuleList(_Block(width, n_heads, attend) for _ in range(n_layers))
        self.of_jet = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2))

    def forward(self, momenta: torch.Tensor) -> torch.Tensor:
        momenta = momenta[:, : self.n_constituents]
        real, bias = real_constituents(momenta), None
        if self.of_pair is not None:
            bias = self.of_pair(self.describe(momenta)).permute(0, 3, 1, 2)
        x = self.embedding(particle_features(momenta))
        for block in self.blocks:
            x = block(x, bias, real)
        return self.of_jet(masked_mean(x, real))
