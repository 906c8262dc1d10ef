"""A student's notebook is run to its end in a kernel, whatever happens to the kernel: `cells`."""
