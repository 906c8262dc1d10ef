"""The PyTorch loop: early stopping, checkpoints that survive a kill, bits that repeat."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from course_utils.training import History, count_parameters, fit_torch, predict_torch

rng = np.random.default_rng(3)
X = rng.normal(size=(300, 1, 6, 6)).astype(np.float32)
Y = (X[:, 0, :3].sum(axis=(1, 2)) > X[:, 0, 3:].sum(axis=(1, 2))).astype(np.int8)
TRAIN, VAL = (X[:200], Y[:200]), (X[200:], Y[200:])

# What a kill interrupts: the same training as `trained`, slowed down.
PROGRAM = """
import sys, time
import test_torch_training as here
here.trained(checkpoint=sys.argv[1], after_epoch=lambda *_: time.sleep(0.2))
"""


def small_network() -> nn.Module:
    """Batch norm and dropout in it: both have to survive an interruption."""
    torch.manual_seed(5)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.3),
        nn.Flatten(), nn.Linear(64, 2),
    )  # fmt: skip


def trained(network=None, *, n_epochs=6, train=TRAIN, val=VAL, lr=1e-2, **settings):
    network = network or small_network()
    adam = torch.optim.Adam(network.parameters(), lr=lr)
    settings = {"batch_size": 32, "device": "cpu", "label": "", **settings}
    return network, fit_torch(network, train, val, adam, n_epochs=n_epochs, **settings)


def weights(network) -> list[np.ndarray]:
    return [tensor.numpy() for tensor in network.state_dict().values()]


def assert_same_training(a, b):
    assert a[1] == b[1]
    for left, right in zip(weights(a[0]), weights(b[0]), strict=True):
        np.testing.assert_array_equal(left, right)


def test_a_network_learns_what_can_be_learnt():
    network, history = trained(n_epochs=15)
    assert history.val_loss[-1] < 0.5 < history.val_loss[0]
    y_score = predict_torch(network, VAL[0])
    assert ((y_score > 0.5) == VAL[1]).mean() == pytest.approx(history.val_accuracy[-1])


def test_the_same_seed_gives_the_same_bits_and_another_does_not():
    first = trained(seed=1)
    assert_same_training(first, trained(seed=1))
    assert first[1] != trained(seed=2)[1]


def test_the_callers_random_numbers_are_left_alone():
    torch.manual_seed(11)
    expected = torch.rand(3)
    network = small_network()
    torch.manual_seed(11)
    trained(network)
    torch.testing.assert_close(torch.rand(3), expected, rtol=0, atol=0)


def test_history_is_what_the_loss_of_the_last_weights_says():
    network, history = trained()
    network.eval()
    with torch.no_grad():
        outputs, y = network(torch.from_numpy(VAL[0])), torch.from_numpy(VAL[1]).long()
    per_jet = nn.functional.cross_entropy(outputs, y, reduction="none").numpy()
    assert history.val_loss[-1] == pytest.approx(per_jet.mean(), rel=1e-5)
    assert history.val_loss_error == pytest.approx(per_jet.std() / 10, rel=1e-4)
    assert isinstance(history, History)


def test_every_jet_is_seen_once_an_epoch_also_in_a_last_small_batch():
    seen = []

    class Notes(nn.Linear):
        def forward(self, x):
            if self.training:
                seen.append(x[:, 0].clone())
            return super().forward(x)

    x = np.arange(10, dtype=np.float32)[:, None]
    data = x, np.arange(10) % 2
    trained(Notes(1, 2), n_epochs=2, train=data, val=data, batch_size=4)
    epochs = torch.cat(seen[:3]), torch.cat(seen[3:])
    assert [len(batch) for batch in seen] == [4, 4, 2] * 2
    for epoch in epochs:
        assert sorted(epoch.tolist()) == list(range(10))
    assert epochs[0].tolist() != epochs[1].tolist()


def test_early_stopping_goes_back_to_the_best_weights():
    network, history = trained(n_epochs=60, lr=0.1, patience=3)
    assert history.n_epochs == history.best_epoch + 3 < 60
    best = min(history.val_loss)
    scores = predict_torch(network, VAL[0])
    loss = -np.log(np.where(VAL[1] == 1, scores, 1 - scores)).mean()
    assert loss == pytest.approx(best, rel=1e-4)
    assert loss < history.val_loss[-1]


def test_without_patience_the_last_weights_stay():
    network, history = trained(n_epochs=20, lr=0.1)
    assert history.n_epochs == 20
    scores = predict_torch(network, VAL[0])
    loss = -np.log(np.where(VAL[1] == 1, scores, 1 - scores)).mean()
    assert loss == pytest.approx(history.val_loss[-1], rel=1e-4)


def test_a_training_that_was_interrupted_ends_like_one_that_was_not(tmp_path):
    def interrupt(epoch, row):
        if epoch == 3:
            raise KeyboardInterrupt

    path = tmp_path / "folder" / "cnn.pt"
    with pytest.raises(KeyboardInterrupt):
        trained(checkpoint=path, after_epoch=interrupt)
    epochs = []
    resumed = trained(checkpoint=path, after_epoch=lambda epoch, row: epochs.append(epoch))
    assert epochs == [4, 5, 6]
    assert_same_training(resumed, trained())
    assert [file.name for file in path.parent.iterdir()] == ["cnn.pt"]


@pytest.mark.slow
def test_a_training_that_was_killed_ends_like_one_that_was_not(tmp_path):
    path = tmp_path / "cnn.pt"
    here = Path(__file__).parent
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(path)], cwd=here)
    while not path.exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    epochs = []
    resumed = trained(checkpoint=path, after_epoch=lambda epoch, row: epochs.append(epoch))
    assert 0 < len(epochs) < 6
    assert_same_training(resumed, trained())


def test_a_finished_training_is_not_done_again_but_can_be_made_longer(tmp_path):
    path = tmp_path / "cnn.pt"
    trained(checkpoint=path, n_epochs=4)
    epochs = []
    longer = trained(checkpoint=path, after_epoch=lambda epoch, row: epochs.append(epoch))
    assert epochs == [5, 6]
    again = trained(checkpoint=path, after_epoch=lambda epoch, row: pytest.fail("trained again"))
    assert_same_training(again, longer)
    assert_same_training(again, trained())


def test_early_stopping_also_counts_the_epochs_before_the_interruption(tmp_path):
    path = tmp_path / "cnn.pt"
    whole = trained(n_epochs=60, lr=0.1, patience=3)
    trained(n_epochs=whole[1].n_epochs - 1, lr=0.1, checkpoint=path)
    resumed = trained(n_epochs=60, lr=0.1, patience=3, checkpoint=path)
    assert_same_training(resumed, whole)


@pytest.mark.parametrize("other", ["seed", "network", "training data", "optimizer"])
def test_a_checkpoint_of_another_training_is_refused(tmp_path, other):
    path = tmp_path / "cnn.pt"
    trained(checkpoint=path, n_epochs=1)
    changed = {
        "seed": {"seed": 9},
        "network": {"network": nn.Sequential(nn.Flatten(), nn.Linear(36, 2))},
        "training data": {"train": (X[100:], Y[100:])},
        "optimizer": {"lr": 1e-3},
    }[other]
    with pytest.raises(ValueError, match=f"with another {other}. Remove it to start over"):
        trained(checkpoint=path, n_epochs=2, **changed)


def test_a_checkpoint_cannot_run_code(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "exploded"),))

    torch.save({"recipe": Bomb()}, tmp_path / "cnn.pt")
    with pytest.raises(Exception, match=r"[Ww]eights"):
        trained(checkpoint=tmp_path / "cnn.pt")
    assert not (tmp_path / "exploded").exists()


def test_a_diverging_training_ends_with_advice():
    with pytest.raises(FloatingPointError, match=r"after epoch \d+.*smaller learning rate"):
        trained(lr=1e30, n_epochs=20)


def test_labels_that_are_not_one_per_jet_are_refused():
    with pytest.raises(ValueError, match=r"one label per jet; got .*\(200, 1, 6, 6\).*\(199,\)"):
        trained(train=(X[:200], Y[:199]))


def test_prediction_does_not_depend_on_the_batch_and_keeps_the_mode_of_the_network():
    network = small_network()
    network.eval()
    whole = predict_torch(network, X, batch_size=300)
    network.train()
    np.testing.assert_allclose(predict_torch(network, X, batch_size=7), whole, atol=1e-6)
    assert network.training
    assert whole.dtype == np.float32


def test_prediction_keeps_the_mode_of_each_part_also_of_frozen_ones_in_a_network_in_training():
    frozen = nn.BatchNorm1d(4).eval()
    network = nn.Sequential(frozen, nn.Sequential(nn.Dropout(0.5), nn.Linear(4, 2)))
    assert network.training
    modes = [part.training for part in network.modules()]
    predict_torch(network, np.ones((3, 4), np.float32))
    assert [part.training for part in network.modules()] == modes
    assert not frozen.training


def test_log_probabilities_and_logits_give_the_same_prediction():
    logits = small_network().eval()
    logs = nn.Sequential(logits, nn.LogSoftmax(dim=1)).eval()
    np.testing.assert_allclose(predict_torch(logs, X), predict_torch(logits, X), atol=1e-6)


def test_shared_weights_count_once_and_frozen_ones_not_at_all():
    shared = nn.Linear(3, 3)
    assert count_parameters(nn.Sequential(shared, shared)) == 12
    shared.bias.requires_grad = False
    assert count_parameters(shared) == 9


def test_the_bar_shows_the_losses_and_ends_full_also_when_stopped_early(capsys):
    trained(n_epochs=60, lr=0.1, patience=2, label="CVN")
    shown = capsys.readouterr()
    last = shown.out.splitlines()[-1].split("\r")[-1]
    assert "CVN (stopped early): 100%" in last
    assert "val_loss=" in last
    assert shown.err == ""


def test_importing_the_loop_imports_no_keras():
    program = "import sys, course_utils.training; print('keras' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_three_classes_are_learned_and_predicted():
    rng = np.random.default_rng(3)
    y_true = rng.integers(0, 3, 600)
    x = np.eye(3, dtype=np.float32)[y_true] + 0.1 * rng.standard_normal((600, 3), np.float32)
    network = nn.Linear(3, 3)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.1)
    fit_torch(network, (x, y_true), (x, y_true), optimizer, n_epochs=10, device="cpu", label="")
    probabilities = predict_torch(network, x, all_classes=True)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert (probabilities.argmax(axis=1) == y_true).all()
    with pytest.raises(ValueError, match="two classes; this one has 3"):
        predict_torch(network, x)
