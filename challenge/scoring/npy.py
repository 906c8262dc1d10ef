"""A file of scores, read without trusting it: bytes -> array, or `SubmissionError`.

The file is the ``.npy`` format of NumPy, versions 1 and 2, with a one-dimensional array of a plain
number type. ``np.load`` never sees it: that would open archives and believe any shape.
Nothing is allocated for what the header claims until the size of the file confirms it.

::

    Refusal               a reason code for machines and one sentence for people
    +-- SubmissionError   a prediction, or the name it came under
"""

import re
import stat
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from challenge.errors import SubmissionError
from challenge.scoring.foreign import advice_on_archive, advice_on_file

__all__ = ["SCORE_DTYPES", "read_file", "read_scores", "read_vector"]

SCORE_DTYPES: Final = frozenset({"f2", "f4", "f8"})
LONGEST_HEADER: Final = 512  # np.save needs 118 bytes for a vector

_MAGIC: Final = b"\x93NUMPY"
_HEADER: Final = re.compile(
    rb"\{ ?'descr': ?(?P<descr>'[^'\\\n]*'|\[[^\n]*\]), ?"
    rb"'fortran_order': ?(?:True|False), ?"
    rb"'shape': ?\((?P<shape>[^()\n]*)\),? ?\} *\n?"
)
_DESCR: Final = re.compile(r"'(?:<|>|\|(?=[a-z]1'))(?P<kind>[a-z][0-9])'")  # one byte has no order
_LENGTH: Final = re.compile(r"(0|[1-9][0-9]{0,18}),")


def read_scores(data: bytes, n_jets: int) -> NDArray[np.float64]:
    """Scores of a submission, one finite number per test jet.

    Parameters
    ----------
    data : bytes
        The content of a ``.npy`` file with float16, float32 or float64 of shape (n_jets,).
    n_jets : int
        Number of jets in the test set.

    Returns
    -------
    array of shape (n_jets,)

    Raises
    ------
    SubmissionError
        With one of the reasons empty, npz, not-npy, version, header, dtype, shape, file-size,
        not-finite.

    Examples
    --------
    >>> import io
    >>> file = io.BytesIO()
    >>> np.save(file, np.array([0.25, 0.75], dtype=np.float32))
    >>> read_scores(file.getvalue(), n_jets=2)
    array([0.25, 0.75])
    """
    values = read_vector(data, dtypes=SCORE_DTYPES, length=n_jets)
    finite = np.isfinite(values)
    if not finite.all():
        n_bad = n_jets - np.count_nonzero(finite)
        raise SubmissionError(
            "not-finite",
            f"Expected finite scores; {n_bad} of {n_jets} are NaN or infinite, the first for "
            f"jet {int(np.argmin(finite))}.",
        )
    return values.astype(np.float64)


def read_vector(
    data: bytes, *, dtypes: frozenset[str], length: int | None = None, what: str = "scores"
) -> NDArray[np.generic]:
    """One-dimensional array of a ``.npy`` file, as a read-only view of its bytes.

    Parameters
    ----------
    data : bytes
        The content of the file.
    dtypes : set of str
        Accepted number types, as kind and size in bytes: ``f4``, ``i8``, ``b1``.
    length : int, optional
        Expected number of values; any number if not given.
    what : str
        What the values are, as the messages call them: scores or labels.

    Raises
    ------
    SubmissionError
        If the file is anything else.

    Examples
    --------
    >>> import io
    >>> file = io.BytesIO()
    >>> np.save(file, np.array([1, 0, 1]))
    >>> read_vector(file.getvalue(), dtypes=frozenset({"i8"}))
    array([1, 0, 1])
    """
    dtype, n_values, offset = _described(data, dtypes, length, what)
    if len(data) != offset + n_values * dtype.itemsize:
        raise SubmissionError(
            "file-size",
            f"Expected {offset + n_values * dtype.itemsize} bytes for {n_values} values; "
            f"got {len(data)}, so the file was cut short or has something appended: save it again.",
        )
    return np.frombuffer(data, dtype=dtype, count=n_values, offset=offset)


