"""Shared by several test files: random jets, the places of samples, and a site that serves them."""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from public_files import write_public_file

from course_utils.jetfile import N_CONSTITUENTS, JetTable, write_jets

# A busy machine's slow example is no fault.
settings.register_profile("course", deadline=None)
settings.load_profile("course")


# ---------------------------------------------------------------- parallel workers


def _unit(nodeid: str) -> str:
    """The tests that one worker runs, since they share what is expensive: a lesson, or a file."""
    lesson = re.search(r"tests/lessons/.*\[(\d\d_\w+)\]$", nodeid)
    return lesson[1] if lesson else nodeid.split("::")[0]


def pytest_configure() -> None:
    """A worker is given the width of a terminal that it does not have."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        os.environ.pop("COLUMNS", None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from xdist.scheduler import LoadScopeScheduling

    class Units(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _unit(nodeid)

    return Units(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest units come first, so that no worker begins one when the others are done."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        slow = (item.nodeid for item in items if item.get_closest_marker("slow"))
        n_slow = Counter(map(_unit, slow))
        items.sort(key=lambda item: -n_slow[_unit(item.nodeid)])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests have recorded under the name "summary", whichever worker ran them."""
    reports = [r for kind in ("passed", "failed") for r in terminalreporter.stats.get(kind, [])]
    for name, line in (each for report in reports for each in report.user_properties):
        if name == "summary":
            terminalreporter.write_line(line)


TTV = {"train": 0, "test": 1, "val": 2}  # as the public files have it

SomeJets = Callable[..., JetTable]
AssertSame = Callable[[JetTable, JetTable], None]


# ---------------------------------------------------------------- jets


def random_jets(n_jets: int, *, ttv: int | np.ndarray | None = None, seed: int = 0) -> JetTable:
    """Massless constituents, sorted by falling pt, padded with zero rows; any split if no `ttv`."""
    rng = np.random.default_rng(seed)
    pt = -np.sort(-rng.exponential(20, (n_jets, N_CONSTITUENTS)), axis=1)
    pt[np.arange(N_CONSTITUENTS) >= rng.integers(10, 80, n_jets)[:, None]] = 0
    eta, phi = rng.normal(0, 0.5, pt.shape), rng.uniform(-np.pi, np.pi, pt.shape)
    jets = np.stack([pt * np.cosh(eta), pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)], -1)
    y_true = rng.integers(0, 2, n_jets).astype(np.int8)
    truth = rng.normal(600, 20, (n_jets, 4)).astype(np.float32) * y_true[:, None]
    any_split = rng.integers(0, 3, n_jets).astype(np.int8)
    ttv = any_split if ttv is None else np.broadcast_to(ttv, n_jets).astype(np.int8)
    return JetTable(jets.astype(np.float32), truth, y_true, ttv)


@pytest.fixture(scope="session")
def some_jets() -> SomeJets:
    """The function `random_jets`: so many jets, the same ones for the same seed."""
    return random_jets


@pytest.fixture(scope="session")
def assert_same_jets() -> AssertSame:
    """A function: two tables hold the same bits in the same types."""

    def same(left: JetTable, right: JetTable) -> None:
        for name in ("jets", "truth", "y_true", "ttv"):
            a, b = getattr(left, name), getattr(right, name)
            assert a.dtype == b.dtype, name
            np.testing.assert_array_equal(a, b, err_msg=name)
        assert list(left.columns) == list(right.columns)
        for name, values in left.columns.items():
            assert values.dtype == right.columns[name].dtype, name
            np.testing.assert_array_equal(values, right.columns[name], err_msg=name)

    return same


# ---------------------------------------------------------------- published taggers

REFERENCE = Path(__file__).parents[2] / "shared" / "data" / "toptag_reference_20k.npz"


@pytest.fixture(scope="session")
def published_taggers() -> dict[str, np.ndarray]:
    """Labels and the outputs of five published networks for 20 000 public test jets."""
    if not REFERENCE.is_file():
        pytest.skip("the reference scores (shared/data) are not beside this checkout")
    with np.load(REFERENCE) as arrays:
        return {name: arrays[name] for name in arrays}


