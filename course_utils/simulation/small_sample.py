"""Makes the small sample that is checked in, so that every lesson starts without a download.

    python -m course_utils.simulation.small_sample course_utils/data/top_tagging_small.h5

2000 jets, the three splits in one file, momenta rounded to 10 bits behind the leading one (a part
in 2000, far below the detector's resolution) so that the file compresses to less than 1 MB.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from course_utils.jetfile import JetFile, write_jets
from course_utils.simulation.production import produce

SAMPLE = "top_tagging"
JETS = {"train": 1200, "test": 400, "val": 400}
SEED = 2026
MANTISSA_BITS = 10


def rounded(values: NDArray[np.float32], *, bits: int = MANTISSA_BITS) -> NDArray[np.float32]:
    """Values of float32 with ``bits`` bits behind the leading one, rounded to nearest.

    >>> rounded(np.array([1.0, 1.1, 1.2], dtype=np.float32), bits=2)
    array([1.  , 1.  , 1.25], dtype=float32)
    """
    dropped = 23 - bits
    raw = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    half = np.uint32(1 << (dropped - 1))
    kept = np.uint32(0xFFFFFFFF ^ ((1 << dropped) - 1))
    return ((raw + half) & kept).view(np.float32)


def main() -> None:
    """Read the command line and make the file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("path", type=Path, help="file to write")
    path = parser.parse_args().path
    tables, events_tried = [], Counter()
    with TemporaryDirectory() as folder:
        for split, n_jets in JETS.items():
            made = produce(
                SAMPLE, Path(folder, f"{split}.h5"), n_jets=n_jets, seed=SEED, split=split
            )
            with JetFile(made) as file:
                table, provenance = file.read(), dict(file.provenance)
            tables.append(replace(table, jets=rounded(table.jets)))
            tried = {key: value for key, value in provenance.items() if key.startswith("events")}
            events_tried.update(tried)
    splits = ", ".join(f"{split} {n_jets}" for split, n_jets in JETS.items())
    rounding = {"split": splits, "mantissa_bits": MANTISSA_BITS}
    write_jets(path, tables, provenance=provenance | events_tried | rounding)


if __name__ == "__main__":
    main()