def read_file(path: Path, n_jets: int) -> bytes:
    """Content of a submitted file, unless it is too large to be one.

    Parameters
    ----------
    path : Path
        A regular file.
    n_jets : int
        Number of jets in the test set, which bounds the size.

    Raises
    ------
    SubmissionError
        With reason unreadable; of a file that is too large with the reason that `read_scores`
        would give for its beginning, or file-size.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for ever
            raise SubmissionError("unreadable", "Expected a file; this is a folder or a device.")
        with path.open("rb") as file:
            return _read_open_file(file, n_jets)
    except OSError as error:
        raise SubmissionError(
            "unreadable", f"The file cannot be read ({error.strerror}): check its name."
        ) from error


def _read_open_file(file: BinaryIO, n_jets: int) -> bytes:
    """`read_file` for a file that is open."""
    largest = 8 * n_jets + LONGEST_HEADER + 12
    data = file.read(largest + 1)
    if len(data) > largest:
        _described(
            data, SCORE_DTYPES, n_jets, "scores"
        )  # a wrong type or shape says why it is so large
        raise SubmissionError(
            "file-size",
            f"Expected at most {largest} bytes for {n_jets} scores; the file is larger, so it has "
            "something appended: save it again.",
        )
    return data


def _described(
    data: bytes, dtypes: frozenset[str], length: int | None, what: str
) -> tuple[np.dtype, int, int]:
    """Type and number of the values that a header promises, and where they begin."""
    header, offset = _header(data, what)
    dtype = _dtype(header["descr"].decode("ascii"), dtypes, what)
    return dtype, _length(header["shape"].decode("ascii"), length, what), offset


def _header(data: bytes, what: str) -> tuple[re.Match[bytes], int]:
    if not data:
        raise SubmissionError("empty", f"The file is empty: save the {what} again with np.save.")
    if data[:2] == b"PK":
        raise SubmissionError("npz", f"Expected a .npy file; {advice_on_archive(data, what)}.")
    if data[:6] != _MAGIC:
        raise SubmissionError("not-npy", f"Expected a .npy file; {advice_on_file(data, what)}.")
    if len(data) < 12:
        raise SubmissionError("not-npy", "The .npy file was cut short: save it again.")
    if data[6:8] not in (b"\x01\x00", b"\x02\x00"):
        raise SubmissionError(
            "version",
            f"Expected version 1 or 2 of the .npy format; got {data[6]}.{data[7]}: use np.save.",
        )
    start = 10 if data[6] == 1 else 12
    stop = start + int.from_bytes(data[8:start], "little")
    if stop - start > LONGEST_HEADER or stop > len(data):
        raise SubmissionError(
            "header",
            f"Expected a .npy header of at most {LONGEST_HEADER} bytes inside the file; got "
            f"{stop - start}: save the {what} again with np.save.",
        )
    match = _HEADER.fullmatch(data[start:stop])
    if match is None or not data[start:stop].isascii():
        raise SubmissionError(
            "header", "The .npy header is not one that np.save writes: use np.save."
        )
    return match, stop


def _dtype(descr: str, allowed: frozenset[str], what: str) -> np.dtype:
    match = _DESCR.fullmatch(descr)
    if match is None or match["kind"] not in allowed:
        names = ", ".join(sorted(np.dtype(each).name for each in allowed))
        advice = _type_advice(descr, what)
        raise SubmissionError(
            "dtype",
            f"Expected numbers of type {names}; got {_excerpt(descr)}: {advice}.",
        )
    return np.dtype(descr.strip("'"))


def _type_advice(descr: str, what: str) -> str:
    if descr.startswith("["):
        return f"save one field, such as {what}['{what.removesuffix('s')}']"
    usual = "np.int8" if what == "labels" else "np.float32"
    if descr.strip("'")[1:2] == "O":  # a list of tensors, or a column of a data frame
        return f"make it one array of numbers: np.asarray(list({what}), dtype={usual})"
    return f"convert with {what}.astype({usual})"


def _length(shape: str, expected: int | None, what: str) -> int:
    match = _LENGTH.fullmatch(shape)
    if match is None or (expected is not None and int(match[1]) != expected):
        raise SubmissionError(
            "shape",
            f"Expected one value per jet, shape ({'n' if expected is None else expected},); "
            f"got ({_excerpt(shape)}): {_shape_advice(shape, expected, what)}.",
        )
    return int(match[1])


def _shape_advice(shape: str, expected: int | None, what: str) -> str:
    if re.fullmatch(r"[0-9]+, ?1|1, ?[0-9]+", shape):
        return f"save {what}.ravel()"
    if expected is not None and re.fullmatch(rf"[0-9]+, ?{expected}", shape):
        return f"save one row, such as {what}[1]"
    if "," in shape.rstrip(","):
        return f"save one column, such as {what}[:, 1]"
    return "save one number for each jet of the test file, in its order"


def _excerpt(text: str) -> str:
    """A stranger's text, short and printable, to quote in a sentence."""
    shown = "".join(each if each.isprintable() else "?" for each in text)
    return shown if len(shown) <= 40 else shown[:37] + "..."
