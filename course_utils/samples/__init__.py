"""The samples of the course: which there are, where they lie, how to get and read their jets.

A sample has three splits, ``train``, ``val`` and ``test``, each a jet file
``<root>/<sample>/<split>.h5`` (see `course_utils.jetfile`). The root is the first of these places
that holds any split of the sample:

1. ``$JET_DATA``, for instance a folder that a whole class shares;
2. ``data/`` in a checkout of the course;
3. the user's cache folder.

``JET_DATA`` with a value that cannot be meant, such as the folder of one sample, is an error. With
one that holds no jets yet, the log says so, and what serves instead.

All splits of a sample come from one place, so that a network is never trained on one generation of
jets and tested on another. Where there is none, the small sample that comes with the course serves.

More jets come from the command line, the only code that uses the Internet::

    ./data_download.sh                            what there is, and what is on this machine
    ./data_download.sh top_tagging                the public files, by DOI
    ./data_download.sh --generate top_tagging     jets of the same kind, made here

Rows of the sample ``events`` are complete events: `load_events` gives their objects.

Public files of jet images, without jets, are read by `read_jet_images` and `read_class_images`,
and the events of DarkMachines by `read_dark_machines`. The scores of lesson 05's scan of kernels
come with the course: see `load_kernel_scan`.

The room may import `course_utils.jetfile`, `course_utils.kinematics` and `course_utils.files`.
"""

from course_utils.samples.catalogue import QCD_LABELS, SAMPLES, SPLITS, TRUTH_LABELS
from course_utils.samples.dark_machines import read_dark_machines
from course_utils.samples.entry import EventSelection, Process, Recipe, Rounding, Sample
from course_utils.samples.event_tables import EventTable, Kind, load_events
from course_utils.samples.image_files import (
    ClassImages,
    ImageTable,
    read_class_images,
    read_jet_images,
)
from course_utils.samples.kernel_scan import KernelScan, load_kernel_scan
from course_utils.samples.loading import (
    count_jets,
    jet_blocks,
    load_frame,
    load_jets,
    stream_jets,
)
from course_utils.samples.places import data_root, data_roots, find, located, small_sample
from course_utils.samples.trainings import load_trainings

__all__ = [
    "QCD_LABELS",
    "SAMPLES",
    "SPLITS",
    "TRUTH_LABELS",
    "ClassImages",
    "EventSelection",
    "EventTable",
    "ImageTable",
    "KernelScan",
    "Kind",
    "Process",
    "Recipe",
    "Rounding",
    "Sample",
    "count_jets",
    "data_root",
    "data_roots",
    "find",
    "jet_blocks",
    "load_events",
    "load_frame",
    "load_jets",
    "load_kernel_scan",
    "load_trainings",
    "located",
    "read_class_images",
    "read_dark_machines",
    "read_jet_images",
    "small_sample",
    "stream_jets",
]
