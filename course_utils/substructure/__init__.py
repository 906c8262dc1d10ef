"""What is inside a jet: N-subjettiness, soft drop, subjets, trimming, Lund planes.

FastJet does the clustering; the extra ``simulation`` installs it (``fastjet``, ``awkward``). Every
function treats each jet on its own, on one core. The room imports nothing of the course.

For many jets, let joblib run a batch on each core. Results come in order, and only a few batches
are in memory at a time if they are read on the way, as with ``file.batches(2000)`` of a
`course_utils.jetfile.JetFile`:

>>> import numpy as np
>>> from functools import partial
>>> from joblib import Parallel, delayed
>>> batches = (np.ones((100, 200, 4), np.float32) for _ in range(3))  # of any jets
>>> run = Parallel(n_jobs=2, max_nbytes=None, return_as="generator")  # n_jobs=-1: all cores
>>> taus = run(delayed(partial(n_subjettiness, n_max=4))(jets) for jets in batches)
>>> np.concatenate(list(taus)).shape
(300, 4)

Without ``max_nbytes=None`` joblib writes each batch to ``/dev/shm`` first.
"""

from course_utils.substructure.clustering import (
    hardest_rows,
    n_subjettiness,
    soft_drop_mass,
    subjets,
    tau_ratio,
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
    "tau_ratio",
    "trimmed",
    "vectors",
]
