"""What a student or a grader has set for other work changes neither a lesson nor its marks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

TRAIN = """
import json
import keras
import numpy as np

x, y = np.ones((8, 4, 4, 1)), np.zeros(8)
network = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
network.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
epochs = len(network.fit(x, y, epochs=3, verbose=0).history["loss"])
config = keras.config
print(json.dumps([
    config.backend(), config.floatx(), config.epsilon(), config.image_data_format(), epochs,
    str(network.weights[0].dtype), os.environ.get("KERAS_MAX_EPOCHS"), "KERAS_HOME" in os.environ
]))
"""


def home_of_somebody(folder: Path) -> dict[str, str]:
    """An environment with a home in which every tool has been set up for something else."""
    pytest.importorskip("keras")
    startup = folder / ".ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00-mine.py").write_text("STARTED = 'by IPython'\n")
    (folder / "startup.py").write_text("STARTED_TOO = 'by Python'\n")
    (folder / ".keras").mkdir()
    settings = {
        "floatx": "float16",
        "epsilon": 0.1,
        "backend": "jax",
        "image_data_format": "channels_first",
    }
    (folder / ".keras" / "keras.json").write_text(json.dumps(settings))
    (folder / ".config" / "matplotlib").mkdir(parents=True)
    (folder / ".config" / "matplotlib" / "matplotlibrc").write_text("text.usetex: True\n")
    own = {
        "HOME": str(folder),
        "IPYTHONDIR": str(folder / ".ipython"),
        "PYTHONSTARTUP": str(folder / "startup.py"),
        "MPLCONFIGDIR": str(folder / ".config" / "matplotlib"),
        "KERAS_BACKEND": "torch",
        "KERAS_MAX_EPOCHS": "1",
    }
    return {name: value for name, value in os.environ.items() if name != "KERAS_HOME"} | own


def first_cell(lesson: str) -> str:
    (path,) = (ROOT / "notebooks" / lesson).glob("*.ipynb")
    cells = json.loads(path.read_text())["cells"]
    return "".join(next(cell["source"] for cell in cells if cell["cell_type"] == "code"))


@pytest.mark.parametrize("name", ["01_dnn_on_constituents", "02_cnn_on_images"])
def test_a_lesson_trains_with_the_settings_of_keras_itself(name: str, tmp_path: Path) -> None:
    code = f"import os\n{first_cell(name)}\n{TRAIN}"
    environment = home_of_somebody(tmp_path) | {"MPLBACKEND": "agg"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    expected = ["tensorflow", "float32", 1e-7, "channels_last", 3, "float32", "1", False]
    assert json.loads(done.stdout) == expected
    assert json.loads((tmp_path / ".keras" / "keras.json").read_text())["floatx"] == "float16"


GRADE = """
import nbformat, sys
from nbconvert.preprocessors import ExecutePreprocessor
from traitlets.config.loader import PyFileConfigLoader

config = PyFileConfigLoader("nbgrader_config.py", path=sys.argv[1]).load_config()
cell = nbformat.v4.new_code_cell(
    "import matplotlib\\n"
    "print([name for name in globals() if name.startswith('STARTED')], "
    "matplotlib.rcParams['text.usetex'])"
)
notebook = nbformat.v4.new_notebook(cells=[cell])
ExecutePreprocessor(config=config).preprocess(notebook, {})
print(notebook.cells[0].outputs[-1].text)
"""


def test_the_kernel_of_grading_starts_without_anybody_s_own_files(tmp_path: Path) -> None:
    pytest.importorskip("nbgrader")
    done = subprocess.run(
        [sys.executable, "-c", GRADE, str(ROOT)],
        env=home_of_somebody(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[] False"


def test_grading_waits_minutes_for_a_kernel_on_a_busy_machine() -> None:
    loader = pytest.importorskip("traitlets.config.loader")
    running = pytest.importorskip("course_utils.grading.running.cells")
    config = loader.PyFileConfigLoader("nbgrader_config.py", path=str(ROOT)).load_config()
    assert running.RunCells(config=config).startup_timeout >= 5 * running.RunCells().startup_timeout
