r"""Scores predictions against hidden labels: ``python -m challenge``.

================  ========================================================================
module            what it holds
================  ========================================================================
\                 *a submission*
submission        a file of scores: bytes -> array, or SubmissionError with its reason
names             what a team or a network may be called
scoring           scores + labels -> scorecard
ranking           the order of the board, tied groups, the Ladder
hints             accidents that can be seen in an accepted file
intake            one submission from its bytes to its receipt, safe against a kill
reception         who may hand in what: quotas, networks, times
shown             whose score a live board shows: one Ladder for all networks of a team
receipts          what a team is told
dropbox, watch    files that appear in a folder are handed in and answered
\                 *a challenge*
folder            on disk: public jets, secret labels, settings with the rules
plan, creation    a new one from a jet file or from labels
leaks             ways to the labels that are no physics
contest           one that is opened for scoring
lifecycle         pause, resume, extend, pick, close, reveal
baselines         entries made from the public jets, scored like anyone else
audit             the log against its hashes, the scores against their files
gradebook         marks
\                 *what is remembered*
records, quota    plain records of submissions; arithmetic of quotas
tables, rows      the tables, and their rows as records
migrations        their history, for Alembic
database          where they are: SQLite, or PostgreSQL
ledger            the log of events, a chain of hashes
store             files and tables of one challenge, and its transactions
\                 *the board*
entries           scored submissions as the ranking takes them
comparisons       covariance of all AUCs, kept by content
budget            how coarse a live board is
diagnostics       what is told after the reveal
collusion         teams whose files are alike
standings         what a board shows, as records
leaderboard       from entries to standings
view              the standings of a challenge, now
wording           what is said about them in words
geometry          error bars and curves as numbers
drawing           ... as SVG
page              ... as one page of HTML
board             ... as terminal table, JSON, CSV, Markdown
\                 *the command line*
commands          what each command prints
arguments         what can be typed
cli               errors and exit status
================  ========================================================================

Two exceptions leave the package::

    Refusal               what was handed in cannot be accepted: a reason code and one sentence
    +-- SubmissionError   a prediction, or the name it came under
    +-- CreationError     the labels, jets or plan of a new challenge
    ChallengeError        the challenge itself cannot be used as asked

Every action is one function that prints nothing and takes a `Contest` or a `Store`, so that a web
page can do what a command does: `intake.submit`, `receipts.history`, `view.view`, those of
`lifecycle`, `gradebook.grades`, `audit.audit`.

Of the course, scoring needs only ``course_utils.metrics``; making a challenge from jets and
computing baselines also read jet files.
"""
