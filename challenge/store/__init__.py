"""What a challenge remembers: its folder, its database, its log, and what the instructor did.

A `Challenge` is opened here; `Store` holds submissions, `lifecycle` the instructor's actions, and
`audit_log` checks the rows against the log.

May import `challenge.scoring`, `challenge.words` and `challenge.errors`; of the course `files` and
`metrics`.
"""

from challenge.store import database, ledger, lifecycle, tables
from challenge.store.audit import Audit, audit_log
from challenge.store.backup import copy_to
from challenge.store.challenge import Challenge
from challenge.store.database import drop_database
from challenge.store.folder import COLUMNS, LABELS, SETTINGS, TEST_JETS, Rules, Truth
from challenge.store.lifecycle import is_closed, phase
from challenge.store.records import Phase, Progress, Record, Split, State, Verdict
from challenge.store.store import SUBMISSIONS, Store, system_clock

__all__ = [
    "COLUMNS",
    "LABELS",
    "SETTINGS",
    "SUBMISSIONS",
    "TEST_JETS",
    "Audit",
    "Challenge",
    "Phase",
    "Progress",
    "Record",
    "Rules",
    "Split",
    "State",
    "Store",
    "Truth",
    "Verdict",
    "audit_log",
    "copy_to",
    "database",
    "drop_database",
    "is_closed",
    "ledger",
    "lifecycle",
    "phase",
    "system_clock",
    "tables",
]
