"""What scoring costs: one submission beside one sort, and a board of a thousand networks.

    python benchmarks/scoring.py [--jets 404000] [--networks 1000] [--stored 200]

Prints medians of one process on one core, and the ratios they are to meet: a scorecard with all
its intervals in at most 4 times one `np.argsort`, at least 100 times faster than scikit-learn's
AUC with 1000 bootstrap resamplings; a board in under 10 s after scoring; the page of a stored
challenge in under 1 s when nothing changed.
"""

from __future__ import annotations

import argparse
import hashlib
import io
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

import numpy as np
from rich.console import Console
from rich.table import Table
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

from challenge.board.build import Evidence, Occasion, build_standings
from challenge.board.current import current_standings
from challenge.board.page import as_html
from challenge.board.text import FORMATS
from challenge.intake.submission import submit
from challenge.scoring.comparisons import remember
from challenge.scoring.scorecard import score
from challenge.setup.create import create_from_labels
from challenge.store.challenge import Challenge
from challenge.store.records import Phase, Record, State, Verdict
from course_utils.metrics import ordered

OPENED = datetime(2026, 5, 4, 9, tzinfo=UTC)


def seconds(work: Callable[[], object], *, repeats: int) -> float:
    """Median time of a piece of work, after one call to warm up."""
    work()
    taken = []
    for _ in range(repeats):
        start = perf_counter()
        work()
        taken.append(perf_counter() - start)
    return median(taken)


def full_scorecard(labels: np.ndarray, scores: np.ndarray) -> None:
    """AUC with DeLong's error, R30 and R50 with both their intervals."""
    tagger = ordered(labels, scores)
    tagger.auc()
    for efficiency in (0.3, 0.5):
        tagger.rejection(efficiency)
        tagger.rejection(efficiency, interval="bootstrap")


def one_submission(labels: np.ndarray, scores: np.ndarray) -> Table:
    """A submission beside the sort alone, and beside resampling."""
    sort = seconds(lambda: np.argsort(scores), repeats=15)
    card = seconds(lambda: full_scorecard(labels, scores), repeats=15)
    resampled = 1000 * seconds(lambda: roc_auc_score(labels, scores), repeats=3)
    table = Table("what", "ms", "ratio", "target", title=f"one submission of {len(labels)} jets")
    table.add_row("np.argsort of the scores", f"{1e3 * sort:.1f}", "1", "")
    table.add_row(
        "AUC, DeLong; R30, R50, both intervals", f"{1e3 * card:.1f}", f"{card / sort:.2f}", "<= 4"
    )
    table.add_row(
        "scikit-learn AUC, 1000 resamplings",
        f"{1e3 * resampled:.0f}",
        f"{resampled / card:.0f} cards",
        ">= 100",
    )
    return table


def scored(labels: np.ndarray, number: int, folder: Path) -> tuple[Record, np.ndarray]:
    """A network's submission, scored and remembered as the challenge does."""
    rng = np.random.default_rng([2, number])
    common = np.random.default_rng(2).normal(size=len(labels)) + 2.5 * labels
    scores = common + rng.uniform(0, 0.7) * rng.normal(size=len(labels))
    key = hashlib.sha256(str(number).encode()).hexdigest()
    remember(ordered(labels, scores), key, cache=folder)
    team, network = f"team {number // 5}", f"network {number % 5}"
    card = score(labels, scores)
    verdict = Verdict(card, card, is_best=True, compared_with=None)
    return Record(number, team, network, key, OPENED, State.SCORED, verdict), scores


def stored_challenge(labels: np.ndarray, n_networks: int, folder: Path) -> Challenge:
    """A challenge on disk, five networks a team, scored and stored."""
    np.save(folder / "labels.npy", labels)
    create_from_labels(folder / "c", folder / "labels.npy", seed=1)
    challenge = Challenge.open(folder / "c")
    rng = np.random.default_rng(3)
    common = rng.normal(size=len(labels)) + 2.5 * labels
    for number in range(n_networks):
        scores = common + rng.uniform(0, 0.7) * rng.normal(size=len(labels))
        file = io.BytesIO()
        np.save(file, scores.astype(np.float32))
        team, network = f"team {number // 5}", f"network {number % 5}"
        submit(challenge, file.getvalue(), team=team, network=network)
    return challenge


def stored_board(labels: np.ndarray, n_networks: int, folder: Path) -> Table:
    """The same page from the files and the database of a challenge, as the command draws it."""
    challenge = stored_challenge(labels, n_networks, folder)
    html = FORMATS["html"]
    start = perf_counter()
    html(current_standings(challenge))
    first = perf_counter() - start
    again = seconds(lambda: html(current_standings(challenge)), repeats=3)
    table = Table("what", "s", "target", title=f"stored board of {n_networks} networks")
    table.add_row("the first time", f"{first:.2f}", "")
    table.add_row("when nothing changed", f"{again:.2f}", "< 1")
    return table


def whole_board(labels: np.ndarray, n_networks: int, folder: Path) -> Table:
    """The page of many networks: after scoring, again unchanged, and with one entry more."""
    entries, files = [], {}
    for number in range(n_networks + 1):
        entry, scores = scored(labels, number, folder)
        entries.append(entry)
        files[entry.sha256] = scores.astype(np.float32)
    evidence = Evidence(labels, files.__getitem__, folder)
    occasion = Occasion("benchmark", Phase.LIVE, OPENED)

    def draw(n: int) -> tuple[float, float]:
        wall, cpu = perf_counter(), process_time()
        as_html(build_standings(occasion, entries[:n], evidence))
        return perf_counter() - wall, process_time() - cpu

    title = f"board of {n_networks} networks with tied groups, {len(labels)} jets each"
    table = Table("what", "s", "of the processor", "target", title=title)
    for what, n, target in (
        ("after scoring", n_networks, "< 10"),
        ("again, of scores in memory", n_networks, ""),
        ("with one entry more", n_networks + 1, ""),
    ):
        table.add_row(what, *(f"{each:.2f}" for each in draw(n)), target)
    return table


def main() -> None:
    """Read the command line, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--jets", type=int, default=404_000, help="default: %(default)s")
    parser.add_argument("--networks", type=int, default=1000, help="default: %(default)s")
    parser.add_argument("--stored", type=int, default=200, help="of these (default: %(default)s)")
    arguments = parser.parse_args()
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, arguments.jets).astype(np.int8)
    scores = rng.normal(size=arguments.jets) + 2.9 * labels
    console = Console(width=110)
    with threadpool_limits(1), TemporaryDirectory() as folder:
        console.print(one_submission(labels, scores))
        public = labels[: len(labels) // 2]  # half of the jets decide the live board
        console.print(whole_board(public, arguments.networks, Path(folder, "cache")))
        console.print(stored_board(labels, arguments.stored, Path(folder)))


if __name__ == "__main__":
    main()
