"""Scores predictions against hidden labels: ``python -m challenge``.

Read the rooms in this order; each is imported through its door, and each may import at most those
before it (pyproject.toml has the contracts)::

    words, errors   names, times, what a terminal may show; the exceptions that users see
    scoring         arrays in, numbers out: the file of scores, its scorecard, what differs
    store           what is remembered: the folder, the database, the log, the instructor's actions
    intake          from the bytes of a submission to its receipt
    board           what is shown: standings, text, page, marks
    setup           a new challenge: made from jets, searched for leaks, given baselines
    cli             what can be typed

One word for one thing. A **submission** is a file that a team sent for one of its **networks**. On
its way it is an `Arrival` (may it come in?), a row ``Submission`` of the database, and a `Record`:
the same without a database, which is what everything else reads and ranks. Its `Verdict` holds a
`Scorecard` for each `Split`; its team gets a `Receipt`. A `Standing` is one line of the board. A
`Challenge` is the folder; its `Store` and its `Truth` (labels, and which jets are public) open when
first used.

Every action is one function that prints nothing and takes a `Challenge` or its `Store`, so that a
web page can do what a command does: `intake.submit`, `intake.history`, `intake.withdraw`,
`board.current_standings`, `board.grades`, those of `store.lifecycle`, and `store.audit_log`.
"""
