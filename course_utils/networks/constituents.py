"""A jet as a set of constituents: what a network reads of each, and sums that leave padding out.

``momenta`` are tensors of shape (n_jets, n_constituents, 4), ``(E, px, py, pz)`` in GeV, the
hardest first; zero rows are padding. ``is_real`` has shape (n_jets, n_constituents).
"""

from __future__ import annotations

import math

import torch
from torch import nn

__all__ = [
    "MaskedBatchNorm",
    "coordinates",
    "dot_products",
    "masked_mean",
    "masked_sum",
    "particle_features",
    "real_constituents",
]


def real_constituents(momenta: torch.Tensor) -> torch.Tensor:
    """Return which rows are constituents and not padding, shape (n_jets, n_constituents)."""
    return momenta[..., 0] > 0


def coordinates(momenta: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return transverse momentum in GeV, pseudorapidity and azimuth; all 0 for padding.

    Examples
    --------
    >>> [x.tolist() for x in coordinates(torch.tensor([[5.0, 3.0, 4.0, 0.0], [0.0] * 4]))][:2]
    [[5.0, 0.0], [0.0, 0.0]]
    """
    _, px, py, pz = momenta.unbind(-1)
    # 0 has no slope under a root: padding would turn the slopes of all constituents into nan.
    pt = torch.where(px**2 + py**2 > 0, px**2 + py**2, 1).sqrt()
    return torch.where(px**2 + py**2 > 0, pt, 0), torch.asinh(pz / pt), torch.atan2(py, px)


def particle_features(momenta: torch.Tensor) -> torch.Tensor:
    """Return the seven features of ParticleNet (arXiv:1902.08570) of each constituent.

    They are ``eta`` and ``phi`` relative to the jet, ``ln pt``, ``ln E``, both also relative to
    those of the jet, and the distance from its axis. The jet is the sum of the constituents given.

    Returns
    -------
    tensor of shape (n_jets, n_constituents, 7)
        Momenta in GeV, natural logarithms; 0 for padding.

    Examples
    --------
    >>> two = torch.tensor([[[5.0, 3.0, 4.0, 0.0], [5.0, 3.0, 4.0, 0.0], [0.0, 0.0, 0.0, 0.0]]])
    >>> particle_features(two)[0, :, 4].exp()
    tensor([0.5000, 0.5000, 1.0000])
    """
    real, jet = real_constituents(momenta), momenta.sum(dim=1, keepdim=True)
    padded = torch.where(real[..., None], momenta, 1)  # any numbers that have logarithms
    (pt, eta, phi), (jet_pt, jet_eta, jet_phi) = coordinates(padded), coordinates(jet)
    energy, jet_energy = padded[..., 0], jet[..., 0]
    delta_eta = eta - jet_eta
    delta_phi = torch.remainder(phi - jet_phi + math.pi, 2 * math.pi) - math.pi
    columns = [delta_eta, delta_phi, pt.log(), energy.log(), (pt / jet_pt).log()]
    columns += [(energy / jet_energy).log(), torch.hypot(delta_eta, delta_phi)]
    return torch.where(real[..., None], torch.stack(columns, dim=-1), 0)


def dot_products(momenta: torch.Tensor) -> torch.Tensor:
    """Return ``p_i p_j = E_i E_j - px_i px_j - py_i py_j - pz_i pz_j`` of each pair.

    Parameters
    ----------
    momenta : tensor of shape (n_jets, n_constituents, 4)
        ``(E, px, py, pz)`` in GeV.

    Returns
    -------
    tensor of shape (n_jets, n_constituents, n_constituents)
        In GeV^2; 0 where one of the two is padding.

    Examples
    --------
    >>> dot_products(torch.tensor([[[5.0, 3.0, 4.0, 0.0], [5.0, 3.0, -4.0, 0.0]]]))
    tensor([[[ 0., 32.],
             [32.,  0.]]])
    """
    metric = momenta.new_tensor([1.0, -1.0, -1.0, -1.0])
    return (momenta * metric) @ momenta.transpose(1, 2)


def masked_sum(x: torch.Tensor, is_real: torch.Tensor) -> torch.Tensor:
    """Add up the numbers of all constituents, whatever stands in the padding.

    Parameters
    ----------
    x : tensor of shape (n_jets, n_constituents, n_channels)
    is_real : tensor of bool, shape (n_jets, n_constituents)

    Returns
    -------
    tensor of shape (n_jets, n_channels)

    Examples
    --------
    >>> x = torch.tensor([[[1.0], [2.0], [torch.nan]]])
    >>> masked_sum(x, torch.tensor([[True, True, False]]))
    tensor([[3.]])
    """
    return torch.where(is_real[..., None], x, 0).sum(dim=1)


def masked_mean(x: torch.Tensor, is_real: torch.Tensor) -> torch.Tensor:
    """Average over the constituents; see `masked_sum`. A jet that has none gets 0.

    Examples
    --------
    >>> x = torch.tensor([[[1.0], [2.0], [0.0]]])
    >>> masked_mean(x, torch.tensor([[True, True, False]]))
    tensor([[1.5000]])
    """
    return masked_sum(x, is_real) / is_real.sum(dim=1, keepdim=True).clamp(min=1)


class MaskedBatchNorm(nn.Module):
    """Batch normalisation whose mean and spread are those of real constituents; padding is 0.

    Over all rows the zeros of the padding would count, and a jet would be scaled by how many
    constituents the others in its batch have.

    Parameters
    ----------
    n_channels : int

    Examples
    --------
    >>> x = torch.tensor([[[1.0], [3.0], [7.0]]])
    >>> MaskedBatchNorm(1)(x, torch.tensor([[True, True, False]])).round().flatten().tolist()
    [-1.0, 1.0, 0.0]
    """

    def __init__(self, n_channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(n_channels)

    def forward(self, x: torch.Tensor, is_real: torch.Tensor) -> torch.Tensor:
        out = torch.zeros_like(x)
        out[is_real] = self.norm(x[is_real])
        return out
