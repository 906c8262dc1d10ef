r"""Jet images: from constituents to pixels of pt, the same for a jet wherever it flies.

`jet_images` has every option; `trimmed_images` and `et_images` are the recipes of two studies. The
room may import `kinematics`, and its recipes `substructure`. The images of complete events, of a
lesson to come, will be a module of their own here.
"""

from course_utils.images.drawing import centred, flipped, jet_images, pixelated, rotated
from course_utils.images.recipes import et_images, rebinned, trimmed_images

__all__ = [
    "centred",
    "et_images",
    "flipped",
    "jet_images",
    "pixelated",
    "rebinned",
    "rotated",
    "trimmed_images",
]
