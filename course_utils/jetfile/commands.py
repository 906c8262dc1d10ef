"""The commands that messages name, as they can be typed where the message is read."""

from __future__ import annotations

import os
import re
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Final

__all__ = ["data_command", "generate", "install_command"]

_CHECKOUT: Final = Path(__file__).resolve().parents[2]
_SCRIPT: Final = "data_download.sh"


def data_command(*arguments: str) -> str:
    """Return the command that gets jets.

    ``./data_download.sh`` is there only in the folder of a checkout; ``python -m course_utils``
    does the same from any folder, and where the course was installed from a wheel.

    Examples
    --------
    >>> data_command("--generate", "hbb").endswith(" --generate hbb")
    True
    """
    try:
        is_here = os.name != "nt" and Path(_SCRIPT).samefile(_CHECKOUT / _SCRIPT)
    except OSError:
        is_here = False
    return " ".join((f"./{_SCRIPT}" if is_here else "python -m course_utils", *arguments))


def generate(sample: str) -> str:
    """Return the command that generates a sample."""
    return data_command("--generate", sample)


def install_command(extra: str) -> str:
    """Return the command that installs what an extra of ``pyproject.toml`` names.

    A wheel brings no ``constraints.txt``, and no index has the course: the packages are named then.
    """
    if (_CHECKOUT / "constraints.txt").exists():
        return f"pip install -c constraints.txt -e '.[{extra}]'"
    try:
        listed = requires("jet-tagging-course") or []
    except PackageNotFoundError:
        listed = []
    of_extra = re.compile(rf"""\bextra == ['"]{extra}['"]""")
    names = [line.partition(";")[0].strip() for line in listed if of_extra.search(line)]
    return " ".join(("pip install", *(f"'{name}'" for name in names)))
