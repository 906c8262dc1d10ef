"""Alembic reads this file to run the migrations, on the connection it is given.

The transaction is the caller's: a migration that is interrupted leaves the tables as they were.
"""

from alembic import context

from challenge.store.tables import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()
