"""Pages of the public names of both packages, from their docstrings, a room each."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path


def write_reference(staged: Path) -> None:
    """Write ``reference/PACKAGE.md``, with its reading list, and a page for each of its rooms."""
    for package in ("course_utils", "challenge"):
        module = importlib.import_module(package)
        rooms = _in_order(
            module.__doc__, [each.name for each in pkgutil.iter_modules(module.__path__)]
        )
        for room in rooms:
            _write(
                staged, f"{package}.{room}", f"# `{package}.{room}`\n\n{_auto(f'{package}.{room}')}"
            )
        tree = "\n".join(f"{package}.{room}" for room in rooms)
        menu = f"```{{toctree}}\n:hidden:\n\n{tree}\n```\n"
        _write(staged, package, f"# `{package}`\n\n{_auto(package, members=False)}\n{menu}")


def _in_order(text: str, rooms: list[str]) -> list[str]:
    """Return the public rooms, those first that the reading lists name, in their order."""
    public = [room for room in rooms if not room.startswith("_")]
    at = {room: re.search(rf"^ *(?:\w+, )?{room}\b", text, re.M) for room in public}
    return sorted(public, key=lambda room: (at[room] is None, at[room] and at[room].start(), room))


def _auto(module: str, *, members: bool = True) -> str:
    options = "   :members:\n   :imported-members:\n" if members else ""
    return f"```{{eval-rst}}\n.. automodule:: {module}\n{options}```\n"


def _write(staged: Path, name: str, text: str) -> None:
    path = staged / "reference" / f"{name}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
