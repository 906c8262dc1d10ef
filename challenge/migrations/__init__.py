"""The history of the store's tables, for Alembic; run by `challenge.database` when it opens one."""
