"""From the bytes of a submission to its receipt.

`submit` reads a file, counts quotas (`reception`), asks the Ladder, scores, and answers with a
`Receipt`; `wrong_scores` scores everything again. A `DropBox` takes files from a shared disk.
`roster` lists the teams; `withdraw`, `rename` and `merge` put right what came in wrongly.

May import `challenge.store`, `challenge.scoring`, `challenge.words` and `challenge.errors`; of the
course `metrics`.
"""

from challenge.intake.corrections import rename, withdraw
from challenge.intake.dropbox import DropBox, Found, is_left_behind
from challenge.intake.entrants import Entrant, roster, roster_text
from challenge.intake.merging import merge
from challenge.intake.quota import DAY, Quota, quota_of
from challenge.intake.receipts import (
    Receipt,
    accepted_text,
    history,
    left_text,
    receipt_of,
    shown_text,
    with_hints,
)
from challenge.intake.reception import Arrival, look_up, quota_left, receive
from challenge.intake.rescoring import mend_scores, wrong_scores
from challenge.intake.shown import stand_ins
from challenge.intake.submission import (
    accept,
    cards,
    clean_team,
    finish_interrupted,
    is_step,
    submit,
)
from challenge.intake.watching import answered, answered_or_put_off, watch

__all__ = [
    "DAY",
    "Arrival",
    "DropBox",
    "Entrant",
    "Found",
    "Quota",
    "Receipt",
    "accept",
    "accepted_text",
    "answered",
    "answered_or_put_off",
    "cards",
    "clean_team",
    "finish_interrupted",
    "history",
    "is_left_behind",
    "is_step",
    "left_text",
    "look_up",
    "mend_scores",
    "merge",
    "quota_left",
    "quota_of",
    "receipt_of",
    "receive",
    "rename",
    "roster",
    "roster_text",
    "shown_text",
    "stand_ins",
    "submit",
    "watch",
    "with_hints",
    "withdraw",
    "wrong_scores",
]
