"""The command line: ``python -m challenge COMMAND --help``.

`arguments` has the commands and their options, `commands` what each prints, `run` the exit
status.

May import every other room. A web service would be a room `hub` beside this one, which knows
nothing of it and is unknown to it; only ``python -m challenge`` imports it.
"""

from challenge.cli.run import main

__all__ = ["main"]
