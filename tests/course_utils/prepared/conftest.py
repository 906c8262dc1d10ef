from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from prepared_jets import N_JETS

if TYPE_CHECKING:
    from conftest import Places


@pytest.fixture
def source(places: Places, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A jet file in the place that the environment names."""
    monkeypatch.setenv("JET_DATA", str(places.environment))
    return places.put(places.environment, "train", N_JETS)
