"""Indexes for the references that a removal, and the way from sound to renders, look back through."""

from alembic import op

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None

REFERENCES = (
    ('album', 'cover_digest'),
    ('candidate', 'parent_id'),
    ('decision', 'activity_id'),
    ('decision', 'supersedes_id'),
    ('decision', 'winner_id'),
    ('release', 'activity_id'),
    ('render', 'activity_id'),
    ('render', 'audio_digest'),
    ('score', 'activity_id'),
    ('step', 'activity_id'),
)


def upgrade() -> None:
    for table, column in REFERENCES:
        op.create_index(op.f(f'ix_{table}_{column}'), table, [column])


def downgrade() -> None:
    raise NotImplementedError('put the backup back that was made beside the catalog')
