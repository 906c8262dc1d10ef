"""The command line: ``python -m challenge COMMAND --help``.

May import every room; nothing imports it but ``python -m challenge``.
"""

from challenge.cli.run import main

__all__ = ["main"]
