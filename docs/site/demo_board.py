"""Two boards of a small challenge: while it runs, and after the private ranks are revealed."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from challenge.board import FORMATS, current_standings
from challenge.intake import submit
from challenge.setup import Plan, create_from_labels
from challenge.store import lifecycle
from course_utils.images import jet_images
from course_utils.kinematics import jet_mass
from course_utils.samples import load_jets
from course_utils.substructure import n_subjettiness

_MOST = 3000  # training jets: a board needs no good trees, and a build should be quick
# Team and network -> the columns of `_columns` that its trees look at.
_ENTRIES = {
    ("Quark Twain", "mass and multiplicity"): [0, 1],
    ("Quark Twain", "subjets"): [0, 2, 3, 4],
    ("Jet Lag", "everything"): [0, 1, 2, 3, 4],
    ("Jet Lag", "profile"): [1, *range(5, 15)],
    ("Top Secret", "pixels in rings"): [*range(5, 15)],
    ("Top Secret", "rings and mass"): [0, *range(5, 15)],
    ("Up and Down", "multiplicity"): [1],
}


_PAGE = """\
# The board of a demonstration

Four invented teams hand in boosted trees. Their {n} test jets are split: one half is public, for
the board while the challenge runs, and the private half decides. Scores, errors and tied groups
are real.

- <a href="board/live.html">While the challenge runs</a>: the public half of the jets, and no more
  digits than a class may see.
- <a href="board/revealed.html">After the reveal</a>: the private half decides, and a column shows
  who rose or fell.

[How the challenge works](docs/challenge.md). After the reveal it looks like this:

<iframe src="board/revealed.html" title="The board after the reveal" loading="lazy"></iframe>
"""


def write_boards(staged: Path) -> None:
    """Write ``board.md`` and the two boards it leads to, in ``extra/board``."""
    folder = staged / "extra" / "board"
    train, test = load_jets("top_tagging", "train", stop=_MOST), load_jets("top_tagging", "val")
    known, asked = _columns(train.jets), _columns(test.jets)
    (staged / "board.md").write_text(_PAGE.format(n=len(test.y_true)), encoding="utf-8")
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        labels = Path(scratch, "labels.npy")
        np.save(labels, test.y_true)
        plan = Plan(name="Demonstration")
        challenge, _ = create_from_labels(Path(scratch, "challenge"), labels, seed=1, plan=plan)
        for (team, network), columns in _ENTRIES.items():
            trees = HistGradientBoostingClassifier(max_iter=30, random_state=1)
            trees.fit(known[:, columns], train.y_true)
            scores = Path(scratch, "scores.npy")
            np.save(scores, trees.predict_proba(asked[:, columns])[:, 1])
            submit(challenge, scores.read_bytes(), team=team, network=network)
        for name in ("live", "revealed"):
            if name == "revealed":
                lifecycle.close(challenge)
                lifecycle.reveal(challenge)
            page = FORMATS["html"](current_standings(challenge))
            (folder / f"{name}.html").write_text(page, encoding="utf-8")


def _columns(jets: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return mass, constituents, three N-subjettinesses, and the pT in ten rings of the image."""
    images = jet_images(jets)
    places = np.indices(images.shape[1:]) - (images.shape[1] - 1) / 2
    ring = np.minimum(np.hypot(*places) // 2, 9)
    rings = [images[:, ring == each].sum(axis=1) for each in range(10)]
    subjettiness = n_subjettiness(jets, n_max=3)
    return np.column_stack([jet_mass(jets), (jets[..., 0] > 0).sum(axis=1), subjettiness, *rings])
