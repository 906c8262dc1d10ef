"""Scores predictions against hidden labels: ``python -m challenge``.

==============  ===================================================================
module          what it holds
==============  ===================================================================
submission      a file of scores: bytes -> array, or SubmissionError with its reason
names           what a team or a network may be called
scoring         scores + labels -> scorecard
ranking         the order of the leaderboard
folder          a challenge on disk: its public jets, secret labels and settings
store           teams, submissions and scores in a database; SQLite by default
intake          one submission from its bytes to its scorecard, safe against a kill
creation        a new challenge from a jet file or from labels
baselines       entries made from the public jets, scored like anyone else
board           the leaderboard as terminal table, JSON, CSV and Markdown
cli             the command line
==============  ===================================================================

Two exceptions leave the package::

    Refusal               what was handed in cannot be accepted: a reason code and one sentence
    +-- SubmissionError   a prediction, or the name it came under
    +-- CreationError     the labels or jets of a new challenge
    ChallengeError        the challenge itself cannot be used as asked

Of the course, scoring needs only ``course_utils.metrics``; making a challenge from jets and
computing baselines also read jet files.
"""
