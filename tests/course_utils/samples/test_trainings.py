"""Trainings that come with the course, as tables."""

import pytest
from events_trainings import MODELS, REFERENCE, SIZES
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


def test_each_model_of_lesson_07_was_trained_at_every_size_and_its_rivals_with_several_seeds():
    table = load_trainings("events")
    seeds = table.groupby(["model", "n_train"]).seed.nunique().unstack()
    assert set(seeds.index) == set(MODELS)
    assert set(seeds.columns) == set(SIZES)
    assert (seeds >= 1).all(axis=None)
    assert (seeds.loc[[REFERENCE, "pixels of each colour"]] >= 3).all(axis=None)
    assert not table.duplicated(["model", "n_train", "seed"]).any()


def test_no_model_of_lesson_07_is_ahead_of_itself():
    table = load_trainings("events")
    same = table[table.model == REFERENCE]
    assert (same.over_trees == 0).all()
    assert (same.over_trees_error == 0).all()
    assert table.auc.between(0.5, 1).all()
    assert (table[table.model != REFERENCE].over_trees_error > 0).all()


def test_a_sample_without_trainings_is_told():
    with pytest.raises(ValueError, match="events, top_tagging, w_top_qcd; got 'hbb'"):
        load_trainings("hbb")
