"""A whole class: 30 teams hand in for 5 days, honestly, by accident and with intent.

    python benchmarks/challenge_class.py [--teams 30] [--days 5] [--jets 10000]

Every submission takes the way of a real one; only the clock is moved by hand. Printed are what
each day brought, the last live board, what reveal and export print, and what the checks say.
`CHALLENGE_DATABASE_URL` moves it to PostgreSQL.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from challenge.board.copies import look_alikes
from challenge.board.current import current_standings
from challenge.board.marks import grades
from challenge.board.text import FORMATS
from challenge.errors import SubmissionError
from challenge.intake.receipts import Receipt
from challenge.intake.rescoring import wrong_scores
from challenge.intake.submission import accept, submit
from challenge.setup.create import create_from_labels
from challenge.setup.plan import Plan
from challenge.store import lifecycle
from challenge.store.audit import audit_log
from challenge.store.challenge import Challenge
from challenge.store.folder import Rules
from challenge.words import BASELINE_TEAM

OPENS = datetime(2026, 4, 13, 8, tzinfo=UTC)
DAY = timedelta(days=1)
# Between the classes, in standard deviations: the best possible AUC is 0.98.
SEPARATION = 2.9
BASELINES = {"jet mass": 0.5, "tau32": 0.72}


@dataclass
class Classroom:
    """A challenge on labels whose best tagger is known, and a clock that is set by hand."""

    challenge: Challenge
    observable: NDArray[np.float64]  # (n_jets,) what a perfect network would find
    now: list[datetime]
    answers: Counter[str] = field(default_factory=Counter)

    @classmethod
    def opened(cls, folder: Path, *, n_jets: int, days: int) -> Classroom:
        rng = np.random.default_rng(7)
        labels = rng.permutation(np.arange(n_jets) % 2).astype(np.int8)
        source = folder.parent / "labels.npy"
        np.save(source, labels)
        rules = Rules(opens=OPENS, closes=OPENS + days * DAY)
        create_from_labels(folder, source, seed=20260413, plan=Plan("Spring school", rules=rules))
        now = [OPENS]
        challenge = Challenge.open(folder, clock=lambda: now[0])
        return cls(challenge, rng.normal(size=n_jets) + SEPARATION * labels, now)

    def scores(self, rng: np.random.Generator, quality: float) -> NDArray[np.float32]:
        """Of a network that sees `quality` (0 to 1) of what there is to see."""
        noise = rng.normal(size=len(self.observable))
        seen = quality * self.observable + np.sqrt(1 - quality**2) * noise
        return seen.astype(np.float32)

    def hand_in(self, team: str, network: str, scores: NDArray | bytes) -> Receipt | None:
        """Count the answer by its reason; the receipt if it was accepted."""
        data = scores if isinstance(scores, bytes) else _file(scores)
        try:
            receipt = submit(self.challenge, data, team=team, network=network)
        except SubmissionError as refusal:
            self.answers[f"refused: {refusal.reason}"] += 1
            return None
        step = "first" if receipt.is_first else "better" if receipt.is_best else "not better"
        self.answers[step] += 1
        self.answers["with a hint"] += bool(receipt.hints)
        return receipt


@dataclass(frozen=True)
class Team:
    """Who hands in. ``talent`` is the quality of their first network."""

    name: str
    talent: float


Day = Callable[[Classroom, Team, np.random.Generator, int], None]


def honest(room: Classroom, team: Team, rng: np.random.Generator, day: int) -> None:
    """Two networks, each a little better every day."""
    for network, edge in (("dnn", 0.0), ("cnn", 0.08)):
        quality = min(team.talent + edge + 0.04 * day + rng.normal(0, 0.01), 0.97)
        room.hand_in(team.name, network, room.scores(rng, quality))


def clumsy(room: Classroom, team: Team, rng: np.random.Generator, day: int) -> None:
    """What goes wrong in a first week, one accident after the other; then it works."""
    good = room.scores(rng, team.talent)
    accidents = (
        good[:, None],
        good.astype(int),
        np.where(np.arange(len(good)) == 3, np.nan, good),
        good[:-1],
        b"",
        _file(good)[:-5],
    )
    for number in (day, day + 2):
        room.hand_in(team.name, "dnn", accidents[number % len(accidents)])
    if day > 1:
        room.hand_in(team.name, "dnn", good)
    disguised = (-good, (good > 1.5).astype("f4"), rng.permutation(good))
    room.hand_in(team.name, "dnn", disguised[day % len(disguised)])


def prober(room: Classroom, team: Team, rng: np.random.Generator, day: int) -> None:
    """Random scores by the dozen, some under new names: what quota and Ladder are there for."""
    for number in range(8):
        room.hand_in(team.name, "probe", rng.normal(size=len(room.observable)))
        room.hand_in(team.name, f"probe {number}", rng.normal(size=len(room.observable)))


def sock_puppets(room: Classroom, team: Team, rng: np.random.Generator, day: int) -> None:
    """One group under two names, for twice the quota."""
    scores = room.scores(rng, team.talent + 0.02 * day)
    room.hand_in(team.name, "cnn", scores)
    room.hand_in(f"{team.name} too", "cnn", scores)


def hurried(room: Classroom, team: Team, rng: np.random.Generator, day: int) -> None:
    """The same file three times, impossible names, and far more tries than there are."""
    scores = room.scores(rng, team.talent)
    for name, network in [(team.name, "dnn")] * 3 + [
        ("<script>alert(1)</script>", "dnn"),
        (team.name, "=HYPERLINK(1)"),
        ("Baseline", "dnn"),
    ]:
        room.hand_in(name, network, scores)
    for _ in range(6):
        room.hand_in(team.name, "dnn", room.scores(rng, team.talent))


CHARACTERS: dict[str, Day] = {
    "clumsy": clumsy,
    "prober": prober,
    "puppets": sock_puppets,
    "hurried": hurried,
}


def term(room: Classroom, *, teams: int, days: int) -> Iterator[str]:
    """Every day of the challenge, then its end; yields what is to be printed."""
    for network, quality in BASELINES.items():
        data = _file(room.scores(np.random.default_rng(len(network)), quality))
        accept(room.challenge, data, team=BASELINE_TEAM, network=network, is_ours=True)
    names = [*CHARACTERS, *(f"team {number:02d}" for number in range(1, teams + 1))][:teams]
    talents = np.random.default_rng(1).uniform(0.5, 0.8, teams)
    for day in range(days):
        room.answers.clear()
        for number, (name, talent) in enumerate(zip(names, talents, strict=True)):
            room.now[0] = OPENS + day * DAY + timedelta(minutes=10 * number)
            play = CHARACTERS.get(name, honest)
            play(room, Team(name, talent), np.random.default_rng([number, day]), day)
        told = sorted((what, n) for what, n in room.answers.items() if n)
        yield f"day {day + 1}: " + ", ".join(f"{n} {what}" for what, n in told)
    yield from _end(room, days)


def _end(room: Classroom, days: int) -> Iterator[str]:
    challenge = room.challenge
    room.now[0] = OPENS + days * DAY
    room.answers.clear()
    room.hand_in("team 01", "late", room.scores(np.random.default_rng(9), 0.99))
    yield f"after the close: {dict(room.answers)}"
    yield FORMATS["table"](current_standings(challenge))
    lifecycle.reveal(challenge)
    yield FORMATS["table"](current_standings(challenge))
    for pair in look_alikes(challenge.store.scored(), challenge.scores_of):
        yield (
            f"alike: {pair.first.team} / {pair.first.network} and {pair.second.team} / "
            f"{pair.second.network}, rank correlation {pair.correlation:.4f}"
        )
    yield grades(challenge)
    found = audit_log(challenge.store)
    yield f"audit: {found.n_events} events, {len(found.faults)} faults"
    wrong = list(wrong_scores(challenge))
    yield f"rescore --verify: {len(challenge.store.records())} submissions, {len(wrong)} differ"


def _file(scores: NDArray[np.generic]) -> bytes:
    file = BytesIO()
    np.save(file, scores)
    return file.getvalue()


def main() -> None:
    """Print the term."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--teams", type=int, default=30)
    parser.add_argument("--days", type=int, default=5)
    parser.add_argument("--jets", type=int, default=10_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        room = Classroom.opened(Path(folder) / "challenge", n_jets=args.jets, days=args.days)
        for text in term(room, teams=args.teams, days=args.days):
            print(text)


if __name__ == "__main__":
    main()
