"""Published numbers that carry a fingerprint of the public top-tagging jets, each with its source.

Masses and momenta are in GeV; a quantile is a level and a value. Numbers of jets say how well the
public values can be known.
"""

from __future__ import annotations

import math

# Jet pT of the 404 000 public test jets (github.com/SebastianMacaluso/TopTagComparison): a power
# law between the cuts of arXiv:1902.09914, and quantiles in GeV.
PT_CUTS = (550.0, 650.0)
PT_SLOPES = {"top": -2.89, "QCD": -3.48}
PT_QUANTILES = {
    "top": {0.1: 557.9, 0.5: 593.9, 0.9: 637.6},
    "QCD": {0.1: 557.5, 0.5: 592.7, 0.9: 637.1},
}
TEST_JETS = 404_000

# Jet mass of 10 000 public jets of each class, read from a published picture
# (github.com/FAIR4HEP/xAI4toptagger). The quantiles, then fractions of the jets in ranges of mass,
# then the mass alone as a tagger.
_LEVELS = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
_TOP_MASSES = (118.9, 140.5, 149.6, 162.4, 173.9, 185.6, 204.9, 223.2, 265.6)
_QCD_MASSES = (26.0, 36.0, 43.2, 58.3, 82.8, 122.7, 169.5, 199.9, 247.7)
MASS_QUANTILES = {
    "top": dict(zip(_LEVELS, _TOP_MASSES, strict=True)),
    "QCD": dict(zip(_LEVELS, _QCD_MASSES, strict=True)),
}
MASS_FRACTIONS = {
    ("top", 160.0, 190.0): 0.592,
    ("top", 0.0, 145.0): 0.068,
    ("QCD", 140.0, 220.0): 0.155,
    ("QCD", 220.0, math.inf): 0.029,
}
MASS_ALONE = {"AUC": 0.9355, "best accuracy": 0.885, "R30": 41.0}
MASS_JETS = 20_000

# The published LorentzNet, arXiv:2201.08187: test-result.json beside its weights. Its batch
# normalisation averages over batches of 4 x 32 training jets with a momentum of 0.1, which weighs
# them like 19 batches. <n^2>/<n> of the constituents follows from the average over beams, see
# `public_network.public_edge_averages`: 0.02455 / ln 2 = 2 <n + 1> / <(n + 2)(n + 1)>.
NETWORK = {"AUC": 0.9870, "accuracy": 0.9425, "R30": 2193.0, "R50": 534.0}
SQUARE_OVER_MEAN = 54.8
NORMALISED_JETS = 19 * 4 * 32

# Nodes of the kT trees (R = 0.8) of 1.2 million public training jets: the RobustScaler stored with
# TreeNiN (github.com/diana-hep/TreeNiN). Median and interquartile range, momenta in GeV.
NODE_QUANTITIES = ("p", "pT", "E / E_jet", "eta")
NODE_MEDIANS = {"p": 11.6804, "pT": 8.3503, "E / E_jet": 0.0138604}
NODE_RANGES = {"p": 43.8873, "pT": 31.2696, "E / E_jet": 0.0516381, "eta": 1.42269}
TRAINING_JETS = 1_200_000

# Taggers on the mass and N-subjettiness. The first: scores on the test jets published with
# TopTagComparison. The second: N-subjettiness 6, a network (arXiv:1902.09914, Table 1), which sees
# the same variables as the trees here; N-subjettiness 8 has 0.981 and 867.
SUBSTRUCTURE = {
    "soft drop mass, tau2, tau3, pT": {
        "AUC": 0.9671,
        "best accuracy": 0.905,
        "R30": 403.0,
        "R50": 99.0,
    },
    "mass, pT, tau1-5 (beta 0.5, 1, 2)": {"AUC": 0.979, "R30": 792.0},
}
