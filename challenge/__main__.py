"""``python -m challenge``; see `challenge.cli.run`.

A locale that knows only ASCII, such as ``LC_ALL=C`` without Python's UTF-8 mode, can neither read a
name like Jörg from the command line nor write it; then Python starts again in that mode. What is
written to a file or a pipe is always UTF-8.
"""

import os
import sys

if __name__ == "__main__":
    if sys.getfilesystemencoding() == "ascii" and "utf8" not in sys._xoptions:
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])

    from challenge.cli import main

    for stream in (sys.stdout, sys.stderr):
        is_seen = stream.isatty()  # a terminal may lack letters of a name
        stream.reconfigure(encoding=None if is_seen else "utf-8", errors="backslashreplace")
    sys.exit(main())
