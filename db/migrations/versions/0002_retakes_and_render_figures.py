"""Retakes name their parent and their words; render activities keep what they cost."""

import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('activity', sa.Column('figures', sa.JSON(none_as_null=True), nullable=True))
    with op.batch_alter_table('candidate', schema=None) as batch_op:
        batch_op.add_column(sa.Column('parent_id', sa.String(length=200), nullable=True))
        batch_op.add_column(sa.Column('lyrics_lrc', sa.String(length=70_000), nullable=True))
        batch_op.create_foreign_key(batch_op.f('fk_candidate_parent_id'), 'candidate', ['parent_id'], ['id'])


def downgrade() -> None:
    with op.batch_alter_table('candidate', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('fk_candidate_parent_id'), type_='foreignkey')
        batch_op.drop_column('lyrics_lrc')
        batch_op.drop_column('parent_id')
    op.drop_column('activity', 'figures')
