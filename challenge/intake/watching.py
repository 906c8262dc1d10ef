"""Watch a drop box: submit every file that appears and put the answer beside it."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from challenge.errors import ChallengeError
from challenge.intake.dropbox import DropBox, Found
from challenge.intake.receipts import accepted_text
from challenge.intake.submission import submit
from challenge.store import Challenge
from challenge.words import team_key

__all__ = ["answered", "answered_or_put_off", "watch"]


def watch(challenge: Challenge, box: DropBox, *, every: float, say: Callable[[str], None]) -> None:
    """Answer what appears in the drop box, until interrupted from the keyboard or terminated.

    Parameters
    ----------
    challenge : Challenge
    box : DropBox
    every : float
        Seconds between two looks.
    say : callable
        Called with one line for each answer, for the instructor.

    Raises
    ------
    ChallengeError
        If the drop box cannot be read or must not be used, at the first look; later looks that
        fail are reported and repeated.
    """
    box.look()  # a folder that cannot be a drop box is an error at once
    say(f"watching {box.folder}: stop with Ctrl-C.")
    trouble, told = "", {}

    def tell(about: Found | str, line: str) -> None:
        if told.get(about) != line:  # a file may be refused for the same reason at many looks
            told[about] = line
            say(line)

    try:
        with _signals_interrupt():
            while True:
                try:
                    challenge, ready, now = _as_set_now(challenge), box.look(), ""
                except ChallengeError as error:  # as when a shared disk is away for a while
                    ready, now = [], f"looking again later: {error}"
                if now and now != trouble:
                    say(now)
                trouble = now
                for name, why in box.strays.items():
                    tell(name, f"{name} {why}")
                for found in ready:
                    answer = answered_or_put_off(challenge, box, found)
                    tell(found, f"{found.team} / {found.network}: {answer}")
                time.sleep(every)
    except KeyboardInterrupt:
        say("stopped.")


def _as_set_now(challenge: Challenge) -> Challenge:
    """The challenge with the rules that its settings have by now, as a later time to close."""
    now = Challenge.open(challenge.folder, clock=challenge.clock)
    return challenge if now == challenge else now


@contextmanager
def _signals_interrupt() -> Iterator[None]:
    """Let Ctrl-C and a service manager's SIGTERM both raise KeyboardInterrupt inside.

    A process that a shell started in the background ignores Ctrl-C otherwise.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may say what a signal does
        return
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(each, signal.default_int_handler) for each in signals]
    try:
        yield
    finally:
        for each, handler in zip(signals, before, strict=True):
            signal.signal(each, handler)


def answered_or_put_off(challenge: Challenge, box: DropBox, found: Found) -> str:
    """One team's full disk or folder without rights must not end the watch for all."""
    try:
        return answered(challenge, box, found)
    except (OSError, SQLAlchemyError, ChallengeError) as error:
        box.put_off(found)
        return f"not answered yet ({error})"


def answered(challenge: Challenge, box: DropBox, found: Found) -> str:
    """Score one file and put the answer beside it; its first line is returned.

    The instructor, who made the folder, is told that a team is new.
    """
    is_new = team_key(found.team) not in challenge.store.team_names()

    def respond(data: bytes) -> str:
        receipt = submit(challenge, data, team=found.team, network=found.network)
        return f"{accepted_text(receipt)}\nsha256 {receipt.sha256}"

    answer = box.answer(found, respond, n_jets=challenge.n_jets).splitlines()[0]
    if is_new and answer.startswith("accepted"):
        answer += f" A new team: if {found.team} is misspelt, rename or merge it."
    return answer
