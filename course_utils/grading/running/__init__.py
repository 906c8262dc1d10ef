"""A student's notebook is run: its cells in `cells`, its kernel in the sandbox of `sandbox`."""
