"""The table of all networks, on few jets."""

import csv

import learning_curve_inputs
import learning_curve_taggers as taggers
import pytest
import top_tagging_trainings as trainings
from learning_curve_training import line_of, one_row, read_rows, train_all

from course_utils import kinematics
from course_utils.samples import load_jets, load_trainings
from course_utils.training import count_parameters

N_JETS = 120


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Some inputs of the small sample, made in this process."""
    folder = tmp_path_factory.mktemp("inputs")
    for split in ("train", "val", "test"):
        part = folder / f"{split}_{N_JETS}_{learning_curve_inputs.origin(split)}"
        part.mkdir()
        table = load_jets("top_tagging", split, stop=N_JETS)
        made = {
            "momenta": table.jets[:, :100],
            "constituents": learning_curve_inputs.constituent_inputs(table.jets),
            "substructure": kinematics.jet_mass(table.jets)[:, None],
            "y_true": table.y_true,
        }
        learning_curve_inputs._write_inputs([(0, made)], N_JETS, part)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(taggers, "passes", lambda n_jets: 1)
        patch.setattr(learning_curve_inputs, "count_jets", lambda sample, split: N_JETS)
        yield folder


@pytest.mark.parametrize("name", ["mass cut", "PFN, one cycle", "dense network, one cycle"])
def test_a_training_gives_a_row(name, folder):
    row = one_row(taggers.Run(name, 100, 0, folder))
    assert 0 <= row.auc <= 1
    assert 0 <= row.auc_val <= 1
    assert row.n_test == N_JETS
    assert (row.n_parameters > 0) == (name != "mass cut")


def test_a_seed_draws_other_jets_and_the_same_seed_the_same(folder):
    one, other = (taggers.Run("", 60, seed, folder).jets()[0]["momenta"] for seed in (0, 1))
    assert (one != other).any()
    again = taggers.Run("", 60, 1, folder).jets()[0]["momenta"]
    assert (again == other).all()


def test_every_network_can_be_built_and_small_ones_come_first():
    sizes = {name: count_parameters(network.build()) for name, network in taggers.NETWORKS.items()}
    assert sizes["CNN"] == 70_722
    assert sizes["PFN"] < sizes["PFN, published size"]
    assert set(trainings.CURVES_OF_LESSON) <= set(sizes)
    assert sizes["small dense network"] == 61 * 50 + 51 * 2
    assert {network.lesson for network in taggers.NETWORKS.values()} == {
        "01", "02", "03", "04", "06", "08"
    }  # fmt: skip


def test_a_run_goes_on_where_it_stopped_and_its_table_holds_each_training(folder, tmp_path):
    results, shipped = tmp_path / "rows.jsonl", tmp_path / "rows.csv"
    rows = [one_row(taggers.Run("dense network, one cycle", 60, seed, folder)) for seed in (0, 1)]
    results.write_text("".join(line_of(row) for row in rows) + '{"a line that was cut')
    assert read_rows(results) == rows
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainings, "SIZES", (60,))
        trainings.ship(rows, shipped)
    with shipped.open(newline="") as file:
        assert [row["seed"] for row in csv.DictReader(file)] == ["0", "1"]
    table = trainings.markdown(rows, 60)
    assert "| 02 | dense network | 0." in table
    assert "65 090" in table
    done = dict.fromkeys([60], 2)
    results.write_text("".join(map(line_of, rows)))
    train_all([60], ["dense network, one cycle"], results, folder, seeds=done)
    assert read_rows(results) == rows


def test_the_table_that_lesson_08_reads_has_every_network_at_every_size():
    table = load_trainings("top_tagging")
    assert set(table.network) == set(trainings.CURVES_OF_LESSON)
    sizes = table.groupby("network").n_jets.agg(set)
    assert all(found == set(trainings.SIZES) for found in sizes)
    assert not table.duplicated(["network", "n_jets", "seed"]).any()
    assert table.auc.between(0.5, 1).all()
    assert (table.groupby("network").n_parameters.nunique() == 1).all()
