"""What a file is that is no ``.npy`` file, by its first bytes, and how its scores get into one."""

import codecs
import re
from typing import Final

__all__ = ["advice_on_archive", "advice_on_file"]

_SAVE: Final = "save the {what} with np.save"
_LOAD_FIRST: Final = "load it as you saved it, then np.save the {what} as one array"
# First bytes, what begins so, what to do.
_KINDS: Final = (
    (rb"\x89HDF\r\n\x1a\n", "an HDF5 file", "read the {what} from it, then np.save them"),
    (rb"\x80[\x02-\x05]", "a pickle", _LOAD_FIRST),
    (rb"\x1f\x8b|BZh|\xfd7zXZ\0|7z\xbc\xaf|Rar!", "a compressed file", "unpack it first"),
    (rb"PAR1", "a Parquet file", "read the {what} from it, then np.save them"),
    (rb"root\0", "a ROOT file", "read the {what} from it, then np.save them"),
    (rb"\0\x05\x16\x07", "what macOS keeps beside a file", "take the file without ._ in its name"),
    (rb"version https://git-lfs", "a pointer of Git LFS", "fetch the file with: git lfs pull"),
    (rb"\s*<(?i:!doctype|html)", "a web page", "download the file itself"),
    (rb"\s*\{", "text in JSON", _SAVE),
)
_TEXT_MARKS: Final = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_TEXT: Final = re.compile(rb"[\t\n\r\x20-\x7e\x80-\xff]+")  # no control characters
_ENOUGH: Final = 512  # bytes that tell text from numbers


def advice_on_file(data: bytes, what: str = "scores") -> str:
    """Say what a file is instead of a ``.npy`` file, and what to do.

    Parameters
    ----------
    data : bytes
        The file, or its beginning.
    what : str
        What is expected in it: scores or labels.

    Examples
    --------
    >>> advice_on_file(b"jet,score\\n1,0.5\\n")
    'this is text, such as CSV: read the numbers with np.loadtxt, then np.save them'
    """
    for start, kind, advice in _KINDS:
        if re.match(start, data):
            return f"this is {kind}: {advice.format(what=what)}"
    if data.startswith(_TEXT_MARKS) or _TEXT.fullmatch(data[:_ENOUGH]):
        return "this is text, such as CSV: read the numbers with np.loadtxt, then np.save them"
    return f"this is something else: {_SAVE.format(what=what)}"


def advice_on_archive(data: bytes, what: str = "scores") -> str:
    """The same of a file that begins as a ZIP archive does.

    Examples
    --------
    >>> advice_on_archive(b"PK")
    'this is an archive: use np.save, neither np.savez nor zip'
    """
    # The name of the first member stands uncompressed behind a header of 30 bytes.
    member = data[30 : 30 + int.from_bytes(data[26:28], "little")]
    if member.endswith(b"/data.pkl"):
        return f"this is a file of torch.save: np.save(path, {what}.numpy()) instead"
    if member in (b"metadata.json", b"config.json"):
        advice = "np.save what its predict returns" if what == "scores" else _SAVE.format(what=what)
        return f"this is a Keras model: {advice}"
    if member.startswith((b"[Content_Types]", b"_rels/", b"xl/", b"mimetype")):
        return "this is a spreadsheet: export it as CSV, read that with np.loadtxt, then np.save"
    return "this is an archive: use np.save, neither np.savez nor zip"
