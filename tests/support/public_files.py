"""Jet files as the public ones were written: by pandas 0.15.2 under Python 2.

The layout is that of the downloaded ``test.h5``: blosc, one float32 block, one int64 block, every
text attribute bytes, lists pickled with protocol 0 from Python 2's ``str``. PyTables writes it, so
that no pandas of today can make it look like a file of today.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import tables

from course_utils.jetfile import JetTable

LABELS = ("ttv", "is_signal_new")
TRUTH = ("truthE", "truthPX", "truthPY", "truthPZ")


def write_public_file(
    path: Path, table: JetTable, *, layout: str = "table", complib: str = "blosc", level: int = 9
) -> None:
    """Write these jets in the ``table`` or the ``fixed`` format of pandas 0.15.2."""
    names = [f"{name}_{i}" for i in range(table.jets.shape[1]) for name in ("E", "PX", "PY", "PZ")]
    blocks = {
        (*names, *TRUTH): np.concatenate([table.jets.reshape(len(table), -1), table.truth], axis=1),
        LABELS: np.stack([table.ttv, table.y_true], axis=1).astype(np.int64),
    }
    index = np.arange(len(table), dtype=np.int64) * 2 + 375  # left over from a selection
    path.parent.mkdir(parents=True, exist_ok=True)
    with tables.open_file(path, "w", filters=tables.Filters(level, complib)) as file:
        group = file.create_group("/", "table")
        if layout == "table":
            _write_table(file, group, index, blocks)
        else:
            _write_arrays(file, group, index, blocks)


def _write_table(file: Any, group: Any, index: np.ndarray, blocks: dict[Any, np.ndarray]) -> None:
    fields = [("index", np.int64)]
    fields += [(f"values_block_{i}", v.dtype, v.shape[1:]) for i, v in enumerate(blocks.values())]
    rows = np.empty(len(index), fields)
    rows["index"] = index
    for i, values in enumerate(blocks.values()):
        rows[f"values_block_{i}"] = values
    table = file.create_table(group, "table", rows, expectedrows=10_000_000)
    said = {"index_kind": b"integer"}
    for i, (names, values) in enumerate(blocks.items()):
        said[f"values_block_{i}_kind"] = b"(lp0\n" + _of_strings(names, 1) + b"."
        said[f"values_block_{i}_dtype"] = values.dtype.name.encode()
        said[f"values_block_{i}_meta"] = b"N."
    everything = [name for names in blocks for name in names]
    in_order = b"(lp0\n(I1\n(lp1\n" + _of_strings(everything, 2) + b"tp9999\na."
    blocks_too = _of_strings([f"values_block_{i}" for i in range(len(blocks))], 1)
    _say(table, said)
    _say(
        group,
        {
            "pandas_type": b"frame_table",
            "pandas_version": b"0.15.2",
            "table_type": b"appendable_frame",
            "index_cols": b"(lp0\n(I0\nS'index'\np1\ntp2\na.",
            "values_cols": b"(lp0\n" + blocks_too + b".",
            "non_index_axes": in_order,
            "data_columns": b"(lp0\n.",
            "nan_rep": b"nan",
            "encoding": b"N.",
            "levels": 1,
            "metadata": b"(lp0\n.",
            "info": b"(dp0\nI1\n(dp1\nS'type'\np2\nS'Index'\np3\nsS'names'\np4\n(lp5\nNass.",
        },
    )


def _write_arrays(file: Any, group: Any, index: np.ndarray, blocks: dict[Any, np.ndarray]) -> None:
    everything = [name for names in blocks for name in names]
    arrays: dict[str, tuple[np.ndarray, bytes | None]] = {
        "axis0": (np.array(everything, "S"), b"string"),
        "axis1": (index, b"integer"),
    }
    for i, (names, values) in enumerate(blocks.items()):
        arrays[f"block{i}_items"] = (np.array(names, "S"), b"string")
        arrays[f"block{i}_values"] = (values, None)
    for name, (array, kind) in arrays.items():
        node = file.create_carray(group, name, obj=array)
        _say(node, {"transposed": True} | ({"kind": kind, "name": b"N."} if kind else {}))
    varieties = [name for name in arrays if not name.endswith("values")]
    _say(
        group,
        {f"{name}_variety": b"regular" for name in varieties}
        | {
            "pandas_type": b"frame",
            "pandas_version": b"0.15.2",
            "encoding": b"N.",
            "ndim": 2,
            "nblocks": len(blocks),
        },
    )


def _of_strings(names: Iterable[str], first: int) -> bytes:
    """The items of a list of Python 2's ``str``, as its ``pickle`` wrote them."""
    return b"".join(f"S'{name}'\np{i}\na".encode() for i, name in enumerate(names, first))


def _say(node: Any, said: dict[str, Any]) -> None:
    for name, value in said.items():
        node._v_attrs[name] = np.bytes_(value) if isinstance(value, bytes) else value


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a mirror on this machine: the files in the folders there, with checksums."""
    for sample in filter(Path.is_dir, folder.iterdir()):
        lines = [
            f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.name}\n"
            for path in sorted(sample.glob("*.h5"))
        ]
        (sample / "checksums.txt").write_text("".join(lines))
    handler = partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass
