"""The rates of the background: an acceptance by hand, and the shares of the catalogue."""

from __future__ import annotations

from pathlib import Path

import nbformat
import numpy as np
import pytest

pytest.importorskip("pythia8mc", reason="needs the extra 'simulation'")
pytest.importorskip("fastjet", reason="needs the extra 'simulation'")

import event_rates

from course_utils.samples import SAMPLES

RECIPE = SAMPLES["events"].recipe
# Cross section times acceptance in pb and its error: 40 s of processor time of each process.
MEASURED = {"ttbar": (87.3, 3.4), "t_channel": (7.5, 0.5), "w_jets": (13.2, 0.9)}


def test_errors_of_a_product_add_in_quadrature():
    found = event_rates.Rate(1000, (500.0, 15.0), 0.3, (0.2, 0.008))
    np.testing.assert_allclose(found.selected, (100.0, 100 * np.hypot(0.03, 0.04)))
    assert event_rates.Rate(10, (500.0, 15.0), 0.3, (0.0, 0.0)).selected == (0.0, 0.0)


def test_shares_of_the_background_are_those_that_were_measured():
    shares = {name: RECIPE.shares[name] for name in MEASURED}
    total, n = sum(rate for rate, _ in MEASURED.values()), sum(shares.values())
    for name, (rate, error) in MEASURED.items():
        assert shares[name] / n == pytest.approx(rate / total, abs=2 * error / total)
    assert n == RECIPE.shares["signal"]


def test_the_data_page_and_lesson_07_state_the_rates_that_were_measured():
    root = Path(event_rates.__file__).parents[1]
    notebook = nbformat.read(root / "notebooks/07_event_images/07_event_images.ipynb", 4)
    lesson = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    for text in ((root / "docs/data.md").read_text(encoding="utf-8"), lesson):
        for rate, error in MEASURED.values():
            digits = 0 if error > 1 else 1
            assert text.count(f"| {rate:.{digits}f} ± {error:.{digits}f} |") == 1


def test_another_threshold_is_another_process():
    ((title, process),) = event_rates.wanted("w_jets", [60.0])
    assert title == "w_jets, pTHat > 60"
    assert process.pthat == (60.0, 6500.0)
    assert event_rates.wanted("ttbar", []) == [("ttbar", RECIPE.process("ttbar"))]


def test_a_sixth_of_the_top_pairs_is_selected():
    found = event_rates.rate(RECIPE.process("ttbar"), RECIPE, seconds=0.5)
    share, error = found.accepted
    assert found.n_tried >= 100
    assert share == pytest.approx(0.17, abs=max(5 * error, 0.02))
    assert found.one_lepton == pytest.approx(0.27, abs=5 * np.sqrt(0.2 / found.n_tried))
