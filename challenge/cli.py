"""The command line: ``python -m challenge COMMAND --help``.

Exit status: 0 accepted; 1 refused, with a reason code and one sentence on standard error;
2 the command could not be carried out as given.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from sqlalchemy.exc import SQLAlchemyError

from challenge.baselines import baseline_files
from challenge.board import FORMATS, printable
from challenge.creation import create_from_jets, create_from_labels
from challenge.folder import TEST_JETS, Challenge, ChallengeError
from challenge.intake import BASELINE_TEAM, accept, finish_interrupted, submit
from challenge.ranking import Entry
from challenge.store import Store
from challenge.submission import Refusal, SubmissionError, read_file, read_scores

__all__ = ["main"]

ACCEPTED: Final = 0
REFUSED: Final = 1
UNUSABLE: Final = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out one command and return its exit status."""
    args = _parser().parse_args(argv)
    try:
        return args.run(args)
    except Refusal as refusal:
        _tell(f"refused [{refusal.reason}] {refusal.sentence}")
        return REFUSED
    except ChallengeError as error:
        _tell(f"error: {error}")
    except (OSError, SQLAlchemyError) as error:
        # What was received is on disk; repeating the command finishes it.
        _tell(f"error: the challenge could not be read or written ({error}): try again.")
    return UNUSABLE


def _create(args: argparse.Namespace) -> int:
    if (args.jets is None) != (args.seed is None):
        raise ChallengeError("--jets needs --seed N, a number of your own; --labels takes none.")
    if args.labels is not None:
        challenge = create_from_labels(args.dir, args.labels, name=args.name)
        _say(f"created {challenge.folder}: {challenge.n_jets} rows, labels secret.")
    else:
        challenge = create_from_jets(args.dir, args.jets, seed=args.seed, name=args.name)
        _say(
            f"created {challenge.folder}: {challenge.n_jets} jets, labels secret; "
            f"give students {challenge.folder / TEST_JETS}."
        )
    return ACCEPTED


def _check(args: argparse.Namespace) -> int:
    challenge = Challenge.open(args.dir)
    read_scores(read_file(args.file, challenge.n_jets), challenge.n_jets)
    _say(f"accepted {args.file}: {challenge.n_jets} finite scores.")
    return ACCEPTED


def _score(args: argparse.Namespace) -> int:
    if args.network is not None and len(args.files) > 1:
        raise ChallengeError("--network names one file: leave it out, or give the files singly.")
    challenge, store, labels = _opened(args.dir)

    def submitted(path: Path) -> Entry:
        data = read_file(path, challenge.n_jets)
        network = path.stem if args.network is None else args.network
        return submit(store, labels, data, team=args.team, network=network)

    return _each(args.files, submitted)


def _baselines(args: argparse.Namespace) -> int:
    challenge, store, labels = _opened(args.dir)
    for network, data in baseline_files(challenge):
        _say_scored(accept(store, labels, data, team=BASELINE_TEAM, network=network))
    return ACCEPTED


def _board(args: argparse.Namespace) -> int:
    challenge = Challenge.open(args.dir)
    _say(FORMATS[args.format](challenge.name, Store(args.dir).entries()), escape=False)
    return ACCEPTED


def _opened(folder: Path) -> tuple[Challenge, Store, NDArray[np.int8]]:
    """A challenge ready to score, with everything an earlier kill interrupted finished."""
    challenge = Challenge.open(folder)
    labels = challenge.labels()
    store = Store(folder)
    for complaint in finish_interrupted(store, labels):
        _tell(complaint)
    return challenge, store, labels


def _each(files: Sequence[Path], submitted: Callable[[Path], Entry]) -> int:
    """Submit every file; a refused one does not stop the others."""
    status = ACCEPTED
    terminal = Console(stderr=True)
    with Progress(
        console=terminal,
        transient=True,
        redirect_stdout=sys.stdout.isatty(),  # else piped results would go to the terminal
        disable=len(files) == 1 or not terminal.is_terminal,
    ) as progress:
        for path in progress.track(files, description="scoring"):
            try:
                _say_scored(submitted(path))
            except SubmissionError as refusal:
                _tell(f"refused {path} [{refusal.reason}] {refusal.sentence}")
                status = REFUSED
    return status


def _say_scored(entry: Entry) -> None:
    received = f"{entry.received_at:%Y-%m-%d %H:%M:%S} UTC"
    _say(
        f"accepted {entry.team} / {entry.network}: {entry.card} "
        f"(receipt {entry.sha256[:12]}, {received})"
    )


def _say(text: str, *, escape: bool = True) -> None:
    print(printable(text) if escape else text, flush=True)


def _tell(text: str) -> None:
    print(printable(text), file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m challenge", description="Score predictions against hidden labels."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_create(commands)
    _add_check(commands)
    _add_score(commands)
    _add_baselines(commands)
    _add_board(commands)
    return parser


def _add_create(commands: "argparse._SubParsersAction") -> None:
    create = _command(
        commands,
        "create",
        _create,
        "Make a challenge from labelled jets, or from labels that come from anywhere.",
        "top_challenge --jets test.h5 --seed 20260401",
    )
    source = create.add_mutually_exclusive_group(required=True)
    source.add_argument("--jets", type=Path, metavar="FILE", help="a jet file with labels")
    source.add_argument("--labels", type=Path, metavar="FILE", help="a .npy file of 0 and 1")
    create.add_argument(
        "--seed", type=_seed, metavar="N", help="with --jets: sets the order of the public jets"
    )
    create.add_argument("--name", help="shown on the leaderboard (default: the folder's name)")


def _add_check(commands: "argparse._SubParsersAction") -> None:
    check = _command(
        commands,
        "check",
        _check,
        "Say whether a file would be accepted, without labels and without handing it in.",
        "top_challenge my_cnn.npy",
    )
    check.add_argument("file", type=Path, metavar="FILE", help="a .npy file of scores")


def _add_score(commands: "argparse._SubParsersAction") -> None:
    score = _command(
        commands,
        "score",
        _score,
        "Hand in one or many files of scores and print what they reach.",
        "top_challenge submission_predictions/*.npy --team 'The Top Quarks'",
    )
    score.add_argument("files", type=Path, nargs="+", metavar="FILE", help=".npy files of scores")
    score.add_argument("--team", required=True, help="letters, digits, space, '-', '_' and '.'")
    score.add_argument("--network", help="name of the network (default: the file's name)")


def _add_baselines(commands: "argparse._SubParsersAction") -> None:
    _command(
        commands,
        "baselines",
        _baselines,
        f"Score a cut on the jet mass, as an entry of the team '{BASELINE_TEAM}'.",
        "top_challenge",
    )


def _add_board(commands: "argparse._SubParsersAction") -> None:
    board = _command(
        commands,
        "board",
        _board,
        "Print the leaderboard: the best entry of each network, ranked by AUC.",
        "top_challenge --format md",
    )
    board.add_argument("--format", choices=sorted(FORMATS), default="table")


def _command(
    commands: "argparse._SubParsersAction",
    name: str,
    run: Callable[[argparse.Namespace], int],
    purpose: str,
    example: str,
) -> argparse.ArgumentParser:
    added = commands.add_parser(
        name,
        help=purpose,
        description=purpose,
        epilog=f"example:\n  python -m challenge {name} {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    added.add_argument("dir", type=Path, metavar="DIR", help="the challenge folder")
    added.set_defaults(run=run)
    return added


def _seed(text: str) -> int:
    seed = int(text)
    if seed < 0:
        raise argparse.ArgumentTypeError(f"expected a whole number from 0 on; got {seed}")
    return seed
