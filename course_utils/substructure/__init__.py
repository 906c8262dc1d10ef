"""What is inside a jet: N-subjettiness, soft drop, subjets, trimming, Lund planes.

FastJet does the clustering; the extra ``simulation`` installs it (``fastjet``, ``awkward``). Every
function treats each jet on its own, on one core. The room imports nothing of the course.
"""

from course_utils.substructure.clustering import (
    hardest_rows,
    n_subjettiness,
    soft_drop_mass,
    subjets,
    trimmed,
    vectors,
)
from course_utils.substructure.lund import LundBins, lund_density, lund_images, lund_plane

__all__ = [
    "LundBins",
    "hardest_rows",
    "lund_density",
    "lund_images",
    "lund_plane",
    "n_subjettiness",
    "soft_drop_mass",
    "subjets",
    "trimmed",
    "vectors",
]
