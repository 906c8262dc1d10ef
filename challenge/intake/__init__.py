"""From the bytes of a submission to its receipt.

`submit` reads a file, counts quotas (`reception`), asks the Ladder, scores, and answers with a
`Receipt`; `wrong_scores` scores everything again. `roster` lists the teams; `withdraw`, `rename`
and `merge` put right what came in wrongly. `invite` lets people in who have no account on a hub.

May import `challenge.store`, `challenge.scoring`, `challenge.words` and `challenge.errors`; of the
course `metrics`.
"""

from challenge.intake.corrections import rename, withdraw
from challenge.intake.entrants import Entrant, roster, roster_text
from challenge.intake.guests import (
    Invitation,
    guest,
    invitation,
    invitations,
    invite,
    revoke_invitation,
)
from challenge.intake.merging import merge
from challenge.intake.quota import DAY, Quota, quota_of
from challenge.intake.receipts import (
    Receipt,
    accepted_text,
    history,
    left_text,
    receipt_lines,
    receipt_of,
    shown_text,
    with_hints,
)
from challenge.intake.reception import Arrival, look_up, not_now, quota_left, receive
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

__all__ = [
    "DAY",
    "Arrival",
    "Entrant",
    "Invitation",
    "Quota",
    "Receipt",
    "accept",
    "accepted_text",
    "cards",
    "clean_team",
    "finish_interrupted",
    "guest",
    "history",
    "invitation",
    "invitations",
    "invite",
    "is_step",
    "left_text",
    "look_up",
    "mend_scores",
    "merge",
    "not_now",
    "quota_left",
    "quota_of",
    "receipt_lines",
    "receipt_of",
    "receive",
    "rename",
    "revoke_invitation",
    "roster",
    "roster_text",
    "shown_text",
    "stand_ins",
    "submit",
    "with_hints",
    "withdraw",
    "wrong_scores",
]
