"""Trainings that come with the course, as tables."""

import pytest
from w_top_qcd_trainings import SETTINGS

from course_utils.samples import load_trainings


def test_each_setting_was_trained_several_times():
    table = load_trainings("w_top_qcd")
    for study, settings in SETTINGS.items():
        rows = table[table.study == study]
        assert set(rows.setting) == set(settings)
        assert (rows.groupby("setting").seed.nunique() >= 3).all()


def test_what_was_measured_can_be():
    table = load_trainings("w_top_qcd")
    assert table.accuracy.between(0, 1).all()
    assert table.auc.dropna().between(0, 1).all()
    assert (table.n_jets > 0).all()
    assert not table.duplicated(
        ["study", "setting", "seed", "stage", "kind", "pt_range", "n_quarks"]
    ).any()


def test_a_sample_without_trainings_is_told():
    with pytest.raises(ValueError, match="w_top_qcd; got 'hbb'"):
        load_trainings("hbb")
