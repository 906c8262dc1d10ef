"""The record of a training: loss and accuracy after each epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["History"]


@dataclass(frozen=True)
class History:
    """Loss and accuracy after each epoch of a training, on training and validation jets.

    The same record serves every framework: :meth:`from_keras` reads a Keras log, and your own
    training loop fills the four columns itself.

    Parameters
    ----------
    loss, accuracy : sequences of n_epochs numbers
        On the training jets, averaged while the weights were still changing.
    val_loss, val_accuracy : sequences of n_epochs numbers
        On the validation jets, at the end of each epoch.
    val_loss_error, val_accuracy_error : float
        Standard error of one validation point, from the spread between the validation jets after
        the last epoch; 0 if not computed.

    Raises
    ------
    ValueError
        If there is no epoch, or the columns differ in length.

    Examples
    --------
    >>> history = History([0.7, 0.5, 0.3], [0.5, 0.7, 0.9], [0.7, 0.6, 0.8], [0.5, 0.7, 0.6])
    >>> history.n_epochs, history.best_epoch
    (3, 2)
    """

    loss: Sequence[float]
    accuracy: Sequence[float]
    val_loss: Sequence[float]
    val_accuracy: Sequence[float]
    val_loss_error: float = 0.0
    val_accuracy_error: float = 0.0

    def __post_init__(self) -> None:
        names = ("loss", "accuracy", "val_loss", "val_accuracy")
        lengths = {name: len(getattr(self, name)) for name in names}
        if len(set(lengths.values())) != 1 or not lengths["loss"]:
            raise ValueError(f"Expected one number per epoch in every column; got {lengths}.")
        for name in names:
            object.__setattr__(self, name, tuple(float(value) for value in getattr(self, name)))

    @classmethod
    def from_keras(
        cls,
        log: Mapping[str, Sequence[float]],
        *,
        val_loss_error: float = 0.0,
        val_accuracy_error: float = 0.0,
    ) -> History:
        """Read the record in ``model.fit(...).history``.

        Parameters
        ----------
        log : mapping
            Must hold ``loss``, ``accuracy``, ``val_loss`` and ``val_accuracy``; more is ignored.
        val_loss_error, val_accuracy_error : float
            See the class.

        Returns
        -------
        History

        Raises
        ------
        ValueError
            If a column is missing.
        """
        names = ("loss", "accuracy", "val_loss", "val_accuracy")
        if missing := [name for name in names if name not in log]:
            raise ValueError(
                f"The training log has no {', '.join(missing)}, only {', '.join(log) or 'nothing'}."
                ' Compile with metrics=["accuracy"], fit with validation_data=(features, labels).'
            )
        return cls(*(log[name] for name in names), val_loss_error, val_accuracy_error)

    @property
    def n_epochs(self) -> int:
        """Number of epochs."""
        return len(self.loss)

    @property
    def best_epoch(self) -> int:
        """The epoch, counted from 1, with the smallest validation loss."""
        return 1 + min(range(self.n_epochs), key=self.val_loss.__getitem__)
