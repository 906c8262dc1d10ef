"""What is shown: the standings as records, text, a page and marks. It never writes.

May import `challenge.intake`, `challenge.store`, `challenge.scoring` and the ground.
"""

from challenge.board import marks, text
from challenge.board.alike import LookAlike, look_alikes
from challenge.board.build import LEADERS, PUBLISHED, Evidence, Occasion, build_standings
from challenge.board.current import alike, current_standings
from challenge.board.entries import entries
from challenge.board.marks import COLUMNS, grades, no_baselines, read_students, unmatched
from challenge.board.page import as_html
from challenge.board.standings import LookElsewhere, Reference, Standing, Standings
from challenge.board.text import FORMATS, as_csv, as_json, as_markdown, as_table

__all__ = [
    "COLUMNS",
    "FORMATS",
    "LEADERS",
    "PUBLISHED",
    "Evidence",
    "LookAlike",
    "LookElsewhere",
    "Occasion",
    "Reference",
    "Standing",
    "Standings",
    "alike",
    "as_csv",
    "as_html",
    "as_json",
    "as_markdown",
    "as_table",
    "build_standings",
    "current_standings",
    "entries",
    "grades",
    "look_alikes",
    "marks",
    "no_baselines",
    "read_students",
    "text",
    "unmatched",
]
