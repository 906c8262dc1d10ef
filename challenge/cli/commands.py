"""What each command prints; the rooms it calls do the work.

Every function takes the parsed arguments and returns the exit status.
"""

import argparse
import hashlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from challenge.board import FORMATS, current_standings, look_alikes, marks
from challenge.cli.output import ACCEPTED, REFUSED, reported, say, say_on_stderr
from challenge.cli.team_commands import require_team
from challenge.cli.values import is_left_behind
from challenge.errors import ChallengeError, SubmissionError
from challenge.intake import (
    accept,
    accepted_text,
    finish_interrupted,
    mend_scores,
    submit,
    wrong_scores,
)
from challenge.scoring import find_hints, read_file, read_scores
from challenge.setup import Plan, baseline_files, create_from_jets, create_from_labels, exposed
from challenge.store import (
    SETTINGS,
    TEST_JETS,
    Challenge,
    Phase,
    Rules,
    audit_log,
    copy_to,
    is_closed,
    lifecycle,
    system_clock,
)
from challenge.words import BASELINE_TEAM, time_text


def create(args: argparse.Namespace) -> int:
    """Make a challenge."""
    now = system_clock()
    if args.closes is not None and args.closes <= now:
        raise ChallengeError(
            f"Expected closes to be after now, {time_text(now)}; got {time_text(args.closes)}."
        )
    rules = Rules(args.opens, args.closes, args.per_day, args.refusals_per_day, args.networks)
    plan = Plan(args.name, args.public_fraction, rules, args.training, args.accept_leaks)
    if args.labels is not None:
        challenge, leaks = create_from_labels(args.dir, args.labels, seed=args.seed, plan=plan)
        say(
            f"created {challenge.folder}: {challenge.n_jets} rows, labels secret; give students a "
            f"copy of {challenge.folder / SETTINGS} for check."
        )
    elif args.seed is None:
        raise ChallengeError("--jets needs --seed N, a number of your own.")
    else:
        challenge, leaks = create_from_jets(args.dir, args.jets, seed=args.seed, plan=plan)
        say(
            f"created {challenge.folder}: {challenge.n_jets} jets, labels secret; "
            f"give students copies of {challenge.folder / TEST_JETS} and, for check, of {SETTINGS}."
        )
    for word, at in (("opens", rules.opens), ("closes", rules.closes)):
        if at is not None:
            say(f"{word} {time_text(at)}.")
    for leak in leaks:
        say_on_stderr(f"leak accepted [{leak.reason}] {leak.sentence}")
    warning = exposed(args.labels or args.jets)
    if warning is not None:
        say_on_stderr(warning)
    return ACCEPTED


def check(args: argparse.Namespace) -> int:
    """Say whether `score` would accept each file."""
    if not (args.dir / SETTINGS).is_file():
        raise ChallengeError(
            f"{args.dir / SETTINGS} is not there: put the {SETTINGS} that your instructor hands "
            "out into this folder."
        )
    n_jets = Challenge.open(args.dir).n_jets

    def checked(path: Path) -> str:
        scores = read_scores(read_file(path, n_jets), n_jets)
        return " ".join((f"accepted {path}: {n_jets} finite scores.", *find_hints(scores)))

    if len(args.files) > 1:
        return _each(args.files, checked)
    say(checked(args.files[0]))
    return ACCEPTED


def score(args: argparse.Namespace) -> int:
    """Submit files."""
    files = [each for each in args.files if not is_left_behind(each.name)]
    for each in args.files:
        if is_left_behind(each.name):
            say_on_stderr(f"skipped {each}: hidden and temporary files are not scored.")
    if not files:
        raise ChallengeError("Expected one FILE or more that is not hidden.")
    if args.network is not None and len(files) > 1:
        raise ChallengeError("--network names one file: leave it out, or give the files singly.")
    challenge = _opened(args.dir)
    require_team(challenge, args.team, may_be_new=args.new_team)

    def submitted(path: Path) -> str:
        data = read_file(path, challenge.n_jets)
        network = path.stem if args.network is None else args.network
        receipt = submit(challenge, data, team=args.team, network=network, again=args.again)
        return accepted_text(receipt)

    return _each(files, submitted)


def baselines(args: argparse.Namespace) -> int:
    """Score the challenge's own entries."""
    challenge = _opened(args.dir)
    for network, data in baseline_files(challenge):
        try:
            receipt = accept(challenge, data, team=BASELINE_TEAM, network=network, is_ours=True)
        except SubmissionError as refusal:
            raise _which_baseline(args.dir, network, data, refusal) from refusal
        say(f"accepted {receipt.team} / {receipt.network}: {receipt.card}")
    return ACCEPTED


def _which_baseline(
    folder: Path, network: str, data: bytes, refusal: SubmissionError
) -> ChallengeError | SubmissionError:
    """Older versions let an instructor withdraw a baseline; it can be put back."""
    if refusal.reason != "withdrawn":
        return refusal
    receipt = hashlib.sha256(data).hexdigest()[:12]
    return ChallengeError(
        f"The baseline {network!r} was withdrawn. Put it back with: "
        f"python -m challenge withdraw {folder} {BASELINE_TEAM} {receipt} --undo"
    )


