"""The command behind ``./data_download.sh``: lists, fetches, generates and prepares samples."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from course_utils.files import disk_room, is_full
from course_utils.jetfile import DataError, data_command, install_command
from course_utils.samples import SAMPLES, SPLITS, Sample, data_root, data_roots, small_sample
from course_utils.samples.environment import require_sound
from course_utils.samples.places import described, holds, is_there

DEFAULT_JETS: Final = 60_000
DEFAULT_SEED: Final = 1

_EXAMPLES: Final = """\
examples:
  {command}                                    list the samples
  {command} top_tagging                        fetch the public files by DOI
  {command} top_tagging --split val test       only some of them
  {command} --generate top_tagging             make jets here, no network needed
  {command} --generate top_tagging --jets 300000 --seed 7 --workers 8
  {command} --generate hbb                     the same for Higgs bosons
  {command} --generate w_tagging               W bosons and QCD as towers, for jet images
  {command} --generate w_tagging_window --split test --jets 100000
  {command} --generate w_top_qcd               three classes in four ranges of pT
  {command} --generate events                  complete events: single tops and their background
  {command} hbb --files 6                      of the public 245 GB 6 files for training
  {command} --prepare images top_tagging       make images of what is here, once for all

Jets go to $JET_DATA if that is set, else to data/ in the checkout, else to your cache folder.
A site with a copy of the public files sets JET_DATA_MIRROR to its address; the files are
<mirror>/<sample>/<split>.h5 and <mirror>/<sample>/checksums.txt (from md5sum or sha256sum).

exit status: 0 done, 1 not done and one sentence why, 2 wrong usage, 130 interrupted
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    _check_usage(parser, options)
    try:
        for sample in SAMPLES if options.sample is None else [options.sample]:
            require_sound(sample)
        if options.sample is None:
            _list_samples()
            return 0
        for line in _fetch_or_generate(options):
            print(line, flush=True)
    except KeyboardInterrupt:
        again = "starts over" if options.prepare else "continues"
        print(f"Interrupted. Running the same command again {again}.", file=sys.stderr)
        return 130
    except DataError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        why = f"{error}. {disk_room(data_root())}" if is_full(error) else f"{error}."
        print(f"{why} To use another folder, set JET_DATA to it.", file=sys.stderr)
        return 1
    return 0


