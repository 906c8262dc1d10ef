"""A student's notebook is run: its cells in `cells`."""
