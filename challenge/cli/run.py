"""The command line: ``python -m challenge COMMAND --help``.

Exit status: 0 accepted; 1 refused, with a reason code and one sentence on standard error;
2 the command could not be carried out as given; 141 whoever reads the output went away, as of any
program in a pipe.
"""

import os
import sys
from collections.abc import Sequence

from sqlalchemy.exc import SQLAlchemyError

from challenge.cli.arguments import parser
from challenge.cli.output import READER_GONE, REFUSED, UNUSABLE, say_on_stderr
from challenge.errors import ChallengeError, Refusal

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out one command and return its exit status."""
    try:
        try:
            return _carried_out(argv)
        finally:
            sys.stdout.flush()  # the help may still wait there
    except OSError as error:
        # Python writes what is left when it ends, and would complain again.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            os.dup2(nowhere, stream.fileno())
        return READER_GONE if isinstance(error, BrokenPipeError) else UNUSABLE


def _carried_out(argv: Sequence[str] | None) -> int:
    args = parser().parse_args(argv)
    try:
        return args.run(args)
    except Refusal as refusal:
        say_on_stderr(f"refused [{refusal.reason}] {refusal.sentence}")
        return REFUSED
    except BrokenPipeError:
        raise
    except ChallengeError as error:
        say_on_stderr(f"error: {error}")
    except (OSError, SQLAlchemyError) as error:
        # What was received is on disk; repeating the command finishes it. The database's own words
        # are enough: those around them quote statements and a web address.
        cause = getattr(error, "orig", None) or error
        say_on_stderr(f"error: the challenge could not be read or written ({cause}): try again.")
    return UNUSABLE
