"""Retakes name their parent and their words; render activities keep what they cost."""

import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('activity', sa.Column('figures', sa.JSON(none_as_null=True), nullable=True))
    op.add_column('candidate', sa.Column('lyrics_lrc', sa.String(length=70_000), nullable=True))
    # Raw SQL: Alembic would recreate the table, which SQLite forbids while decisions refer to it.
    op.execute(
        'ALTER TABLE candidate ADD COLUMN parent_id VARCHAR(200) '
        'CONSTRAINT fk_candidate_parent_id REFERENCES candidate (id)'
    )


def downgrade() -> None:
    raise NotImplementedError('put the backup back that was made beside the catalog')
