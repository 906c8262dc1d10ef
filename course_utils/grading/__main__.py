"""``python -m course_utils.grading``; see `course_utils.grading.batch.arguments`."""

import sys

if __name__ == "__main__":
    from course_utils.grading.batch.arguments import main

    sys.exit(main())
