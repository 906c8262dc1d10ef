"""Grade a class with one command: ``python -m course_utils.grading grade LESSON``.

`arguments` is the command line, `course` opens the course folder as nbgrader does, `classroom`
grades those who are not graded yet, `crew` keeps the processes that do it (`worker`), `processes`
ends what they leave behind, `journal` remembers who is done and `fingerprints` what changed,
`table` shows the class, `worked` makes the worked solution, and `entering` takes marks that were
given elsewhere.

May import the other rooms of grading. Only `arguments`, `fingerprints`, `journal` and `processes`
load without nbgrader.
"""
