"""Build the site of the course: `make site`.

    python docs/site [--to build/site] [--no-run] [LESSON ...]

Each lesson is shown as a student gets it, with the figures and numbers of the solved notebook. A
lesson is run once for each version of its code, the package and the jets; what has been run is kept
in ``build/lessons``. With ``--no-run`` nothing is run, and lessons that were not yet have no
outputs. A page that would give a solution, a hidden test or a mark scheme away ends the build.
Where nothing has changed since the last build, its pages stay.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from demo_board import write_boards
from lessons import LESSONS, run_lesson, student_page
from pages import ROOT, stage_lesson, stage_pages
from reference import write_reference
from secrets_of_lessons import find_leaks

HERE = Path(__file__).resolve().parent
VERSION = ".version"


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the site and return its exit status: 0 built, 1 not."""
    options = _options(arguments)
    kept = ROOT / "build" / "lessons"
    if not options.no_run:
        for name in options.lessons or LESSONS:
            run_lesson(LESSONS[name], kept)
    with tempfile.TemporaryDirectory() as scratch:
        staged = Path(scratch, "site")
        stage_pages(staged)
        for path in LESSONS.values():
            stage_lesson(path, student_page(path, kept), staged)
        version = _version_of(staged)
        if _built_from(options.to) == version:
            print(f"Nothing has changed. Open {options.to.resolve()}/index.html")
            return 0
        write_reference(staged)
        write_boards(staged)
        built = Path(scratch, "html")
        command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-c", str(HERE)]
        command += ["-D", f"html_extra_path={staged / 'extra'}"]
        if subprocess.run([*command, str(staged), str(built)], check=False).returncode:
            return 1
        if leaks := find_leaks(built, LESSONS.values()):
            print("\n".join(["The site would give answers away:", *leaks]), file=sys.stderr)
            return 1
        shutil.rmtree(options.to, ignore_errors=True)
        shutil.copytree(built, options.to, ignore=shutil.ignore_patterns(".doctrees", ".buildinfo"))
        (options.to / VERSION).write_text(version)
    print(f"Open {options.to.resolve()}/index.html")
    return 0


def _version_of(staged: Path) -> str:
    """A digest of all that a site is made from: pages, packages, and these modules."""
    digest = hashlib.sha256()
    sources = [ROOT / "course_utils", ROOT / "challenge", HERE, ROOT / "constraints.txt"]
    for source in (staged, *sources):
        for path in [source] if source.is_file() else sorted(source.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:  # numba's, too, lies there
                digest.update(str(path.relative_to(source)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _built_from(site: Path) -> str | None:
    """The digest that a finished site was built from, if there is one."""
    finished = (site / "index.html").exists() and (site / VERSION).exists()
    return (site / VERSION).read_text() if finished else None


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    lines = __doc__.strip().splitlines()
    parser = argparse.ArgumentParser(
        prog="make site",
        description="\n".join([lines[0].split(":")[0] + ".", *lines[3:]]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("lessons", nargs="*", help="run these only; default all", metavar="LESSON")
    parser.add_argument("--to", type=Path, default=ROOT / "build" / "site", help="the new site")
    parser.add_argument("--no-run", action="store_true", help="run no lesson")
    options = parser.parse_args(arguments)
    if unknown := set(options.lessons) - set(LESSONS):
        parser.error(f"Expected names of lessons ({', '.join(LESSONS)}); got {', '.join(unknown)}.")
    return options


if __name__ == "__main__":
    sys.exit(main())
