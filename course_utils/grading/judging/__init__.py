"""Points come from outside the student's kernel.

`checks` takes the hidden tests out of a notebook that is run. The `judge` runs each check in a
process of its own: `theirs` stands for the student's functions (`mirrors` for PyTorch's networks)
and the `caller` asks for them; `kernel_side` calls them in the kernel, where `lent` stands for what
a check has lent. `crossing` and `frames` carry values between the two, and `classes` knows what to
make of the names of their classes. `ending` limits the time of a check.
`reference` has the lesson's own names (`names`).
"""
