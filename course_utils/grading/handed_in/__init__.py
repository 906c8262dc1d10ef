"""From the file that a student handed in to the lesson's notebook, every cell in its place.

`reading` turns the file into one form, `expected` knows the lesson's cells, `mending` puts them
back, `modules` looks at what is imported from beside the notebook, and `notes` keeps what had to
be mended.
"""
