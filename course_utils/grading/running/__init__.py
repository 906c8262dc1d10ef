"""A student's notebook is run, and its checks are judged.

`cells` runs the notebook in a kernel, whatever happens to the kernel; `checks` takes the hidden
tests out of it. The `judge` runs each check outside: `theirs` stands for the student's functions
(`mirrors` for PyTorch's networks), `kernel_side` calls them in the kernel, `crossing` and `frames`
carry values between the two, and `reference` has the lesson's own names (`cell_names`).
"""
