"""What comes back: `feedback` for the student, `pages` that run nothing, `export` of the marks."""
