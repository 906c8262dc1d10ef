"""A network that learnt from the public jets, applied to any: LorentzNet, arXiv:2201.08187.

Its weights are not part of the course. The authors publish them under the GPL as
``logs/top/pretrained/best-val-model.pt`` of https://github.com/sdogsq/LorentzNet-release, and
here they are arrays by the same names::

    state = torch.load("best-val-model.pt", map_location="cpu")
    np.savez("lorentznet.npz", **{name: array.numpy() for name, array in state.items()})

The network is written from the paper. It sees a jet as a graph: its constituents and two beam
vectors, each with a four-momentum and two scalars, their masses. What a fair comparison needs:

- the rounding of float32 constituents, which it reads as masses: without it AUC falls by 0.004;
- batches of 32 jets of both classes in random order, because its mean runs over the padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import linear, relu, sigmoid
from tqdm import tqdm

SOURCE = "https://github.com/sdogsq/LorentzNet-release"
EDGE_AVERAGES = ("mass", "beam", "norm", "dot")
_BEAMS = np.array([[2**0.5, 0.0, 0.0, 1.0], [2**0.5, 0.0, 0.0, -1.0]])
_METRIC = np.array([1.0, -1.0, -1.0, -1.0])
_LAYERS = 6
_HIDDEN = 72
_STEP = 0.005  # c_weight of the published training
_NORM_EPSILON = 1e-5  # added to the variances by PyTorch


def read_weights(path: Path) -> dict[str, NDArray]:
    """Arrays by their published names. Anything else than LorentzNet's raises ValueError."""
    with np.load(path) as file:
        weights = {name.removeprefix("module."): file[name] for name in file.files}
    shape = weights.get("LGEBs.0.phi_e.0.weight", np.empty(0)).shape
    if shape != (_HIDDEN, 2 * _HIDDEN + 2):
        raise ValueError(f"Expected the weights of LorentzNet in {path}; see {SOURCE}.")
    return weights


class PublicNetwork:
    """LorentzNet with given weights; 8 ms a jet on one core.

    Parameters
    ----------
    weights : mapping from name to array
        As `read_weights` returns them.
    """

    def __init__(self, weights: dict[str, NDArray]) -> None:
        self._weights = {
            name: torch.from_numpy(array).float()
            for name, array in weights.items()
            if array.ndim > 0
        }
        self._edge_inputs = [self._normalised(f"LGEBs.{k}.phi_e") for k in range(_LAYERS)]
        self._node_inputs = [self._normalised(f"LGEBs.{k}.phi_h") for k in range(_LAYERS)]

    @torch.no_grad()
    def scores(self, jets: NDArray, *, batch_size: int = 32) -> NDArray[np.float64]:
        """Probability of a top for each jet, shape (n_jets,), with a progress bar.

        `jets` is (n_jets, n_constituents, 4), in an order that does not depend on the class.
        """
        nodes = [self._nodes(jet) for jet in tqdm(jets, unit="jet", desc="network", disable=None)]
        batches = (nodes[i : i + batch_size] for i in range(0, len(nodes), batch_size))
        means = [of.sum(0) / max(map(len, batch)) for batch in batches for of in batch]
        hidden = relu(self._linear("graph_dec.0", torch.stack(means)))
        return self._linear("graph_dec.3", hidden).double().softmax(-1)[:, 1].numpy()

    def _nodes(self, jet: NDArray) -> Tensor:
        """Features of the nodes after the last layer, shape (n_constituents + 2, 72)."""
        momenta = _with_beams(jet)
        scalars = torch.from_numpy(_masses(momenta)).float()
        x, h = torch.from_numpy(momenta).float(), self._linear("embedding", scalars)
        others = (1 - torch.eye(len(x)))[..., None]
        for k in range(_LAYERS):
            apart = x[:, None] - x[None]
            messages = self._messages(k, h, x, apart) * others
            if k < _LAYERS - 1:
                hidden = relu(self._linear(f"LGEBs.{k}.phi_x.0", messages))
                shifts = (apart * self._linear(f"LGEBs.{k}.phi_x.2", hidden)).clamp(-100, 100)
                x = x + _STEP * (shifts * others).sum(1) / (len(x) - 1)
            seen = torch.cat([h, messages.sum(1), scalars], -1)
            h = h + self._linear(f"LGEBs.{k}.phi_h.3", relu(linear(seen, *self._node_inputs[k])))
        return h

    def _messages(self, k: int, h: Tensor, x: Tensor, apart: Tensor) -> Tensor:
        """What each node (second axis) sends to each (first axis), shape (n, n, 72)."""
        weight, bias = self._edge_inputs[k]
        receiver, sender, invariants = weight.split([_HIDDEN, _HIDDEN, 2], dim=1)
        products = torch.stack([_product(apart, apart), _product(x[:, None], x[None])], -1)
        hidden = linear(h, receiver, bias)[:, None] + linear(h, sender)[None]
        hidden = hidden + linear(_squashed(products), invariants)
        messages = relu(self._linear(f"LGEBs.{k}.phi_e.3", relu(hidden)))
        return messages * sigmoid(self._linear(f"LGEBs.{k}.phi_m.0", messages))

    def _linear(self, name: str, x: Tensor) -> Tensor:
        return linear(x, self._weights[f"{name}.weight"], self._weights.get(f"{name}.bias"))

    def _normalised(self, name: str) -> tuple[Tensor, Tensor]:
        """A linear layer and the batch normalisation behind it, as one: weight and bias."""
        names = ("weight", "bias", "running_mean", "running_var")
        scale, shift, mean, variance = (self._weights[f"{name}.1.{of}"] for of in names)
        scale = scale / torch.sqrt(variance + _NORM_EPSILON)
        bias = self._weights.get(f"{name}.0.bias", torch.zeros(_HIDDEN))
        return self._weights[f"{name}.0.weight"] * scale[:, None], (bias - mean) * scale + shift


