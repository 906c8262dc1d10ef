"""The trainings behind ``learning_curve.py`` and ``top_tagging_trainings.py``, a row for each.

A seed decides the first weights, the order of the jets, and which jets of the file
are learnt from: the seeds of one size share none, as long as there are enough. On a CPU each
training has one core, and as many run at once as there are cores.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter, process_time

from learning_curve_inputs import SAMPLE, inputs, one_core_each, origin  # the modules beside this
from learning_curve_taggers import TAGGERS, Run
from tqdm import tqdm

from course_utils.metrics import accuracy, background_rejection, roc_auc
from course_utils.samples import count_jets
from course_utils.training import best_device

SEEDS = {  # at each number of training jets
    1000: 5,
    3162: 5,
    10_000: 5,
    31_623: 3,
    36_000: 2,  # what lesson 01 reads by default
    100_000: 2,
    200_000: 1,
    316_228: 1,
    1_200_000: 1,
}


@dataclass(frozen=True)
class Row:
    """One training and its test; ``auc_error`` is DeLong's, of the test jets alone."""

    tagger: str
    n_jets: int
    seed: int
    auc: float
    auc_error: float
    accuracy: float
    r30: float
    r30_low: float
    r30_high: float
    n_epochs: int
    seconds: float
    device: str
    n_test: int
    data: str
    n_parameters: int = 0
    auc_val: float = 0.0  # on all validation jets
    auc_val_error: float = 0.0


def one_row(run: Run) -> Row:
    """Train, test, measure. Runs in a worker."""
    # On a CPU the time of one core, whatever else the machine does meanwhile.
    clock = process_time if best_device().type == "cpu" else perf_counter
    start = clock()
    trained = TAGGERS[run.tagger](run)
    seconds = clock() - start
    val, test = (inputs(split, run.folder)["y_true"] for split in ("val", "test"))
    auc, chosen_by = roc_auc(test, trained.test), roc_auc(val, trained.val)
    r30 = background_rejection(test, trained.test, signal_efficiency=0.3)
    return Row(
        tagger=run.tagger,
        n_jets=run.n_jets,
        seed=run.seed,
        auc=auc.value,
        auc_error=auc.error,
        accuracy=accuracy(test, trained.test).value,
        r30=r30.value,
        r30_low=r30.low,
        r30_high=r30.high,
        n_epochs=trained.n_epochs,
        seconds=round(seconds, 1),
        device=str(best_device()) if trained.n_parameters else "cpu",
        n_test=len(test),
        data=origin("train"),
        n_parameters=trained.n_parameters,
        auc_val=chosen_by.value,
        auc_val_error=chosen_by.error,
    )


def line_of(row: Row) -> str:
    """A row as it stands in a results file."""
    return json.dumps(asdict(row)) + "\n"


def read_rows(path: Path) -> list[Row]:
    """The rows of a results file; a last line that a kill cut short is left out."""
    if not path.exists():
        return []
    lines = path.read_text().splitlines(keepends=True)
    return [Row(**json.loads(line)) for line in lines if line.endswith("\n")]


def train_all(
    sizes: Sequence[int],
    taggers: Sequence[str],
    results: Path,
    folder: Path,
    *,
    seeds: Mapping[int, int] = SEEDS,
) -> None:
    """Every training that the results file lacks: first seeds first, long runs before short.

    Parameters
    ----------
    sizes : sequence of int
        Numbers of training jets; those that the file of the jets does not have are left out.
    taggers : sequence of str
        Keys of `TAGGERS`.
    results : Path
        Gets a row after each training.
    folder : Path
        Of the inputs.
    seeds : mapping of int to int
        How many there are at each size.
    """
    for split in ("train", "val", "test"):
        inputs(split, folder)  # made once, before the workers need them
    sizes = [size for size in sorted(sizes, reverse=True) if size <= count_jets(SAMPLE, "train")]
    runs = [
        Run(tagger, size, seed, folder)
        for seed in range(max((seeds[size] for size in sizes), default=0))
        for tagger in taggers
        for size in sizes
        if seed < seeds[size]
    ]
    done = {
        (row.tagger, row.n_jets, row.seed)
        for row in read_rows(results)
        if row.data == origin("train")
    }
    left = [run for run in runs if (run.tagger, run.n_jets, run.seed) not in done]
    with (
        one_core_each() as pool,
        results.open("a") as file,
        tqdm(total=sum(run.n_jets for run in left), unit=" jets", unit_scale=True) as bar,
    ):
        for future in as_completed([pool.submit(one_row, run) for run in left]):
            row = future.result()
            file.write(line_of(row))
            file.flush()
            bar.set_description(f"{row.tagger}, {row.n_jets} jets, seed {row.seed}")
            bar.update(row.n_jets)
