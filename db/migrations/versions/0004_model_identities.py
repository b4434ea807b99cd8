"""An album keeps which files of the models its judges and stems were planned with."""

import sqlalchemy as sa
from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('album', sa.Column('model_identities', sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    raise NotImplementedError('put the backup back that was made beside the catalog')
