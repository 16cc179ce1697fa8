"""How Alembic runs here: always on the connection, and in the transaction, that `shouwang.ledger.migrate` gives it."""

from alembic import context

from shouwang.ledger.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transactional_ddl=True,  # true of SQLite too, as transactions are begun by our engine
    render_as_batch=True,  # SQLite changes a table by making it anew
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
