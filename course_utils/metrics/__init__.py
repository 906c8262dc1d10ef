"""How well scores separate signal from background, each number with its error.

All functions take ``y_true`` (1 or True for signal, 0 or False for background) and ``y_score``
(higher is more signal-like, on any monotone scale), both of shape ``(n_jets,)``. They raise
``ValueError`` for anything else: other labels, NaN, infinities, a missing class.

`likelihood_ratio` and `cross_fitted_likelihood` make such scores of a few observables;
`best_window` finds the best cut on both sides of one.

"Background rejection" is the inverse of the false-positive rate, 1/eps_B; it is not 1 - eps_B.
The room imports NumPy and SciPy and nothing of the course.
"""

from course_utils.metrics.differences import (
    p_values_of_differences,
    paired_error,
    paired_errors,
)
from course_utils.metrics.intervals import bootstrap, clopper_pearson, lower_limit
from course_utils.metrics.likelihood import (
    LikelihoodRatio,
    cross_fitted_likelihood,
    likelihood_ratio,
)
from course_utils.metrics.measurement import AucDifference, Measurement, Rejection
from course_utils.metrics.scores import (
    OrderedScores,
    accuracy,
    background_rejection,
    compare_auc,
    ordered,
    roc_auc,
    roc_curve,
)
from course_utils.metrics.windows import best_window

__all__ = [
    "AucDifference",
    "LikelihoodRatio",
    "Measurement",
    "OrderedScores",
    "Rejection",
    "accuracy",
    "background_rejection",
    "best_window",
    "bootstrap",
    "clopper_pearson",
    "compare_auc",
    "cross_fitted_likelihood",
    "likelihood_ratio",
    "lower_limit",
    "ordered",
    "p_values_of_differences",
    "paired_error",
    "paired_errors",
    "roc_auc",
    "roc_curve",
]
