"""The networks of the lessons in PyTorch.

A lesson builds its network by hand; later lessons import it from here. A network reads images of
shape (n_jets, 1, n_pixels, n_pixels), or the four-momenta of constituents, shape
(n_jets, n_constituents, 4). It returns a number per class, as a rule two, for (background, signal):
logits, unless its docstring says log-probabilities. `backbone` brings networks that were trained on
photographs. The room imports PyTorch and nothing of the course.
"""

from course_utils.networks.bilinear import (
    BCNN,
    POOLINGS,
    bilinear_pooling,
    outer_product_of_averages,
    vgg_features,
)
from course_utils.networks.constituents import (
    MaskedBatchNorm,
    coordinates,
    dot_products,
    masked_mean,
    masked_sum,
    particle_features,
    real_constituents,
)
from course_utils.networks.cvn import CVN, Inception
from course_utils.networks.deep_sets import PFN, dense_layers
from course_utils.networks.layers import LocalResponseNorm, he_initialised
from course_utils.networks.lorentz import InvariantNetwork, PairLayer
from course_utils.networks.particlenet import EdgeConv, ParticleNet, neighbours
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
from course_utils.networks.transformer import ParticleTransformer, attention, pair_features

__all__ = [
    "BACKBONES",
    "BCNN",
    "CVN",
    "PFN",
    "POOLINGS",
    "Backbone",
    "BackboneNotFound",
    "Colours",
    "EdgeConv",
    "Inception",
    "InvariantNetwork",
    "LocalResponseNorm",
    "MaskedBatchNorm",
    "PairLayer",
    "ParticleNet",
    "ParticleTransformer",
    "SequentialCNN",
    "attention",
    "backbone",
    "batch_statistics",
    "bilinear_pooling",
    "coordinates",
    "dense_layers",
    "dot_products",
    "he_initialised",
    "masked_mean",
    "masked_sum",
    "neighbours",
    "outer_product_of_averages",
    "pair_features",
    "particle_features",
    "real_constituents",
    "stage_outputs",
    "vgg_features",
]
