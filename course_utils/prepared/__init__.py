"""Jets in the form a network reads: made once from the jet file, kept on disk, shuffled from there.

`prepare` makes or opens a form, `Images` or `Constituents`; `Batches` shuffles it for PyTorch or
a loop, `tf_dataset` for Keras. The room may import `course_utils.samples`, `course_utils.jetfile`,
`course_utils.images` and `course_utils.files`; TensorFlow only where `tf_dataset` is called.
"""

from course_utils.prepared.arrays import PackedError
from course_utils.prepared.batches import Batches, tf_dataset
from course_utils.prepared.forms import FORMS, Constituents, Form, Images
from course_utils.prepared.jets import Prepared
from course_utils.prepared.preparation import prepare, prepared_forms

__all__ = [
    "FORMS",
    "Batches",
    "Constituents",
    "Form",
    "Images",
    "PackedError",
    "Prepared",
    "prepare",
    "prepared_forms",
    "tf_dataset",
]
