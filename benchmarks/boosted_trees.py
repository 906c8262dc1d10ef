"""Boosted trees on jet substructure, as `fidelity.py` and the scripts beside it train them."""

from __future__ import annotations

import numpy as np
from rich.table import Table
from sklearn.ensemble import HistGradientBoostingClassifier

from course_utils.metrics import accuracy, background_rejection, roc_auc


def trained_trees(
    x: np.ndarray, y_true: np.ndarray, *, seed: int = 0
) -> HistGradientBoostingClassifier:
    """Boosted trees that stop on a tenth of the jets, drawn by the seed."""
    trees = HistGradientBoostingClassifier(
        max_iter=300, learning_rate=0.05, early_stopping=True, random_state=seed
    )
    return trees.fit(x, y_true)


def boosted_trees(x: np.ndarray, y_true: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels and scores of the second half of the jets, from trees that learnt on the first."""
    half = len(y_true) // 2
    trees = trained_trees(x[:half], y_true[:half])
    return y_true[half:], trees.predict_proba(x[half:])[:, 1]


def tagger_table(columns: dict[str, np.ndarray], y_true: np.ndarray) -> Table:
    """Boosted trees on each set of features, arrays of shape (n_jets, n_features)."""
    table = Table("boosted trees on", "AUC", "accuracy", "R30", "R50")
    for name, x in columns.items():
        truth, score = boosted_trees(x, y_true)
        table.add_row(
            name,
            str(roc_auc(truth, score)),
            str(accuracy(truth, score)),
            *(str(background_rejection(truth, score, signal_efficiency=e)) for e in (0.3, 0.5)),
        )
    return table