# ---------------------------------------------------------------- places


@dataclass
class Places:
    """The folders where samples are looked for, all inside a temporary one."""

    environment: Path
    checkout: Path
    cache: Path
    package: Path

    def put(self, root: Path, split: str, n_jets: int) -> Path:
        path = root / "top_tagging" / f"{split}.h5"
        write_jets(path, [random_jets(n_jets, ttv=TTV[split])], provenance={"seed": n_jets})
        return path

    def put_small(self, n_jets: int = 20) -> Path:
        path = self.package / "top_tagging_small.h5"
        ttv = np.resize([0, 0, 0, 1, 2], n_jets)  # 60 per cent train, 20 test, 20 val
        write_jets(path, [random_jets(n_jets, ttv=ttv)], provenance={"seed": 1})
        return path


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """No sample but those a test puts there is found, and nothing is written elsewhere."""
    from course_utils.samples import download
    from course_utils.samples import places as there

    places = Places(*(tmp_path / n for n in ("environment", "checkout", "cache", "package")))
    places.checkout.mkdir()
    (places.checkout / "pyproject.toml").touch()
    monkeypatch.setattr(there, "_CHECKOUT", places.checkout)
    monkeypatch.setattr(there, "_PACKAGED", places.package)
    monkeypatch.setattr(there.platformdirs, "user_cache_path", lambda name: places.cache)
    monkeypatch.delenv("JET_DATA", raising=False)
    monkeypatch.delenv("JET_DATA_MIRROR", raising=False)
    monkeypatch.setattr(download, "_FIRST_PAUSE", 0.0)
    monkeypatch.setattr(download, "_BLOCK", 1000)
    there.warn_once.cache_clear()
    return places


@pytest.fixture
def folder(places: Places) -> Path:
    """Where the jets arrive when JET_DATA is the environment's place."""
    return places.environment / "top_tagging"


# ---------------------------------------------------------------- a site with the public files


@dataclass
class Site:
    """A web server on this machine with jet files, and faults to order."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)  # bytes after which a jet file breaks off
    obeys_range: bool = True
    shifts_range: bool = False
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        path, span = request.path, request.headers.get("Range")
        self.asked.append((path, span))
        if path not in self.files:
            request.send_error(404)
            return
        content, start = self.files[path], 0
        if span and self.obeys_range:
            start = int(span.removeprefix("bytes=").removesuffix("-")) + self.shifts_range
            if start >= len(content):
                request.send_response(416)
                request.send_header("Content-Range", f"bytes */{len(content)}")
                request.send_header("Content-Length", "0")
                request.end_headers()
                return
        request.send_response(206 if start else 200)
        if start:
            last = len(content) - 1
            request.send_header("Content-Range", f"bytes {start}-{last}/{len(content)}")
        request.send_header("Content-Type", self.types.get(path, "application/octet-stream"))
        request.send_header("Content-Length", str(len(content) - start))
        request.end_headers()
        stop = start + self.cuts.pop(0) if self.cuts and path.endswith((".h5", ".root")) else None
        request.wfile.write(content[start:stop])
        request.close_connection = True

    def of_file(self, name: str) -> list[str | None]:
        return [span for path, span in self.asked if path.endswith(name)]


@pytest.fixture
def site(tmp_path: Path, places: Places, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A mirror with nine jets in every split, named in the environment; JET_DATA is set too."""
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.answer(self)

        def log_message(self, *args: object) -> None:
            pass

    sums = []
    for split in ("train", "val", "test"):
        write_public_file(tmp_path / "f.h5", random_jets(9, ttv=TTV[split]))
        content = (tmp_path / "f.h5").read_bytes()
        site.files[f"/top_tagging/{split}.h5"] = content
        sums.append(f"{hashlib.md5(content).hexdigest()}  {split}.h5\n")
    site.files["/top_tagging/checksums.txt"] = "".join(sums).encode()
    monkeypatch.setenv("JET_DATA", str(places.environment))
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serve = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        serve.start()
        site.address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("JET_DATA_MIRROR", site.address)
        try:
            yield site
        finally:
            server.shutdown()
            serve.join()
