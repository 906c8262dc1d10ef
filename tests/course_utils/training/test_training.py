"""The record of a training, the seed, the progress bar and the grader's limits."""

import subprocess
import sys
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from course_utils.training import (
    LIMITS,
    History,
    fit_keras,
    progress_bar,
    seed_everything,
    sized,
    tracked,
)

LOG = {
    "loss": [0.7, 0.5],
    "accuracy": [0.5, 0.8],
    "val_loss": [0.6, 0.9],
    "val_accuracy": [0.6, 0.5],
}


@pytest.fixture(autouse=True)
def nobody_sets_a_limit(monkeypatch):
    for variable in [*LIMITS, "NBGRADER_EXECUTION"]:
        monkeypatch.delenv(variable, raising=False)


def test_history_reads_a_keras_log_and_ignores_what_it_does_not_know():
    history = History.from_keras(LOG | {"learning_rate": [1e-3, 1e-4]})
    assert history == History(**LOG)
    assert history.n_epochs == 2


def test_best_epoch_is_the_first_of_smallest_validation_loss_counted_from_one():
    assert History(**LOG).best_epoch == 1
    tied = History([0.7] * 4, [0.5] * 4, [0.9, 0.3, 0.8, 0.3], [0.5] * 4)
    assert tied.best_epoch == 2


def test_history_holds_plain_numbers_whatever_came_and_cannot_be_changed():
    values = np.array([0.5, 0.25], dtype=np.float32)
    history = History(values, values, values, values)
    values[:] = 0
    assert history.loss == (0.5, 0.25)
    with pytest.raises(FrozenInstanceError):
        history.loss = ()


def test_history_of_different_lengths_is_refused():
    with pytest.raises(ValueError, match="'val_loss': 1"):
        History(**(LOG | {"val_loss": [1.0]}))


def test_history_without_an_epoch_is_refused():
    with pytest.raises(ValueError, match="one number per epoch"):
        History([], [], [], [])


@pytest.mark.parametrize("missing", sorted(LOG))
def test_a_log_without_validation_says_how_to_get_it(missing):
    log = {name: column for name, column in LOG.items() if name != missing}
    with pytest.raises(ValueError, match=f"no {missing}, only .*validation_data"):
        History.from_keras(log)


@pytest.mark.parametrize("limit", sorted(LIMITS))
def test_without_a_grader_a_student_gets_the_size_asked_for(limit):
    assert sized(1_000_000, limit=limit) == 1_000_000


@pytest.mark.parametrize("limit", sorted(LIMITS))
def test_a_limit_in_the_environment_caps_but_never_enlarges(monkeypatch, limit):
    monkeypatch.setenv(limit, "5")
    assert sized(1_000_000, limit=limit) == 5
    assert sized(3, limit=limit) == 3


@pytest.mark.parametrize("step", ["autograde", "validate"])
def test_nbgrader_caps_by_itself_and_the_variable_overrules_it(monkeypatch, step):
    monkeypatch.setenv("NBGRADER_EXECUTION", step)
    assert sized(1_000_000, limit="COURSE_MAX_JETS") == LIMITS["COURSE_MAX_JETS"]
    monkeypatch.setenv("COURSE_MAX_JETS", "50000")
    assert sized(1_000_000, limit="COURSE_MAX_JETS") == 50_000


def test_an_empty_variable_is_no_limit(monkeypatch):
    monkeypatch.setenv("COURSE_MAX_JETS", "")
    assert sized(7, limit="COURSE_MAX_JETS") == 7


@pytest.mark.parametrize("value", ["0", "-3", "many", "1e3", "2.5", " 5"])
def test_a_limit_that_is_no_count_is_refused(monkeypatch, value):
    monkeypatch.setenv("COURSE_MAX_EPOCHS", value)
    with pytest.raises(ValueError, match="COURSE_MAX_EPOCHS to be a whole number"):
        sized(10, limit="COURSE_MAX_EPOCHS")


def test_an_unknown_limit_is_refused():
    with pytest.raises(ValueError, match="COURSE_MAX_JETS"):
        sized(10, limit="COURSE_N_JETS")


