"""The figures of the course: arrays in, matplotlib Axes out, with the statistical error drawn.

Every function draws into the given Axes, or into new ones, and returns them; none shows or saves
anything. The room imports NumPy and Matplotlib and nothing of the course.
"""

from course_utils.plotting.figures import (
    BACKGROUND_COLOUR,
    CURVE_COLOURS,
    SIGNAL_COLOUR,
    plot_distributions,
    plot_history,
    plot_rejection,
    plot_roc,
    plot_scores,
    plot_training_curve,
)
from course_utils.plotting.images import plot_image, plot_image_difference
from course_utils.plotting.matrices import plot_matrix
from course_utils.plotting.seeds import plot_over_seeds

__all__ = [
    "BACKGROUND_COLOUR",
    "CURVE_COLOURS",
    "SIGNAL_COLOUR",
    "plot_distributions",
    "plot_history",
    "plot_image",
    "plot_image_difference",
    "plot_matrix",
    "plot_over_seeds",
    "plot_rejection",
    "plot_roc",
    "plot_scores",
    "plot_training_curve",
]