def split_sizes(n_jets: int, *, multiple: int = 2) -> dict[str, int]:
    """Share jets among the splits like the public files: 60, 20 and 20 per cent.

    Each split gets a `multiple` of so many jets, at least one.

    Examples
    --------
    >>> split_sizes(60_000)
    {'train': 36000, 'val': 12000, 'test': 12000}
    """
    groups = n_jets // multiple
    fifth = max(round(groups / 5), 1)
    shares = {"train": groups - 2 * fifth, "val": fifth, "test": fifth}
    return {split: multiple * share for split, share in shares.items()}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=data_command().removeprefix("./"),
        description="Lists, fetches, generates and prepares the jets of the course.",
        epilog=_EXAMPLES.format(command=data_command()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("sample", nargs="?", choices=sorted(SAMPLES), help="which sample")
    parser.add_argument("--generate", action="store_true", help="make the jets on this machine")
    parser.add_argument(
        "--prepare",
        action="append",
        choices=("constituents", "images"),
        help="keep the jets on this machine in the form a network reads, for all who use them",
    )
    parser.add_argument(
        "--split", nargs="+", action="extend", choices=SPLITS, help="only these; default all three"
    )
    parser.add_argument(
        "--jets",
        type=int,
        metavar="N",
        help=f"to generate in all splits together, 60/20/20 per cent; default {DEFAULT_JETS}",
    )
    parser.add_argument(
        "--seed", type=int, metavar="S", help=f"of the generation; default {DEFAULT_SEED}"
    )
    parser.add_argument(
        "--workers", type=int, metavar="W", help="processes; default one per core, no jet depends"
    )
    parser.add_argument(
        "--files",
        type=int,
        metavar="F",
        help="public files of hbb for training, a third as many for the others; default 2 and 1",
    )
    parser.add_argument("--force", action="store_true", help="replace files that hold other jets")
    return parser


def _check_usage(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    if options.sample is None and (
        options.generate or options.prepare or options.split or options.force
    ):
        parser.error(f"name a sample: {', '.join(SAMPLES)}")
    if options.prepare and (options.generate or options.force or options.files is not None):
        parser.error("--prepare takes the jets that are here; fetch or generate them first")
    for name in ("jets", "seed", "workers"):
        if getattr(options, name) is not None and not options.generate:
            parser.error(f"--{name} goes with --generate")
    if options.jets is not None:
        fewest = 5 * _jets_at_once(SAMPLES[options.sample])  # 3, 1 and 1 times as many
        if options.jets < fewest:
            parser.error(f"--jets: expected at least {fewest}, got {options.jets}")
    _check_files(parser, options)
    if options.seed is not None and options.seed < 0:
        parser.error(f"--seed: expected 0 or more, got {options.seed}")
    if options.workers is not None and options.workers < 1:
        parser.error(f"--workers: expected 1 or more, got {options.workers}")


def _check_files(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    if options.files is None:
        return
    most = {sample.name: sample.most_files for sample in SAMPLES.values() if sample.most_files}
    if options.generate or options.sample not in most:
        parser.error(f"--files goes with the public files of {', '.join(most)}")
    if not 1 <= options.files <= most[options.sample]:
        parser.error(f"--files: expected 1 to {most[options.sample]}, got {options.files}")


def _jets_at_once(sample: Sample) -> int:
    """Any number of generated jets is a multiple of this."""
    return sum(sample.recipe.shares.values())


def _fetch_or_generate(options: argparse.Namespace) -> Iterator[str]:
    sample = SAMPLES[options.sample]
    splits = [split for split in SPLITS if split in (options.split or SPLITS)]
    if options.prepare:
        return _prepare(sample, splits, options.prepare)
    folder = data_root() / sample.name
    if not options.generate:
        return _fetch(sample, splits, folder, options)
    n_jets = DEFAULT_JETS if options.jets is None else options.jets
    sizes = split_sizes(n_jets, multiple=_jets_at_once(sample))
    return _generate(
        sample,
        {split: sizes[split] for split in splits},
        folder,
        seed=DEFAULT_SEED if options.seed is None else options.seed,
        workers=options.workers,
        force=options.force,
    )


def _fetch(
    sample: Sample, splits: list[str], folder: Path, options: argparse.Namespace
) -> Iterator[str]:
    """Fetch jet files, or make them of the public ntuples; the network's libraries only here."""
    if not sample.doi and "JET_DATA_MIRROR" not in os.environ:
        raise DataError(
            f"There are no public files of {sample.name}. Make its jets here with: "
            f"{data_command('--generate', sample.name)}"
        )
    if sample.fetched_as == "CMS ntuples" and "JET_DATA_MIRROR" not in os.environ:
        from course_utils.samples.cms_portal import fetch_ntuples

        return fetch_ntuples(sample, splits, folder, train_files=options.files, force=options.force)
    if options.files is not None:
        raise DataError("--files chooses public files; JET_DATA_MIRROR names a site of jet files.")
    from course_utils.samples.download import fetch

    return fetch(sample, splits, folder, force=options.force)


def _generate(
    sample: Sample,
    sizes: dict[str, int],
    folder: Path,
    *,
    seed: int,
    workers: int | None,
    force: bool,
) -> Iterator[str]:
    """Generate the splits that are not there yet; yield a line on each."""
    done = []
    for split, n_jets in sizes.items():
        wanted = _wanted(sample.name, split, seed, n_jets)
        if is_there(folder / f"{split}.h5", is_wanted=partial(holds, wanted), force=force):
            done.append(split)
    for split in done:
        yield f"{folder / split}.h5 is already there."
    if len(done) == len(sizes):
        return
    _require_simulation()
    from course_utils.simulation.production import produce

    for split, n_jets in sizes.items():
        if split not in done:
            path = produce(
                sample.name,
                folder / f"{split}.h5",
                n_jets=n_jets,
                seed=seed,
                split=split,
                workers=workers,
            )
            yield f"{path}: {n_jets} jets, generated with seed {seed}."


def _prepare(sample: Sample, splits: list[str], kinds: list[str]) -> Iterator[str]:
    """Prepare jets that are on this machine; yield a line on each form."""
    from course_utils.prepared import FORMS, prepare

    for split in splits:
        for kind in kinds:
            jets = prepare(sample.name, split, FORMS[kind]())
            yield f"{jets.folder}: {len(jets)} jets as {kind}, {jets.nbytes / 1e6:.1f} MB."


def _wanted(sample: str, split: str, seed: int, n_jets: int) -> dict[str, str | int]:
    """What a file of these jets says about itself."""
    wanted = {"sample": sample, "split": split, "seed": seed, "jets": n_jets}
    if not _missing_simulation():
        from course_utils.simulation.production import origin

        made_now = origin(sample, split, seed)
        processes = [process.name for process in SAMPLES[sample].recipe.processes]
        wanted |= {key: made_now[key] for key in (*processes, "cuts", "detector")}
    return wanted


def _missing_simulation() -> list[str]:
    return [name for name in ("pythia8mc", "fastjet") if find_spec(name) is None]


def _require_simulation() -> None:
    machine = sys.platform, platform.machine()
    if "pythia8mc" in (missing := _missing_simulation()) and (
        machine != ("linux", "x86_64") or sys.version_info >= (3, 14)
    ):  # as the marker in pyproject.toml says
        raise DataError(
            f"Pythia, which generates the jets, has no package for this machine "
            f"({' '.join(machine)}, Python {platform.python_version()}). The lessons run on the "
            f"small samples; for more jets, copy those that another machine has made into "
            f"{data_root()}, or download the public ones: {data_command('top_tagging')}"
        )
    if missing:
        raise DataError(
            f"Generating needs {' and '.join(missing)}, not installed here; install with: "
            + install_command("simulation")
        )


def _list_samples() -> None:
    console = Console()
    if not console.is_terminal:
        console = Console(width=140)  # a pipe has no width; do not fold what others will search
    for sample in SAMPLES.values():
        table = Table(title=sample.title, title_justify="left", caption_justify="left")
        for heading in ("split", "public jets", "on this machine", "prepared"):
            table.add_column(heading, justify="right" if heading == "public jets" else "left")
        for split in SPLITS:
            table.add_row(
                split, _n_public(sample, split), _state(sample, split), _prepared(sample, split)
            )
        public = (
            f"public files {sample.public_gigabytes} GB in all, {sample.licence}, doi:{sample.doi}"
        )
        table.caption = (
            f"{sample.name}: {public if sample.doi else 'made here'}\n{sample.reference}"
        )
        console.print(table)
    how = f"{data_command('--help')} shows how to fetch or generate them."
    console.print(how, highlight=False)


def _n_public(sample: Sample, split: str) -> str:
    if not sample.doi:
        return "none"
    return f"{sample.n_jets[split]:,}".replace(",", " ") if sample.n_jets else "as fetched"


def _state(sample: Sample, split: str) -> str:
    for root in data_roots():
        path = root / sample.name / f"{split}.h5"
        if path.exists():
            return f"{described(path)}: {path}"
        if any((path.parent / f"{other}.h5").exists() for other in SPLITS):
            return "nothing"  # and nothing else serves: see samples.find
    if small_sample(sample.name).exists():
        return "only the small sample that comes with the course"
    return "nothing"


def _prepared(sample: Sample, split: str) -> str:
    from course_utils.prepared import prepared_forms

    try:
        forms = prepared_forms(sample.name, split)
    except DataError:
        return ""
    return ", ".join(
        f"{kind} {size / 1e6:.1f} MB{'' if current else ' (outdated)'}"
        for kind, size, current in forms
    )


if __name__ == "__main__":
    sys.exit(main())
