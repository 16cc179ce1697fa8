"""What an agent said was wrong, beside the codes of the kind's rules.

Revision 0002, after 0001.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("conditions", sa.Column("why", sa.JSON(), nullable=True))
    op.add_column("transitions", sa.Column("why", sa.JSON(), nullable=True))


def downgrade() -> None:
    for table in ("transitions", "conditions"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_column("why")
