"""Checkpoints of trainings in progress."""

import sqlalchemy as sa
from alembic import op

from db.tables.base import database_now

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('checkpoint',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('step_key', sa.String(length=64), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('fence', sa.Integer(), nullable=False),
    sa.Column('adapter_digest', sa.String(length=64), nullable=False),
    sa.Column('state_digest', sa.String(length=64), nullable=False),
    sa.Column('held_out_loss', sa.Double(), nullable=True),
    sa.Column('is_best', sa.Boolean(), nullable=False),
    sa.Column('made_at', sa.Double(), server_default=database_now(), nullable=False),
    sa.ForeignKeyConstraint(['adapter_digest'], ['artifact.digest'], name=op.f('fk_checkpoint_adapter_digest')),
    sa.ForeignKeyConstraint(['state_digest'], ['artifact.digest'], name=op.f('fk_checkpoint_state_digest')),
    sa.ForeignKeyConstraint(['step_key'], ['step.key'], name=op.f('fk_checkpoint_step_key')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_checkpoint')),
    sa.UniqueConstraint('step_key', 'number', name=op.f('uq_checkpoint_step_key_number'))
    )
    op.create_index(op.f('ix_checkpoint_adapter_digest'), 'checkpoint', ['adapter_digest'])
    op.create_index(op.f('ix_checkpoint_state_digest'), 'checkpoint', ['state_digest'])


def downgrade() -> None:
    raise NotImplementedError('put the backup back that was made beside the catalog')
