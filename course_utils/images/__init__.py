r"""Jet images: from constituents to pixels of pt, the same for a jet wherever it flies.

The room may import `kinematics`; the images of two lessons to come, trimmed 25 x 25 jets and
complete events, will be modules of their own here.
"""

from course_utils.images.drawing import centred, flipped, jet_images, pixelated, rotated

__all__ = ["centred", "flipped", "jet_images", "pixelated", "rotated"]
