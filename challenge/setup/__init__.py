"""A new challenge: made from jets or from labels, searched for leaks, and given baselines.

May import `challenge.store`, `challenge.scoring`, `challenge.words` and `challenge.errors`; of the
course `samples`, `jetfile`, `kinematics`, `substructure`, `files` and `metrics`.
"""

from challenge.setup.baselines import TOP_MASS, baseline_files, boosted_trees, mass_window_scores
from challenge.setup.create import create_from_jets, create_from_labels, exposed
from challenge.setup.leaks import Leak, leak_scan, seed_leak
from challenge.setup.plan import Plan, checked_title, require_both_classes, rng_of, split

__all__ = [
    "TOP_MASS",
    "Leak",
    "Plan",
    "baseline_files",
    "boosted_trees",
    "checked_title",
    "create_from_jets",
    "create_from_labels",
    "exposed",
    "leak_scan",
    "mass_window_scores",
    "require_both_classes",
    "rng_of",
    "seed_leak",
    "split",
]
