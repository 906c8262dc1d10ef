"""A challenge is not opened while anything but physics tells its labels."""

import numpy as np
import pytest

from challenge.setup.leaks import leak_scan

N = 2000
RNG = np.random.default_rng(20260601)
LABELS = RNG.permutation(np.arange(N) % 2)


def clean_jets(labels=LABELS, *, seed=1):
    """Jets whose mass and multiplicity differ between the classes, and nothing else."""
    rng = np.random.default_rng(seed)
    n_real = rng.integers(20, 40, len(labels)) + 15 * labels
    pt = -np.sort(-rng.exponential(20, (len(labels), 80)), axis=1)
    phi = rng.uniform(-np.pi, np.pi, len(labels))[:, None] + rng.normal(0, 0.2, pt.shape)
    eta = rng.normal(0, 0.8, len(labels))[:, None] + rng.normal(0, 0.2, pt.shape)
    jets = np.stack([pt * np.cosh(eta), pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)], -1)
    jets[np.arange(80) >= n_real[:, None]] = 0
    return jets.astype(np.float32)


def reasons(*args, **kwargs):
    leaks = leak_scan(*args, **kwargs)
    assert all(leak.sentence.endswith(".") and "\n" not in leak.sentence for leak in leaks)
    return [leak.reason for leak in leaks]


def test_a_clean_challenge_has_no_leak():
    assert leak_scan(LABELS) == []
    assert leak_scan(LABELS, jets=clean_jets(), training_jets=[clean_jets(seed=2)]) == []


def test_a_hundred_random_orders_are_not_accused():
    rng = np.random.default_rng(3)
    assert not any(leak_scan(rng.permutation(LABELS)) for _ in range(100))


def test_sorted_labels_and_labels_in_blocks_are_found():
    assert reasons(np.sort(LABELS)) == ["row-order", "blocks"]
    assert reasons(np.tile(np.repeat([0, 1], 10), N // 20)) == ["blocks"]
    assert reasons(np.arange(N) % 2) == ["blocks"]  # alternating is an order too


@pytest.mark.parametrize(
    ("labels", "often", "is_as_public"),
    [
        (np.sort(LABELS), "too often: 2 runs", True),
        (np.tile(np.repeat([0, 1], 10), N // 20), "too often: 200 runs", True),
        (np.arange(N) % 2, "too seldom: 2000 runs", False),
    ],
)
def test_blocks_and_labels_that_take_turns_are_told_apart(labels, often, is_as_public):
    leaks = leak_scan(labels)
    assert f"Neighbouring jets share their label {often}" in leaks[-1].sentence
    assert [("public files" in leak.sentence) for leak in leaks] == [is_as_public] * len(leaks)
    assert all("huffle" in leak.sentence for leak in leaks)


@pytest.mark.parametrize(
    ("reason", "spoil"),
    [
        ("azimuth", lambda jets: np.copyto(jets[..., 1], np.abs(jets[..., 1]))),
        ("forward", lambda jets: np.copyto(jets[..., 3], np.abs(jets[..., 3]))),
        ("precision", lambda jets: np.copyto(jets[:, 0, 0], jets[:, 0, 0].astype(np.float16))),
    ],
)
def test_a_column_that_should_carry_nothing_and_does_is_found(reason, spoil):
    jets = clean_jets()
    if reason == "azimuth":  # only the signal is turned to one side
        jets[..., 2][LABELS == 1] = np.abs(jets[..., 2][LABELS == 1])
    else:
        signal = jets[LABELS == 1]
        spoil(signal)
        jets[LABELS == 1] = signal
    assert reasons(LABELS, jets=jets) == [reason]


def test_momenta_behind_the_padding_and_numbers_that_are_none_are_found():
    jets = clean_jets()
    jets[5, 79] = 1.0
    assert reasons(LABELS, jets=jets) == ["padding"]
    jets[6, 0, 0] = np.nan
    assert reasons(LABELS, jets=jets) == ["not-finite"]


def test_jets_that_students_have_with_labels_are_found():
    jets, training = clean_jets(), clean_jets(seed=2)
    training[100:103] = jets[7:10]
    (leak,) = leak_scan(LABELS, jets=jets, training_jets=[training[:50], training[50:]])
    assert leak.reason == "training-jets"
    assert leak.sentence.startswith("3 jets of the test set are in a file that students have")


def test_jets_that_stand_twice_are_found_whatever_their_zeros():
    jets = clean_jets()
    jets[3] = jets[2]
    jets[3][jets[3] == 0] = -0.0
    (leak,) = leak_scan(LABELS, jets=jets)
    assert (leak.reason, leak.sentence[:6]) == ("repeated-jets", "1 jets")


def test_small_challenges_are_scanned_without_a_fault():
    for labels in ([0, 0, 1, 1], [1, 0, 1, 0], [0, 1, 1, 0, 0]):
        assert leak_scan(np.array(labels)) == []
