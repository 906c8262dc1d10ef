"""The command line: ``python -m challenge COMMAND --help``.

`arguments` has the commands and their options, `commands` what each prints, `run` the exit
status.

May import every other room, `challenge.hub` only when the command `serve` runs; none of them knows
this one.
"""

from challenge.cli.run import main

__all__ = ["main"]
