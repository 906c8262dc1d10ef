"""What the columns of the public format mean, written down a second time."""

from __future__ import annotations

import numpy as np
import pandas as pd

from course_utils.jetfile import JetTable

COLUMNS = [f"{name}_{i}" for i in range(200) for name in ("E", "PX", "PY", "PZ")]
COLUMNS += ["truthE", "truthPX", "truthPY", "truthPZ", "ttv", "is_signal_new"]


def table_of_frame(frame: pd.DataFrame) -> JetTable:
    """Jets of a frame."""
    values = frame[COLUMNS[:804]].to_numpy(np.float32)
    return JetTable(
        values[:, :800].reshape(-1, 200, 4),
        values[:, 800:],
        frame["is_signal_new"].to_numpy(np.int8),
        frame["ttv"].to_numpy(np.int8),
    )


def frame_of_table(table: JetTable, dtype: type = np.float32) -> pd.DataFrame:
    momenta = np.concatenate([table.jets.reshape(-1, 800), table.truth], axis=1).astype(dtype)
    frame = pd.DataFrame(momenta, columns=COLUMNS[:804])
    labels = pd.DataFrame({"ttv": table.ttv, "is_signal_new": table.y_true}, dtype=np.int64)
    return pd.concat([frame, labels], axis=1)
