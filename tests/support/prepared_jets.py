"""Forms of a few jets, as several tests of `course_utils.prepared` make them."""

from __future__ import annotations

from course_utils.prepared import Constituents, Form, Images, Prepared, prepare

N_JETS = 120
FORMS = (Constituents(), Images(n_pixels=15))


def made(form: Form = FORMS[1]) -> Prepared:
    """The training jets of the fixture `source` in a form."""
    return prepare("top_tagging", "train", form, progress=False)
