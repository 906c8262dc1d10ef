"""The tables of a challenge as they were first published."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Course, log, teams, networks, submissions with a score for each split, final choices."""
    _add_course()
    _add_events()
    op.create_table(
        "team",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("key", sa.String(200), nullable=False, unique=True),
        sa.Column("v", sa.Integer, nullable=False, server_default="0"),
        sa.Column("closes", sa.DateTime),
        sa.Column("per_day", sa.Integer),
    )
    op.create_table(
        "network",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("team_id", sa.Integer, sa.ForeignKey("team.id"), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.UniqueConstraint("team_id", "key"),
    )
    _add_submissions()
    op.create_table(
        "pick",
        sa.Column("network_id", sa.Integer, sa.ForeignKey("network.id"), primary_key=True),
        sa.Column("submission_id", sa.Integer, sa.ForeignKey("submission.id"), nullable=False),
    )


def _add_course() -> None:
    op.create_table(
        "course",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("v", sa.Integer, nullable=False),
        sa.Column("paused", sa.DateTime),
        sa.Column("closed", sa.DateTime),
        sa.Column("revealed", sa.DateTime),
        sa.Column("n_events", sa.Integer, nullable=False),
        sa.Column("last_at", sa.DateTime),
        sa.Column("head", sa.String(64), nullable=False),
    )
    op.execute("INSERT INTO course (id, v, n_events, head) VALUES (1, 0, 0, '')")


def _add_events() -> None:
    op.create_table(
        "event",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    complaint = "the log of events is append-only"
    if op.get_bind().dialect.name == "sqlite":
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER event_no_{change.lower()} BEFORE {change} ON event "
                f"BEGIN SELECT RAISE(ABORT, '{complaint}'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION event_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{complaint}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER event_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON event "
        "FOR EACH STATEMENT EXECUTE FUNCTION event_is_append_only()"
    )


def _add_submissions() -> None:
    op.create_table(
        "submission",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("network_id", sa.Integer, sa.ForeignKey("network.id"), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("received_at", sa.DateTime, nullable=False, index=True),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("reason", sa.String(32)),
        sa.Column("sentence", sa.String(500)),
        sa.Column("is_best", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("compared_with", sa.Integer, sa.ForeignKey("submission.id")),
        sa.UniqueConstraint("network_id", "sha256"),
    )
    op.create_table(
        "score",
        sa.Column("submission_id", sa.Integer, sa.ForeignKey("submission.id"), primary_key=True),
        sa.Column("split", sa.String(7), primary_key=True),
        *_numbers(),
    )


def _numbers() -> list[sa.Column]:
    """AUC, R50 and R30 with their errors or intervals."""
    names = ["auc_value", "auc_error"]
    names += [f"{r}_{part}" for r in ("r50", "r30") for part in ("value", "low", "high")]
    columns = [sa.Column(name, sa.Float(53), nullable=False) for name in names]
    limits = [sa.Column(f"{r}_is_limit", sa.Boolean, nullable=False) for r in ("r50", "r30")]
    return columns + limits
