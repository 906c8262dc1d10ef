"""Alembic reads this file to run the migrations, on the connection `challenge.database` gives it.

The transaction is the caller's: a migration that is interrupted leaves the tables as they were.
"""

from alembic import context

from challenge.tables import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()
