"""Public and private split, the Ladder, quotas, final choices, and the log of events."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_NUMBERS = (
    "auc_value, auc_error, r50_value, r50_low, r50_high, r50_is_limit, "
    "r30_value, r30_low, r30_high, r30_is_limit"
)


def upgrade() -> None:
    """From one score of a submission to one of each split.

    A challenge that had no split keeps none: both of its scorecards are made of all labels, which
    is what `challenge.store.folder` reads from its labels as well.
    """
    _add_course()
    _add_events()
    op.add_column("team", sa.Column("v", sa.Integer, nullable=False, server_default="0"))
    op.add_column("team", sa.Column("closes", sa.DateTime))
    op.add_column("team", sa.Column("per_day", sa.Integer))
    _split_scores()
    _add_ladder()
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


def _split_scores() -> None:
    op.rename_table("score", "score_of_all")
    types = [
        sa.Column(name, sa.Boolean if name.endswith("limit") else sa.Float(53), nullable=False)
        for name in _NUMBERS.split(", ")
    ]
    op.create_table(
        "score",
        sa.Column("submission_id", sa.Integer, sa.ForeignKey("submission.id"), nullable=False),
        sa.Column("split", sa.String(7), nullable=False),
        *types,
        sa.PrimaryKeyConstraint("submission_id", "split", name="score_of_split"),
    )
    for split in ("PUBLIC", "PRIVATE"):
        op.execute(
            f"INSERT INTO score (submission_id, split, {_NUMBERS}) "
            f"SELECT submission_id, '{split}', {_NUMBERS} FROM score_of_all"
        )
    op.drop_table("score_of_all")


def _add_ladder() -> None:
    with op.batch_alter_table("submission") as submission:
        submission.add_column(
            sa.Column("is_best", sa.Boolean, nullable=False, server_default=sa.false())
        )
        submission.add_column(sa.Column("compared_with", sa.Integer))
        submission.create_foreign_key(
            "submission_compared_with", "submission", ["compared_with"], ["id"]
        )
        submission.create_index("ix_submission_received_at", ["received_at"])
    # Before there was a Ladder, the higher AUC was the new best.
    op.execute(
        "UPDATE submission SET is_best = (1 = 1) WHERE state = 'SCORED' AND NOT EXISTS ("
        " SELECT 1 FROM submission AS earlier"
        " JOIN score AS theirs ON theirs.submission_id = earlier.id AND theirs.split = 'PUBLIC'"
        " JOIN score AS ours ON ours.submission_id = submission.id AND ours.split = 'PUBLIC'"
        " WHERE earlier.network_id = submission.network_id AND earlier.id < submission.id"
        " AND theirs.auc_value >= ours.auc_value)"
    )
