"""Losses of bytes that a person accepted."""

import sqlalchemy as sa
from alembic import op

from db.tables.base import database_now

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('loss',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('artifact_digest', sa.String(length=64), nullable=False),
    sa.Column('found', sa.String(length=16), nullable=False),
    sa.Column('accepted_by', sa.String(length=200), nullable=False),
    sa.Column('accepted_at', sa.Double(), server_default=database_now(), nullable=False),
    sa.ForeignKeyConstraint(['artifact_digest'], ['artifact.digest'], name=op.f('fk_loss_artifact_digest')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_loss'))
    )
    op.create_index(op.f('ix_loss_artifact_digest'), 'loss', ['artifact_digest'])


def downgrade() -> None:
    raise NotImplementedError('put the backup back that was made beside the catalog')
