"""Submitted albums and the shards of their renders; an album keeps its cover's digest."""

import sqlalchemy as sa
from alembic import op

from db.tables.base import database_now

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Raw SQL, as in 0002: Alembic would recreate the table.
    op.execute(
        'ALTER TABLE album ADD COLUMN cover_digest VARCHAR(64) '
        'CONSTRAINT fk_album_cover_digest REFERENCES artifact (digest)'
    )
    op.create_index('ix_activity_kind_started_at', 'activity', ['kind', 'started_at'])
    op.create_table('submission',
    sa.Column('album_id', sa.String(length=200), nullable=False),
    sa.Column('manifest_digest', sa.String(length=64), nullable=False),
    sa.Column('until', sa.String(length=16), nullable=False),
    sa.Column('priority', sa.String(length=16), nullable=False),
    sa.Column('max_gpu_minutes', sa.Double(), nullable=True),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('reason', sa.String(length=2000), nullable=True),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('flow_run_id', sa.String(length=36), nullable=True),
    sa.Column('counted_from', sa.Double(), server_default=database_now(), nullable=False),
    sa.Column('submitted_at', sa.Double(), server_default=database_now(), nullable=False),
    sa.Column('ended_at', sa.Double(), nullable=True),
    sa.ForeignKeyConstraint(['album_id'], ['album.id'], name=op.f('fk_submission_album_id')),
    sa.PrimaryKeyConstraint('album_id', name=op.f('pk_submission'))
    )
    op.create_index(op.f('ix_submission_state'), 'submission', ['state'])
    op.create_table('shard',
    sa.Column('key', sa.String(length=64), nullable=False),
    sa.Column('album_id', sa.String(length=200), nullable=False),
    sa.Column('render_keys', sa.JSON(none_as_null=True), nullable=False),
    sa.Column('forecast_s', sa.Double(), nullable=False),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('flow_run_id', sa.String(length=36), nullable=True),
    sa.Column('dispatched_at', sa.Double(), server_default=database_now(), nullable=False),
    sa.ForeignKeyConstraint(['album_id'], ['album.id'], name=op.f('fk_shard_album_id')),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_shard'))
    )
    op.create_index(op.f('ix_shard_album_id'), 'shard', ['album_id'])


def downgrade() -> None:
    raise NotImplementedError('put the backup back that was made beside the catalog')
