"""Around every request: headers and log (`outermost`), and what may come in at once (`bodies`).

Of an unforeseen fault the log has kind and place (`faults`).
"""
