"""Batches of prepared jets: every jet once, in an order that can be had again."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest

from course_utils.prepared import (
    Batches,
    Images,
    Prepared,
    prepare,
    tf_dataset,
)

if TYPE_CHECKING:
    from conftest import SomeJets

N_JETS = 250


@pytest.fixture(scope="module")
def jets(tmp_path_factory: pytest.TempPathFactory, some_jets: SomeJets) -> Prepared:
    """Prepared images; of each jet the sum is its own."""
    from course_utils.jetfile import write_jets

    root = tmp_path_factory.mktemp("jets")
    write_jets(root / "top_tagging" / "train.h5", [some_jets(N_JETS)], provenance={})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JET_DATA", str(root))
        return prepare(form=Images(n_pixels=12, normalise=False), progress=False)


@pytest.fixture(scope="module")
def dense(jets: Prepared) -> np.ndarray:
    return jets[:]


def rows_of(x: np.ndarray, dense: np.ndarray) -> list[int]:
    """Which jets they are."""
    known = {image.tobytes(): row for row, image in enumerate(dense)}
    assert len(known) == N_JETS
    return [known[np.ascontiguousarray(image).tobytes()] for image in np.asarray(x)]


def an_epoch(batches: Batches) -> tuple[np.ndarray, np.ndarray]:
    x, y = zip(*batches, strict=True)
    return np.concatenate(x), np.concatenate(y)


# ---------------------------------------------------------------- numpy


@pytest.mark.parametrize("batch_size", [1, 7, 50, 249, 250, 1000])
@pytest.mark.parametrize("seed", [None, 3])
def test_every_jet_comes_once_an_epoch_with_its_label(jets, dense, batch_size, seed) -> None:
    batches = Batches(jets, batch_size=batch_size, seed=seed)
    sizes = [len(x) for x, _ in batches]
    assert len(sizes) == len(batches)
    assert sizes[:-1] == [batch_size] * (len(sizes) - 1)
    x, y = an_epoch(batches)
    rows = rows_of(x, dense)
    assert sorted(rows) == list(range(N_JETS))
    np.testing.assert_array_equal(y, jets.y_true[rows])
    assert (rows == list(range(N_JETS))) == (seed is None)


def test_the_order_follows_from_seed_and_epoch_alone(jets) -> None:
    one = Batches(jets, batch_size=30, seed=3)
    epochs = [an_epoch(one)[0] for _ in range(3)]
    assert one.epoch == 3
    for batch_size in (77, 30):
        other = Batches(jets, batch_size=batch_size, seed=3)
        other.epoch = 1
        np.testing.assert_array_equal(an_epoch(other)[0], epochs[1])
        np.testing.assert_array_equal(an_epoch(other)[0], epochs[2])
    assert not np.array_equal(epochs[0], epochs[1])
    another = an_epoch(Batches(jets, batch_size=30, seed=4))[0]
    assert not np.array_equal(another, epochs[0])


def test_jets_are_mixed_across_the_whole_file_not_within_pieces(jets) -> None:
    moved = [
        np.abs(Batches(jets, batch_size=9, seed=seed).order(0) - np.arange(N_JETS)).mean()
        for seed in range(40)
    ]
    # Two independent uniform places are a third of the length apart, on average.
    error = np.std(moved) / np.sqrt(len(moved))
    assert abs(np.mean(moved) - N_JETS / 3) < 5 * error


def test_neighbours_in_the_file_do_not_stay_together(jets) -> None:
    orders = [Batches(jets, batch_size=9, seed=seed).order(0) for seed in range(40)]
    together = sum(np.count_nonzero(np.diff(order) == 1) for order in orders)
    assert together < 80  # one pair in each order on average, 40 in all, with a spread of 6


@pytest.mark.parametrize(
    "rows", [slice(20, 120), [4, 4, -1], np.arange(N_JETS) % 3 == 0], ids=["slice", "list", "mask"]
)
def test_rows_restrict_it(jets, dense, rows) -> None:
    batches = Batches(jets, batch_size=16, seed=1, rows=rows)
    expected = dense[rows]
    assert batches.n_jets == len(expected)
    x = an_epoch(batches)[0]
    assert sorted(rows_of(x, dense)) == sorted(rows_of(expected, dense))


def test_a_transform_makes_what_the_network_reads(jets, dense) -> None:
    batches = Batches(jets, batch_size=100, transform=lambda x: np.sqrt(x)[..., None])
    np.testing.assert_array_equal(an_epoch(batches)[0], np.sqrt(dense)[..., None])
    assert batches.example().shape == (1, 12, 12, 1)


def test_a_loop_that_ends_early_leaves_no_thread(jets) -> None:
    for _, _y in Batches(jets, batch_size=5):
        break
    assert not [t for t in threading.enumerate() if t.name.startswith("batches")]


def test_what_the_transform_raises_reaches_the_loop(jets) -> None:
    def broken(x: np.ndarray) -> np.ndarray:
        raise ZeroDivisionError("in the transform")

    with pytest.raises(ZeroDivisionError, match="in the transform"):
        next(iter(Batches(jets, batch_size=5, transform=broken)))


def test_no_more_is_made_ahead_than_asked_for(jets) -> None:
    made = []
    batches = iter(Batches(jets, batch_size=1, transform=lambda x: made.append(1) or x))
    for n_taken in range(1, 20):
        next(batches)
        assert len(made) <= n_taken + 2


def test_a_loop_that_ends_early_does_not_wait_for_what_was_ahead(jets) -> None:
    made, go_on = [], threading.Event()

    def slow(x: np.ndarray) -> np.ndarray:
        if made:
            go_on.wait(60)
        made.append(1)
        return x

    batches = iter(Batches(jets, batch_size=5, transform=slow))
    next(batches)
    threading.Timer(0.2, go_on.set).start()
    batches.close()
    assert len(made) <= 2  # the first, and the one under way


@pytest.mark.parametrize(
    "wrong",
    [
        {"batch_size": 0},
        {"batch_size": 2.5},
        {"batch_size": 5, "seed": -1},
        {"batch_size": 5, "seed": "a"},
        {"batch_size": 5, "rows": []},
        {"batch_size": 5, "rows": np.zeros(N_JETS, bool)},
    ],
)
def test_numbers_that_cannot_be_are_refused(jets, wrong) -> None:
    with pytest.raises(ValueError, match="Expected"):
        Batches(jets, **wrong)


# ---------------------------------------------------------------- TensorFlow


def test_a_tensorflow_dataset_gives_the_batches_epoch_by_epoch(jets) -> None:
    tf = pytest.importorskip("tensorflow")
    ours, theirs = (Batches(jets, batch_size=30, seed=3) for _ in range(2))
    dataset = tf_dataset(theirs)
    assert dataset.cardinality() == len(ours)
    for _ in range(2):
        for (x, y), (tx, ty) in zip(ours, dataset, strict=True):
            np.testing.assert_array_equal(tx, x)
            np.testing.assert_array_equal(ty, y)
            assert ty.dtype == tf.int32


def test_keras_learns_from_a_dataset_as_from_arrays(jets, dense) -> None:
    keras = pytest.importorskip("keras")
    from course_utils.training import fit_keras, seed_everything

    seed_everything(1)
    network = keras.Sequential(
        [keras.layers.Rescaling(1e-2), keras.layers.Flatten(), keras.layers.Dense(2, "softmax")]
    )
    network.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    val = Batches(jets, batch_size=40)
    history = fit_keras(
        network,
        tf_dataset(Batches(jets, batch_size=40, seed=1)),
        tf_dataset(val),
        n_epochs=3,
        patience=2,
        label="",
    )
    expected = network.evaluate(dense, jets.y_true, verbose=0, return_dict=True)
    best = history.best_epoch - 1
    assert history.val_loss[best] == pytest.approx(expected["loss"], rel=1e-4)
    assert history.val_accuracy[best] == pytest.approx(expected["accuracy"], abs=1e-6)
    probability = network.predict(dense, verbose=0)[np.arange(N_JETS), jets.y_true]
    spread = np.log(probability).std(), (probability > 0.5).std()
    errors = history.val_loss_error, history.val_accuracy_error
    np.testing.assert_allclose(errors, np.array(spread) / np.sqrt(N_JETS), rtol=1e-4)


# ---------------------------------------------------------------- the course's PyTorch loop


def fitted(jets: Prepared, folder, n_epochs: int, *, train: object = None, val: object = None):
    import torch
    from torch import nn

    from course_utils.training import fit_torch

    torch.manual_seed(5)
    network = nn.Sequential(nn.Flatten(), nn.Linear(144, 2))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)
    train = Batches(jets, batch_size=40, seed=1) if train is None else train
    val = Batches(jets, batch_size=70) if val is None else val
    path = folder / "checkpoint.pt"
    settings = {"n_epochs": n_epochs, "checkpoint": path, "device": "cpu", "label": ""}
    return network, fit_torch(network, train, val, optimizer, **settings)


@pytest.mark.parametrize("val_seed", [None, 3])
def test_a_training_on_batches_that_is_interrupted_ends_like_one_that_is_not(
    jets, tmp_path_factory, val_seed
) -> None:
    import torch

    def run(folder, n_epochs):
        train = Batches(jets, batch_size=40, seed=1)
        val = Batches(jets, batch_size=70, seed=val_seed)
        return fitted(jets, folder, n_epochs, train=train, val=val)

    whole, half = (tmp_path_factory.mktemp(name) for name in ("whole", "half"))
    expected, history = run(whole, 4)
    run(half, 2)
    resumed, resumed_history = run(half, 4)
    assert resumed_history == history
    for a, b in zip(expected.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)


def test_validation_on_batches_is_that_on_arrays(jets, dense, tmp_path_factory) -> None:
    one, other = (tmp_path_factory.mktemp("run") for _ in range(2))
    _, on_batches = fitted(jets, one, 2)
    _, on_arrays = fitted(jets, other, 2, val=(dense, jets.y_true))
    assert on_batches.val_loss == pytest.approx(on_arrays.val_loss, rel=1e-5)
    assert on_batches.val_loss_error == pytest.approx(on_arrays.val_loss_error, rel=1e-5)
    assert on_batches.val_accuracy == on_arrays.val_accuracy


def other_transform(x: np.ndarray) -> np.ndarray:
    return x


@pytest.mark.parametrize(
    "other",
    [{"rows": slice(0, 100)}, {"transform": other_transform}, {"batch_size": 41}, {"seed": 2}],
    ids=" ".join,
)
def test_a_checkpoint_of_other_batches_is_refused(jets, tmp_path, other) -> None:
    options = {"batch_size": 40, "seed": 1}
    fitted(jets, tmp_path, 1, train=Batches(jets, **options))
    with pytest.raises(ValueError, match="another training data"):
        fitted(jets, tmp_path, 2, train=Batches(jets, **options | other))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda jets: (jets[:0], jets.y_true[:0]), "at least one jet each"),
        (lambda jets: iter([(jets[:3], jets.y_true[:3])]), "with a length"),
        (lambda jets: jets, "got Prepared"),
        (lambda jets: [], "got list"),
        (lambda jets: [jets[:3]] * 3, "got one of type ndarray"),
    ],
)
def test_what_no_training_can_be_made_of_is_refused(jets, tmp_path, wrong, message) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        fitted(jets, tmp_path, 1, train=wrong(jets))


def test_lists_of_arrays_and_double_precision_are_arrays_too(jets, dense, tmp_path) -> None:
    _, history = fitted(jets, tmp_path, 1, train=[dense.astype(np.float64), jets.y_true])
    assert history.n_epochs == 1
    to_double = Batches(jets, batch_size=40, transform=lambda x: x.astype(float))
    (tmp_path / "checkpoint.pt").unlink()
    _, history = fitted(jets, tmp_path, 1, train=to_double)
    assert history.n_epochs == 1
