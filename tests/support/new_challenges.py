"""What new challenges are made of in tests: labelled jets, labels, and why it was refused."""

import numpy as np
import pytest

from challenge.errors import CreationError
from course_utils.jetfile import JetTable

N = 60
EIGHT = np.array([0, 1, 1, 0, 1, 0, 0, 1])


def labelled_jets(seed=0, *, y_true=None):
    """Two massless constituents per jet; the mass of signal jets is near the top quark's."""
    rng = np.random.default_rng(seed)
    y_true = (np.arange(N) < N // 2).astype(np.int8) if y_true is None else y_true
    energy = np.where(y_true, rng.normal(86, 5, N), rng.uniform(5, 150, N))
    jets = np.zeros((N, 200, 4), np.float32)
    jets[:, 0] = np.stack([energy, energy, 0 * energy, 0 * energy], axis=1)
    jets[:, 1] = np.stack([energy, -energy, 0 * energy, 0 * energy], axis=1)
    truth = np.where(y_true[:, None], rng.normal(size=(N, 4)), 0).astype(np.float32)
    return JetTable(jets, truth, y_true, np.arange(N, dtype=np.int8) % 3)


def labels_file(tmp_path, labels):
    path = tmp_path / "labels.npy"
    np.save(path, labels)
    return path


def reason_of(call, *args, **kwargs):
    with pytest.raises(CreationError) as refused:
        call(*args, **kwargs)
    return refused.value.reason
