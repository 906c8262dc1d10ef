"""The page of the learning curve says what its rows say."""

from __future__ import annotations

from pathlib import Path

import learning_curve  # of benchmarks
from learning_curve_training import read_rows

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "benchmarks" / "learning_curve.md").read_text(encoding="utf-8")


def test_the_tables_of_the_page_are_those_of_the_stored_rows() -> None:
    rows = read_rows(ROOT / "benchmarks" / "learning_curve.jsonl")
    assert len({row.data for row in rows}) == 1  # one file of jets, one curve
    errors = [row.auc_error for row in rows]
    assert f"{min(errors):.4f} for the best and {max(errors):.4f} for the worst" in PAGE
    for table in learning_curve.markdown(rows).split("\n\n")[:2]:
        assert table in PAGE
