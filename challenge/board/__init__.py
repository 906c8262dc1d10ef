"""What is shown: standings as records, as text, as a page, and marks.

`current_standings` builds the board from a challenge, and `FORMATS` writes it in five formats.
Nothing here writes to the challenge but a cache that can be deleted.

May import `challenge.intake`, `challenge.store`, `challenge.scoring`, `challenge.words` and
`challenge.errors`; of the course `metrics`.
"""

from challenge.board import marks, text
from challenge.board.build import LEADERS, PUBLISHED, Evidence, Occasion, build_standings
from challenge.board.copies import LookAlike, look_alikes
from challenge.board.current import current_standings
from challenge.board.marks import grades
from challenge.board.order import final_order, live_order, one_of_each_network
from challenge.board.page import as_fragment, source_of_page, templates_of
from challenge.board.standings import LookElsewhere, Reference, Standing, Standings
from challenge.board.text import FORMATS

__all__ = [
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
    "as_fragment",
    "build_standings",
    "current_standings",
    "final_order",
    "grades",
    "live_order",
    "look_alikes",
    "marks",
    "one_of_each_network",
    "source_of_page",
    "templates_of",
    "text",
]
