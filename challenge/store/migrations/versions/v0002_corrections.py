"""Submissions can be withdrawn; a name that a team had before still leads to it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """A time of withdrawal for each submission, and the former names of teams."""
    op.add_column("submission", sa.Column("withdrawn", sa.DateTime))
    op.create_table(
        "former_name",
        sa.Column("key", sa.String(200), primary_key=True),
        sa.Column("team_id", sa.Integer, sa.ForeignKey("team.id"), nullable=False),
    )
