"""The networks of the lessons in PyTorch.

A lesson builds its network by hand; later lessons import it from here. Every network reads images
of shape (n_jets, 1, n_pixels, n_pixels) and returns a number per class, as a rule two, for
(background, signal): logits, unless its docstring says log-probabilities. `backbone` brings
networks that were trained on photographs. The room imports PyTorch and nothing of the course.
"""

from course_utils.networks.bilinear import (
    BCNN,
    POOLINGS,
    bilinear_pooling,
    outer_product_of_averages,
    vgg_features,
)
from course_utils.networks.cvn import CVN, Inception
from course_utils.networks.layers import LocalResponseNorm, he_initialised
from course_utils.networks.sequential import SequentialCNN
from course_utils.networks.transfer import (
    BACKBONES,
    Backbone,
    BackboneNotFound,
    Colours,
    backbone,
    batch_statistics,
    stage_outputs,
)

__all__ = [
    "BACKBONES",
    "BCNN",
    "CVN",
    "POOLINGS",
    "Backbone",
    "BackboneNotFound",
    "Colours",
    "Inception",
    "LocalResponseNorm",
    "SequentialCNN",
    "backbone",
    "batch_statistics",
    "bilinear_pooling",
    "he_initialised",
    "outer_product_of_averages",
    "stage_outputs",
    "vgg_features",
]
