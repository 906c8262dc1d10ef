"""Training loops for Keras and PyTorch, with what they share: seeds, sizes, progress, history.

`fit_keras` and `fit_torch` train a network and return its `History`. Importing the room loads
neither framework: a lesson in Keras never loads PyTorch, and vice versa. The room may import
`course_utils.files`.
"""

from typing import TYPE_CHECKING

from course_utils.training.history import History
from course_utils.training.keras_loop import fit_keras, progress_bar
from course_utils.training.progress import tracked
from course_utils.training.session import LIMITS, quiet_tensorflow, seed_everything, sized

if TYPE_CHECKING:
    from course_utils.training.torch_loop import (
        best_device,
        count_parameters,
        fit_torch,
        predict_torch,
    )

__all__ = [
    "LIMITS",
    "History",
    "best_device",
    "count_parameters",
    "fit_keras",
    "fit_torch",
    "predict_torch",
    "progress_bar",
    "quiet_tensorflow",
    "seed_everything",
    "sized",
    "tracked",
]


def __getattr__(name: str) -> object:
    if name in __all__:  # what is not imported above needs PyTorch
        from course_utils.training import torch_loop

        return getattr(torch_loop, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
