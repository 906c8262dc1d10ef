"""The command line: ``python -m challenge COMMAND --help``.

`arguments` says what can be typed, `commands` what each command prints, `run` the exit status.

May import every other room but a web service's; only ``python -m challenge`` imports it.
"""

from challenge.cli.run import main

__all__ = ["main"]
