"""People without a hub come by invitation."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Invitations: the hash of each token, for which team, with which rights, when revoked."""
    op.create_table(
        "invitation",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("hash", sa.String(64), nullable=False, unique=True),
        sa.Column("team", sa.String(64)),
        sa.Column("may", sa.String(32), nullable=False),
        sa.Column("made", sa.DateTime, nullable=False),
        sa.Column("revoked", sa.DateTime),
    )
