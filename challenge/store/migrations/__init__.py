"""The history of the store's tables, for Alembic; `challenge.store.database` runs it."""
