"""``python -m challenge``; see `challenge.cli.run`."""

import sys

from challenge.cli import main

if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # a terminal may lack letters of a name
    sys.exit(main())
