"""Tables of trainings that take longer than a lesson, made by a script in ``benchmarks/``."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd

__all__ = ["load_trainings"]

_DATA: Final = Path(__file__).parent / "data"
_ENDING: Final = "_trainings.csv"


def load_trainings(sample: str) -> pd.DataFrame:
    """Return what comes with the course of trainings on a sample: a row for each measurement.

    Parameters
    ----------
    sample : str
        ``benchmarks/<sample>_trainings.py`` made the table, says what its columns mean, and makes
        it again.

    Raises
    ------
    ValueError
        If no trainings on this sample come with the course.

    Examples
    --------
    >>> {"study", "setting", "seed", "accuracy"} <= set(load_trainings("w_top_qcd"))
    True
    """
    path = _DATA / f"{sample}{_ENDING}"
    if not path.is_file():
        known = sorted(each.name.removesuffix(_ENDING) for each in _DATA.glob(f"*{_ENDING}"))
        raise ValueError(f"Expected one of {', '.join(known)}; got {sample!r}.")
    return pd.read_csv(path)