def board(args: argparse.Namespace) -> int:
    """Print the leaderboard."""
    say(FORMATS[args.format](current_standings(Challenge.open(args.dir))), escape=False)
    return ACCEPTED


def pause(args: argparse.Namespace) -> int:
    """Refuse submissions for a while."""
    lifecycle.pause(Challenge.open(args.dir))
    say("paused: submissions are refused until resume.")
    return ACCEPTED


def resume(args: argparse.Namespace) -> int:
    """Undo a pause, or a close that came too early."""
    challenge = Challenge.open(args.dir)
    stopped = lifecycle.resume(challenge)
    if lifecycle.phase(challenge) is not Phase.LIVE:
        raise ChallengeError(
            f"The challenge's time is up: extend single teams, or set a later closes in "
            f"{args.dir / SETTINGS}."
        )
    done, how = ("resumed", "again") if stopped else ("not paused", "as before")
    rules, now = challenge.rules, challenge.store.now()
    if rules.opens is not None and now < rules.opens:
        say(f"{done}: the challenge opens at {time_text(rules.opens)}.")
    elif is_closed(rules, None, now):
        say(
            f"{done}: submissions are accepted {how}, but only from teams that were given more "
            f"time, for the challenge closed at {time_text(rules.closes)}."
        )
    else:
        say(f"{done}: submissions are accepted {how}.")
    return ACCEPTED


def close(args: argparse.Namespace) -> int:
    """End the challenge, once everything that came in is scored."""
    challenge = Challenge.open(args.dir)
    lifecycle.close(challenge)
    _finish_interrupted(challenge)
    scored, waiting = challenge.store.scored(), challenge.store.unsettled()
    if (args.dir / TEST_JETS).is_file() and marks.no_baselines(challenge) is not None:
        say_on_stderr(
            f"There are no baselines yet; before reveal: python -m challenge baselines {args.dir}"
        )
    say(f"closed: {len(scored)} submissions are scored, {len(waiting)} are waiting for their file.")
    return ACCEPTED


def reveal(args: argparse.Namespace) -> int:
    """Show the private ranks."""
    challenge = _opened(args.dir)
    lifecycle.reveal(challenge)
    say(FORMATS["table"](current_standings(challenge)), escape=False)
    for pair in look_alikes(challenge.store.scored(), challenge.scores_of):
        how = "the same file" if pair.identical else f"rank correlation {pair.correlation:.4f}"
        say(
            f"alike: {pair.first.team} / {pair.first.network} and "
            f"{pair.second.team} / {pair.second.network} ({how}): ask both teams."
        )
    _warn_without_baselines(challenge)
    say("revealed: board --format html has the curves and the bins; export prints marks.")
    return ACCEPTED


def export(args: argparse.Namespace) -> int:
    """Print marks."""
    students = None if args.students is None else marks.read_students(args.students)
    challenge = Challenge.open(args.dir)
    say(marks.grades(challenge, students).rstrip("\n"), escape=False)
    _warn_without_baselines(challenge)
    unmatched = [] if students is None else marks.unmatched(challenge, students)
    for each in unmatched:
        say_on_stderr(each)
    return REFUSED if unmatched else ACCEPTED


def rescore(args: argparse.Namespace) -> int:
    """Compare stored scores with the files they came from."""
    challenge = _opened(args.dir)
    if args.verify:
        faults = list(wrong_scores(challenge))
        done = f"verified: {len(challenge.store.records())} submissions, {len(faults)} differ."
    else:
        changed, faults = mend_scores(challenge)
        done = f"rescored: {changed} of {len(challenge.store.records())} submissions changed."
    return reported(done, faults)


def backup(args: argparse.Namespace) -> int:
    """Copy the challenge."""
    complaints = copy_to(Challenge.open(args.dir), args.to)
    copy = Challenge.open(args.to)
    found = audit_log(copy.store)
    return reported(
        f"copied {args.dir} to {args.to}: {len(copy.store.records())} submissions, "
        f"{found.n_events} events, hash {found.head}",
        [*complaints, *found.faults],
    )


def audit(args: argparse.Namespace) -> int:
    """Check the log."""
    found = audit_log(Challenge.open(args.dir).store, noted=args.noted)
    done = f"audited: {found.n_events} events, {len(found.faults)} faults, hash {found.head}"
    return reported(done, found.faults)


def _warn_without_baselines(challenge: Challenge) -> None:
    missing = marks.no_baselines(challenge)
    if missing is not None:
        say_on_stderr(missing)


def _opened(folder: Path) -> Challenge:
    """A challenge ready to score, with everything an earlier kill interrupted finished."""
    challenge = Challenge.open(folder)
    _finish_interrupted(challenge)
    return challenge


def _finish_interrupted(challenge: Challenge) -> None:
    for complaint in finish_interrupted(challenge):
        say_on_stderr(complaint)


def _each(files: Sequence[Path], answer: Callable[[Path], str]) -> int:
    """Print the answer to every file; a refused one does not stop the others."""
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
                say(answer(path))
            except SubmissionError as refusal:
                say_on_stderr(f"refused {path} [{refusal.reason}] {refusal.sentence}")
                status = REFUSED
    return status
