"""The jet file: the public format of the Top Quark Tagging Reference Dataset, read and written.

`JetFile` reads any range of an open file, `JetTable` holds jets in memory, `write_jets` writes
them. The room may import `course_utils.files`; it knows nothing of samples or simulations.

Every fault of a file is reported by one of three exceptions::

    DataError             the file is not a valid jet file; the message says what to do
    +-- DataNotFound      there is no file
    +-- DataUnavailable   there is one, perhaps sound, but it is locked or its disk fails
"""

from course_utils.jetfile.commands import data_command, install_command
from course_utils.jetfile.faults import DataError, DataNotFound, DataUnavailable
from course_utils.jetfile.format import (
    N_CONSTITUENTS,
    TTV,
    column_type,
    row_numbers,
)
from course_utils.jetfile.reader import JetFile
from course_utils.jetfile.table import JetTable, write_jets

__all__ = [
    "N_CONSTITUENTS",
    "TTV",
    "DataError",
    "DataNotFound",
    "DataUnavailable",
    "JetFile",
    "JetTable",
    "column_type",
    "data_command",
    "install_command",
    "row_numbers",
    "write_jets",
]
