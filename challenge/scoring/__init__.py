"""Arrays in, numbers out.

`npy` reads a file of scores without trusting it; `scorecard` gives AUC, R50 and R30; `ranking`
decides which differences are luck (tied groups, the Ladder), with the covariances of
`comparisons`; `budget` makes numbers coarse enough for a live board; `diagnostics` and `hints` look
at one submission.

May import `challenge.errors`, `course_utils.metrics` and `course_utils.files`: no database, no web
page, no jet file, no deep-learning framework.
"""

from challenge.scoring.budget import (
    LIVE_EFFICIENCIES,
    WorkingPoint,
    live_card,
    live_rejection,
    live_working_points,
)
from challenge.scoring.comparisons import (
    CACHE,
    covariances,
    error_of_difference,
    errors_of_differences,
    remember,
)
from challenge.scoring.diagnostics import (
    Bin,
    Diagnostics,
    Sculpting,
    diagnose,
    mass_sculpting,
    performance_in_bins,
)
from challenge.scoring.hints import find_hints
from challenge.scoring.npy import SCORE_DTYPES, read_file, read_scores, read_vector
from challenge.scoring.ranking import (
    CONFIDENCE,
    LADDER_CONFIDENCE,
    LadderDecision,
    best_of_n_gain,
    ladder_accepts,
    tied_groups,
)
from challenge.scoring.scorecard import Scorecard, auc_text, card_of, score

__all__ = [
    "CACHE",
    "CONFIDENCE",
    "LADDER_CONFIDENCE",
    "LIVE_EFFICIENCIES",
    "SCORE_DTYPES",
    "Bin",
    "Diagnostics",
    "LadderDecision",
    "Scorecard",
    "Sculpting",
    "WorkingPoint",
    "auc_text",
    "best_of_n_gain",
    "card_of",
    "covariances",
    "diagnose",
    "error_of_difference",
    "errors_of_differences",
    "find_hints",
    "ladder_accepts",
    "live_card",
    "live_rejection",
    "live_working_points",
    "mass_sculpting",
    "performance_in_bins",
    "read_file",
    "read_scores",
    "read_vector",
    "remember",
    "score",
    "tied_groups",
]
