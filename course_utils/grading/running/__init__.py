"""A student's notebook is run to its end: its cells in `cells`, its kernel in a `sandbox`."""