def test_reading_a_history_does_not_import_keras():
    program = "import sys, course_utils.training; print('keras' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


@pytest.fixture(scope="module")
def keras():
    """Keras on its default backend, slow to import; its own warnings are not ours."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("keras")


def trained(keras, *, callbacks=()):
    """A network of six weights after two epochs on eight toy jets."""
    x = np.linspace(-1, 1, 16, dtype=np.float32).reshape(8, 2)
    y = (x[:, 0] > 0).astype("int8")
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    log = model.fit(
        x, y, validation_data=(x, y), epochs=2, batch_size=4, verbose=0, callbacks=list(callbacks)
    )
    return History.from_keras(log.history)


@pytest.mark.slow
def test_the_same_seed_trains_the_same_network_twice(keras):
    histories = []
    for seed in (1, 1, 2):
        seed_everything(seed)
        histories.append(trained(keras))
    assert histories[0] == histories[1] != histories[2]


@pytest.mark.slow
def test_a_quiet_tensorflow_warns_of_nothing_on_standard_error():
    warns = (
        "from course_utils.training import quiet_tensorflow\n"
        "with quiet_tensorflow():\n    import tensorflow as tf\n"
        "tf.get_logger().warning('5 out of the last 11 calls triggered retracing')\n"
        "tf.get_logger().error('an error')\n"
    )
    run = subprocess.run([sys.executable, "-c", warns], capture_output=True, text=True, check=True)
    assert "retracing" not in run.stderr
    assert "an error" in run.stderr


def test_a_loop_is_tracked_on_standard_output_only(capsys):
    assert list(tracked("abcd", label="features")) == list("abcd")
    shown = capsys.readouterr()
    assert shown.err == ""
    assert "features: 100%" in shown.out
    assert "4/4" in shown.out
    assert list(tracked([1, 2], label="")) == [1, 2]
    assert capsys.readouterr().out == ""


def rows_seen(keras, seed):
    """What a network reads in two epochs with ten jets in batches of four, batch by batch."""
    seen = []

    class Spy(keras.layers.Layer):
        def call(self, x):
            if hasattr(x, "numpy"):  # not while Keras asks for the shape
                seen.append(x.numpy()[:, 0].astype(int).tolist())
            return x

    seed_everything(seed)
    model = keras.Sequential([Spy(), keras.layers.Dense(2, activation="softmax")])
    loss = "sparse_categorical_crossentropy"
    model.compile("adam", loss, metrics=["accuracy"], run_eagerly=True)
    x, y = np.arange(10.0)[:, None], np.arange(10) % 2
    history = fit_keras(model, (x, y), (x[:6] + 10, y[:6]), n_epochs=2, batch_size=4)
    assert history.n_epochs == 2
    return seen[:10]


def test_an_epoch_reads_each_jet_once_in_an_order_that_the_seed_decides(keras):
    batches = rows_seen(keras, 5)
    assert [len(batch) for batch in batches] == 2 * [4, 4, 2, 4, 2]
    first, second = ([jet for few in batches[at : at + 3] for jet in few] for at in (0, 5))
    assert sorted(first) == sorted(second) == list(range(10))
    assert list(range(10)) != first != second
    assert batches[3:5] == batches[8:] == [[10, 11, 12, 13], [14, 15]]  # validation, as it is
    assert rows_seen(keras, 5) == batches != rows_seen(keras, 6)


@pytest.mark.parametrize(("n_rows", "n_labels"), [(4, 3), (3, 4), (0, 0)])
def test_features_without_their_labels_are_refused_before_the_training(keras, n_rows, n_labels):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(2, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    data = np.zeros((n_rows, 1)), np.zeros(n_labels)
    with pytest.raises(ValueError, match=f"got {n_labels} for {n_rows}"):
        fit_keras(model, data, data, n_epochs=1)


def test_progress_bar_counts_every_epoch_on_standard_output_only(keras, capsys):
    trained(keras, callbacks=[progress_bar(2, label="baseline")])
    shown = capsys.readouterr()
    assert "baseline: 100%" in shown.out
    assert "2/2" in shown.out
    assert "val_loss=" in shown.out
    assert shown.err == ""
