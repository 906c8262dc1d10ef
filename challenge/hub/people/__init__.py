"""Who asks, and what they may do.

`rights` has the dependencies of all routes. They ask `recognition` for the `person` behind a
request: behind a token, whose owner `tokens` asks of the hub, or a cookie (`sessions`), which
`login` gives.
"""
