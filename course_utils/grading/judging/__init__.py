"""Points come from outside the student's kernel.

`checks` takes the hidden tests out of a notebook that is run. The `judge` runs each check in a
process of its own: `theirs` stands for the student's functions (`mirrors` for PyTorch's networks),
`kernel_side` calls them in the kernel, `crossing` and `frames` carry values between the two, and
`reference` has the lesson's own names (`names`).
"""
