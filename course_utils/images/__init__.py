r"""Images of jets and of events.

A jet image holds the pt of the constituents in pixels, the same for a jet wherever it flies.
`jet_images` has every option; `trimmed_images` and `et_images` are the recipes of two studies. An
event image shows each particle of a collision as a circle: `event_images` paints numbers of a
palette, `colours` looks them up. The room may import `kinematics`, and its recipes `substructure`.
"""

from course_utils.images.drawing import centred, flipped, jet_images, pixelated, rotated
from course_utils.images.events import (
    COLOURS,
    PAINTING_ORDER,
    circle_radii,
    colours,
    event_images,
)
from course_utils.images.recipes import et_images, rebinned, trimmed_images

__all__ = [
    "COLOURS",
    "PAINTING_ORDER",
    "centred",
    "circle_radii",
    "colours",
    "et_images",
    "event_images",
    "flipped",
    "jet_images",
    "pixelated",
    "rebinned",
    "rotated",
    "trimmed_images",
]
