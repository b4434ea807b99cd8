"""What persons say of candidates."""

import sqlalchemy as sa
from alembic import op

from db.tables.base import database_now

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('review',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('candidate_id', sa.String(length=200), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('note', sa.String(length=2000), nullable=True),
    sa.Column('said_by', sa.String(length=200), nullable=False),
    sa.Column('said_at', sa.Double(), server_default=database_now(), nullable=False),
    sa.ForeignKeyConstraint(['candidate_id'], ['candidate.id'], name=op.f('fk_review_candidate_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_review'))
    )
    op.create_index(op.f('ix_review_candidate_id'), 'review', ['candidate_id'])


def downgrade() -> None:
    raise NotImplementedError('put the backup back that was made beside the catalog')
