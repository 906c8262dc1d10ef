"""ParticleNet: convolutions over the nearest neighbours of each constituent.

Qu, Gouskos, arXiv:1902.08570; edge convolution: Wang et al., arXiv:1801.07829.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from course_utils.networks.constituents import (
    MaskedBatchNorm,
    masked_mean,
    particle_features,
    real_constituents,
)

__all__ = ["EdgeConv", "ParticleNet", "neighbours"]


@torch.no_grad()
def neighbours(
    points: torch.Tensor, is_real: torch.Tensor, k: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Find the k nearest neighbours of each constituent in its jet: never itself, never padding.

    Parameters
    ----------
    points : tensor of shape (n_jets, n_constituents, n_dimensions)
    is_real : tensor of bool, shape (n_jets, n_constituents)
    k : int
        Less than n_constituents.

    Returns
    -------
    index : tensor of int, shape (n_jets, n_constituents, k)
        Places in the jet, the nearest first. Where there is no neighbour, any number in range.
    exists : tensor of bool, same shape
        False for the neighbours of padding, and for those that a small jet does not have.

    Examples
    --------
    >>> points = torch.tensor([[[0.0], [3.0], [1.0], [0.0]]])
    >>> index, exists = neighbours(points, torch.tensor([[True, True, True, False]]), 1)
    >>> index[0, :3, 0].tolist(), exists[0, :, 0].tolist()
    ([2, 2, 0], [True, True, True, False])
    """
    # By products, many times as fast, the distance of two close points is mostly rounding.
    exact = points.shape[-1] <= 3
    mode = "donot_use_mm_for_euclid_dist" if exact else "use_mm_for_euclid_dist"
    distance = torch.cdist(points, points, compute_mode=mode)
    itself = torch.eye(points.shape[1], dtype=torch.bool, device=points.device)
    distance.masked_fill_(itself | ~is_real[:, None, :], torch.inf)
    nearest, index = distance.topk(k, largest=False)
    return index, (nearest < torch.inf) & is_real[:, :, None]


class EdgeConv(nn.Module):
    """An edge convolution: what a constituent and each neighbour say together, averaged.

    A dense layer on ``(x_i, x_j - x_i)`` is ``A x_i + B (x_j - x_i) = (A - B) x_i + B x_j``: its
    products are taken once for each constituent, not for each of its k neighbours. Two more layers
    follow for each pair, the average over the neighbours that exist, and a shortcut. Batch
    normalisation sees real pairs only.

    Parameters
    ----------
    n_in, n_out : int
        Channels before and after.
    k : int
        Neighbours of each constituent.

    Examples
    --------
    >>> from course_utils.training import count_parameters
    >>> layer = EdgeConv(7, 32, k=2)
    >>> layer(torch.ones(1, 3, 7), torch.ones(1, 3).bool(), torch.rand(1, 3, 2)).shape
    torch.Size([1, 3, 32])
    """

    def __init__(self, n_in: int, n_out: int, *, k: int) -> None:
        super().__init__()
        self.k = k
        self.centre = nn.Linear(n_in, n_out)
        self.difference = nn.Linear(n_in, n_out, bias=False)
        layers: list[nn.Module] = [nn.BatchNorm1d(n_out), nn.ReLU()]
        for _ in range(2):
            layers += [nn.Linear(n_out, n_out, bias=False), nn.BatchNorm1d(n_out), nn.ReLU()]
        self.of_pair = nn.Sequential(*layers)
        self.shortcut = nn.Sequential(nn.Linear(n_in, n_out, bias=False), nn.BatchNorm1d(n_out))

    def forward(self, x: torch.Tensor, is_real: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
        """Return new channels, shape (n_jets, n_constituents, n_out); 0 for padding.

        Parameters
        ----------
        x : tensor of shape (n_jets, n_constituents, n_in)
        is_real : tensor of bool, shape (n_jets, n_constituents)
        points : tensor of shape (n_jets, n_constituents, n_dimensions)
            Where the constituents are; the near ones are neighbours.
        """
        index, exists = neighbours(points, is_real, self.k)
        # From here on one row for each real constituent of any jet: no padding takes part.
        row = is_real.flatten().cumsum(0).view(is_real.shape) - 1
        index = row.gather(1, index.flatten(1)).view(index.shape)[is_real]
        exists, real = exists[is_real], x[is_real]
        of_neighbour = self.difference(real)
        of_itself = self.centre(real) - of_neighbour
        pairs = of_itself[:, None] + of_neighbour[index.clamp(min=0)]
        out = torch.zeros(*is_real.shape, pairs.shape[-1], dtype=x.dtype, device=x.device)
        out[is_real] = (self._averaged(pairs, exists) + self.shortcut(real)).relu()
        return out

    def _averaged(self, pairs: torch.Tensor, exists: torch.Tensor) -> torch.Tensor:
        if exists.all():  # no jet has fewer than k + 1 constituents
            return self.of_pair(pairs.flatten(0, 1)).view_as(pairs).mean(dim=1)
        done = torch.zeros_like(pairs)
        done[exists] = self.of_pair(pairs[exists])
        return done.sum(dim=1) / exists.sum(dim=1, keepdim=True).clamp(min=1)


class ParticleNet(nn.Module):
    """ParticleNet on the features of `particle_features`; by default the published Lite version.

    The first edge convolution looks for neighbours in the plane of eta and phi, the next ones in
    the space of what the one before has found.

    Parameters
    ----------
    channels : sequence of int
        Of each edge convolution.
    k : int
        Neighbours of each constituent.
    n_dense : int
        Units of the dense layer behind the average over the constituents.
    n_constituents : int
        The hardest so many are read.

    Reads momenta, shape (n_jets, n, 4) in GeV. Returns logits, for ``nn.CrossEntropyLoss``.

    Examples
    --------
    >>> from course_utils.training import count_parameters
    >>> count_parameters(ParticleNet())
    26512
    """

    def __init__(
        self,
        channels: Sequence[int] = (32, 64),
        *,
        k: int = 7,
        n_dense: int = 128,
        n_constituents: int = 30,
    ) -> None:
        super().__init__()
        self.n_constituents = n_constituents
        self.norm = MaskedBatchNorm(7)
        sizes = zip((7, *channels), channels, strict=False)
        self.convolutions = nn.ModuleList(EdgeConv(*size, k=k) for size in sizes)
        self.of_jet = nn.Sequential(
            nn.Linear(channels[-1], n_dense), nn.ReLU(), nn.Dropout(0.1), nn.Linear(n_dense, 2)
        )

    def forward(self, momenta: torch.Tensor) -> torch.Tensor:
        momenta = momenta[:, : self.n_constituents]
        real, features = real_constituents(momenta), particle_features(momenta)
        x, points = self.norm(features, real), features[..., :2]
        for convolution in self.convolutions:
            x = points = convolution(x, real, points)
        return self.of_jet(masked_mean(x, real))
