"""The command line: ``python -m challenge COMMAND --help``.

Exit status: 0 accepted; 1 refused, with a reason code and one sentence on standard error;
2 the command could not be carried out as given.
"""

from collections.abc import Sequence

from sqlalchemy.exc import SQLAlchemyError

from challenge.cli.arguments import parser
from challenge.cli.output import REFUSED, UNUSABLE, say_on_stderr
from challenge.errors import ChallengeError, Refusal

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out one command and return its exit status."""
    args = parser().parse_args(argv)
    try:
        return args.run(args)
    except Refusal as refusal:
        say_on_stderr(f"refused [{refusal.reason}] {refusal.sentence}")
        return REFUSED
    except ChallengeError as error:
        say_on_stderr(f"error: {error}")
    except (OSError, SQLAlchemyError) as error:
        # What was received is on disk; repeating the command finishes it. The database's own words
        # are enough: those around them quote statements and a web address.
        cause = getattr(error, "orig", None) or error
        say_on_stderr(f"error: the challenge could not be read or written ({cause}): try again.")
    return UNUSABLE
