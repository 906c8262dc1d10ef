"""What browsers see, by `rendering` or, for one sentence, `messages`, from `templates`.

`class_page` has the board, which `drawings` keeps drawn; `team_page` and `instructor_page` show
what `situation` finds. What an instructor `wishes` becomes one of the `instructor_actions`.
"""