def public_edge_averages(weights: dict[str, NDArray]) -> NDArray[np.float64]:
    """What the batch normalisation of the first layer remembers of the public jets.

    The layer before it is linear and has no bias, so its 72 running means are 72 equations for
    four averages over pairs of nodes: those of `edge_averages`, shape (4,). Their residual is
    1e-5. The running means weigh the last training batches like `published.NORMALISED_JETS`.
    """
    names = ("embedding.weight", "embedding.bias", "LGEBs.0.phi_e.0.weight")
    embedding, bias, edge = (weights[name].astype(np.float64) for name in names)
    nodes = edge[:, :_HIDDEN] + edge[:, _HIDDEN : 2 * _HIDDEN]  # receiver and sender on average
    matrix = np.column_stack([nodes @ embedding, edge[:, 2 * _HIDDEN :]])
    means = weights["LGEBs.0.phi_e.1.running_mean"].astype(np.float64) - nodes @ bias
    return np.linalg.lstsq(matrix, means, rcond=None)[0]


def edge_sums(jet: NDArray) -> NDArray[np.float64]:
    """Sums over all ordered pairs of different nodes, and how many pairs there are: shape (5,).

    The first four are `EDGE_AVERAGES`: mass of a constituent and of a beam (either is zero for the
    other kind), squared difference and product of two four-momenta, each squashed to
    sign(x) ln(1 + abs(x)).
    """
    momenta = _with_beams(jet)
    apart = momenta[:, None] - momenta[None]
    norms, dots = (apart**2) @ _METRIC, (momenta * _METRIC) @ momenta.T
    others = ~np.eye(len(momenta), dtype=bool)
    of_pairs = [_squashed(products)[others].sum() for products in (norms, dots)]
    of_nodes = _masses(momenta).sum(axis=0) * (len(momenta) - 1)
    return np.array([*of_nodes, *of_pairs, others.sum()])


def edge_averages(sums: Sequence[NDArray] | NDArray) -> NDArray[np.float64]:
    """The four averages over the pairs of all jets, from their `edge_sums`: shape (4,)."""
    total = np.sum(sums, axis=0)
    return total[:4] / total[4]


def _with_beams(jet: NDArray) -> NDArray[np.float64]:
    return np.concatenate([_BEAMS, jet[jet[:, 0] > 0].astype(np.float64)])


def _masses(momenta: NDArray[np.float64]) -> NDArray[np.float64]:
    """The two scalars of each node: its squashed mass in the first column, of beams in the second.

    The mass of a constituent is what the rounding to float32 left of zero.
    """
    mass = _squashed(np.sqrt(np.abs((momenta**2) @ _METRIC)))
    is_beam = np.arange(len(momenta)) < len(_BEAMS)
    return np.stack([np.where(is_beam, 0.0, mass), np.where(is_beam, mass, 0.0)], axis=-1)


def _product(a: Tensor, b: Tensor) -> Tensor:
    return 2 * a[..., 0] * b[..., 0] - (a * b).sum(-1)


def _squashed(x):
    """sign(x) ln(1 + abs(x)), of an array or a tensor."""
    of = torch if isinstance(x, Tensor) else np
    return of.sign(x) * of.log1p(of.abs(x))
