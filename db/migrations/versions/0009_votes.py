"""Votes of blind listenings."""

import sqlalchemy as sa
from alembic import op

from db.tables.base import database_now

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('vote',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('song_id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('shown', sa.JSON(none_as_null=True), nullable=False),
    sa.Column('preferred', sa.JSON(none_as_null=True), nullable=False),
    sa.Column('conditions', sa.JSON(none_as_null=True), nullable=False),
    sa.Column('said_by', sa.String(length=200), nullable=False),
    sa.Column('said_at', sa.Double(), server_default=database_now(), nullable=False),
    sa.ForeignKeyConstraint(['song_id'], ['song.id'], name=op.f('fk_vote_song_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_vote'))
    )
    op.create_index(op.f('ix_vote_song_id'), 'vote', ['song_id'])


def downgrade() -> None:
    raise NotImplementedError('put the backup back that was made beside the catalog')
