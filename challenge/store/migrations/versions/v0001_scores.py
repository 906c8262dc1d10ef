"""Teams, networks, submissions and one score each."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """The tables as a challenge had them before it had splits."""
    op.create_table(
        "team",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("key", sa.String(200), nullable=False, unique=True),
    )
    op.create_table(
        "network",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("team_id", sa.Integer, sa.ForeignKey("team.id"), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.UniqueConstraint("team_id", "key"),
    )
    op.create_table(
        "submission",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("network_id", sa.Integer, sa.ForeignKey("network.id"), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("received_at", sa.DateTime, nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("reason", sa.String(32)),
        sa.Column("sentence", sa.String(500)),
        sa.UniqueConstraint("network_id", "sha256"),
    )
    op.create_table(
        "score",
        sa.Column("submission_id", sa.Integer, sa.ForeignKey("submission.id"), primary_key=True),
        *_numbers(),
    )


def _numbers() -> list[sa.Column]:
    names = ["auc_value", "auc_error"]
    names += [f"{r}_{part}" for r in ("r50", "r30") for part in ("value", "low", "high")]
    columns = [sa.Column(name, sa.Float(53), nullable=False) for name in names]
    limits = [sa.Column(f"{r}_is_limit", sa.Boolean, nullable=False) for r in ("r50", "r30")]
    return columns + limits
