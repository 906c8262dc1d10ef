"""Around every request: headers and log (`outermost`, with the `faults` it names); what may come in at once
(`bodies`).
"""
