"""The first catalog."""

import sqlalchemy as sa
from alembic import op

from db.tables.base import database_now

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('activity',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('kind', sa.String(length=32), nullable=False),
    sa.Column('work_key', sa.String(length=64), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('parameters', sa.JSON(none_as_null=True), nullable=False),
    sa.Column('seed', sa.BigInteger(), nullable=True),
    sa.Column('outcome', sa.String(length=16), nullable=False),
    sa.Column('error', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('started_at', sa.Double(), nullable=False),
    sa.Column('seconds', sa.Double(), nullable=False),
    sa.Column('code_version', sa.String(length=100), nullable=False),
    sa.Column('environment', sa.JSON(none_as_null=True), nullable=False),
    sa.Column('device', sa.String(length=100), nullable=False),
    sa.Column('flow_run_id', sa.String(length=36), nullable=True),
    sa.Column('task_run_id', sa.String(length=36), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_activity'))
    )
    with op.batch_alter_table('activity', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_activity_kind'), ['kind'], unique=False)
        batch_op.create_index(batch_op.f('ix_activity_work_key'), ['work_key'], unique=False)

    op.create_table('album',
    sa.Column('id', sa.String(length=200), nullable=False),
    sa.Column('title', sa.String(length=1000), nullable=False),
    sa.Column('manifest', sa.JSON(none_as_null=True), nullable=False),
    sa.Column('manifest_digest', sa.String(length=64), nullable=False),
    sa.Column('applied_policy', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('applied_over', sa.String(length=64), nullable=True),
    sa.Column('release_key', sa.String(length=64), nullable=True),
    sa.Column('created_at', sa.Double(), server_default=database_now(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_album'))
    )
    op.create_table('artifact',
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('size', sa.BigInteger(), nullable=False),
    sa.Column('media_type', sa.String(length=100), nullable=False),
    sa.Column('sample_digest', sa.String(length=64), nullable=True),
    sa.Column('created_at', sa.Double(), server_default=database_now(), nullable=False),
    sa.Column('pruned_at', sa.Double(), nullable=True),
    sa.PrimaryKeyConstraint('digest', name=op.f('pk_artifact'))
    )
    with op.batch_alter_table('artifact', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_artifact_sample_digest'), ['sample_digest'], unique=False)

    op.create_table('activity_artifact',
    sa.Column('activity_id', sa.String(length=32), nullable=False),
    sa.Column('direction', sa.String(length=4), nullable=False),
    sa.Column('role', sa.String(length=200), nullable=False),
    sa.Column('artifact_digest', sa.String(length=64), nullable=False),
    sa.ForeignKeyConstraint(['activity_id'], ['activity.id'], name=op.f('fk_activity_artifact_activity_id')),
    sa.ForeignKeyConstraint(['artifact_digest'], ['artifact.digest'], name=op.f('fk_activity_artifact_artifact_digest')),
    sa.PrimaryKeyConstraint('activity_id', 'direction', 'role', name=op.f('pk_activity_artifact'))
    )
    with op.batch_alter_table('activity_artifact', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_activity_artifact_artifact_digest'), ['artifact_digest'], unique=False)

    op.create_table('release',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('album_id', sa.String(length=200), nullable=False),
    sa.Column('build', sa.Integer(), nullable=False),
    sa.Column('step_key', sa.String(length=64), nullable=False),
    sa.Column('activity_id', sa.String(length=32), nullable=False),
    sa.Column('document', sa.JSON(none_as_null=True), nullable=False),
    sa.Column('created_at', sa.Double(), server_default=database_now(), nullable=False),
    sa.ForeignKeyConstraint(['activity_id'], ['activity.id'], name=op.f('fk_release_activity_id')),
    sa.ForeignKeyConstraint(['album_id'], ['album.id'], name=op.f('fk_release_album_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_release')),
    sa.UniqueConstraint('album_id', 'build', name=op.f('uq_release_album_id_build')),
    sa.UniqueConstraint('step_key', name=op.f('uq_release_step_key'))
    )
    op.create_table('render',
    sa.Column('key', sa.String(length=64), nullable=False),
    sa.Column('engine', sa.String(length=64), nullable=False),
    sa.Column('seed', sa.BigInteger(), nullable=False),
    sa.Column('recipe', sa.JSON(none_as_null=True), nullable=False),
    sa.Column('audio_digest', sa.String(length=64), nullable=True),
    sa.Column('activity_id', sa.String(length=32), nullable=True),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('owner', sa.String(length=200), nullable=True),
    sa.Column('lease_until', sa.Double(), nullable=True),
    sa.Column('fence', sa.Integer(), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('due_at', sa.Double(), nullable=False),
    sa.Column('error', sa.JSON(none_as_null=True), nullable=True),
    sa.ForeignKeyConstraint(['activity_id'], ['activity.id'], name=op.f('fk_render_activity_id')),
    sa.ForeignKeyConstraint(['audio_digest'], ['artifact.digest'], name=op.f('fk_render_audio_digest')),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_render'))
    )
    with op.batch_alter_table('render', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_render_state'), ['state'], unique=False)

    op.create_table('song',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('album_id', sa.String(length=200), nullable=False),
    sa.Column('slug', sa.String(length=200), nullable=False),
    sa.Column('title', sa.String(length=1000), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['album_id'], ['album.id'], name=op.f('fk_song_album_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_song')),
    sa.UniqueConstraint('album_id', 'slug', name=op.f('uq_song_album_id_slug'))
    )
    op.create_table('step',
    sa.Column('key', sa.String(length=64), nullable=False),
    sa.Column('kind', sa.String(length=32), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('parameters', sa.JSON(none_as_null=True), nullable=False),
    sa.Column('inputs', sa.JSON(none_as_null=True), nullable=False),
    sa.Column('result', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('activity_id', sa.String(length=32), nullable=True),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('owner', sa.String(length=200), nullable=True),
    sa.Column('lease_until', sa.Double(), nullable=True),
    sa.Column('fence', sa.Integer(), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('due_at', sa.Double(), nullable=False),
    sa.Column('error', sa.JSON(none_as_null=True), nullable=True),
    sa.ForeignKeyConstraint(['activity_id'], ['activity.id'], name=op.f('fk_step_activity_id')),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_step'))
    )
    with op.batch_alter_table('step', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_step_kind'), ['kind'], unique=False)
        batch_op.create_index(batch_op.f('ix_step_state'), ['state'], unique=False)

    op.create_table('candidate',
    sa.Column('id', sa.String(length=200), nullable=False),
    sa.Column('song_id', sa.Integer(), nullable=False),
    sa.Column('render_key', sa.String(length=64), nullable=False),
    sa.Column('seed', sa.BigInteger(), nullable=False),
    sa.Column('seed_order', sa.Integer(), nullable=False),
    sa.Column('prompt', sa.String(length=10000), nullable=True),
    sa.Column('lyrics_digest', sa.String(length=64), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['render_key'], ['render.key'], name=op.f('fk_candidate_render_key')),
    sa.ForeignKeyConstraint(['song_id'], ['song.id'], name=op.f('fk_candidate_song_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_candidate')),
    sa.UniqueConstraint('song_id', 'render_key', name=op.f('uq_candidate_song_id_render_key'))
    )
    with op.batch_alter_table('candidate', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_candidate_render_key'), ['render_key'], unique=False)
        batch_op.create_index(batch_op.f('ix_candidate_song_id'), ['song_id'], unique=False)

    op.create_table('release_file',
    sa.Column('release_id', sa.Integer(), nullable=False),
    sa.Column('path', sa.String(length=1000), nullable=False),
    sa.Column('artifact_digest', sa.String(length=64), nullable=False),
    sa.ForeignKeyConstraint(['artifact_digest'], ['artifact.digest'], name=op.f('fk_release_file_artifact_digest')),
    sa.ForeignKeyConstraint(['release_id'], ['release.id'], name=op.f('fk_release_file_release_id')),
    sa.PrimaryKeyConstraint('release_id', 'path', name=op.f('pk_release_file'))
    )
    with op.batch_alter_table('release_file', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_release_file_artifact_digest'), ['artifact_digest'], unique=False)

    op.create_table('score',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('step_key', sa.String(length=64), nullable=False),
    sa.Column('activity_id', sa.String(length=32), nullable=False),
    sa.Column('metric', sa.String(length=64), nullable=False),
    sa.Column('scorer', sa.String(length=64), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('unit', sa.String(length=16), nullable=False),
    sa.Column('value', sa.Double(), nullable=True),
    sa.Column('not_measurable', sa.String(length=500), nullable=True),
    sa.Column('windows', sa.JSON(none_as_null=True), nullable=True),
    sa.CheckConstraint('(value IS NULL) <> (not_measurable IS NULL)', name=op.f('ck_score_one_outcome')),
    sa.ForeignKeyConstraint(['activity_id'], ['activity.id'], name=op.f('fk_score_activity_id')),
    sa.ForeignKeyConstraint(['step_key'], ['step.key'], name=op.f('fk_score_step_key')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_score')),
    sa.UniqueConstraint('step_key', 'metric', name=op.f('uq_score_step_key_metric'))
    )
    op.create_table('decision',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('song_id', sa.Integer(), nullable=False),
    sa.Column('step_key', sa.String(length=64), nullable=False),
    sa.Column('activity_id', sa.String(length=32), nullable=False),
    sa.Column('supersedes_id', sa.Integer(), nullable=True),
    sa.Column('policy', sa.JSON(none_as_null=True), nullable=False),
    sa.Column('document', sa.JSON(none_as_null=True), nullable=False),
    sa.Column('winner_id', sa.String(length=200), nullable=True),
    sa.Column('created_at', sa.Double(), server_default=database_now(), nullable=False),
    sa.ForeignKeyConstraint(['activity_id'], ['activity.id'], name=op.f('fk_decision_activity_id')),
    sa.ForeignKeyConstraint(['song_id'], ['song.id'], name=op.f('fk_decision_song_id')),
    sa.ForeignKeyConstraint(['supersedes_id'], ['decision.id'], name=op.f('fk_decision_supersedes_id')),
    sa.ForeignKeyConstraint(['winner_id'], ['candidate.id'], name=op.f('fk_decision_winner_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_decision'))
    )
    with op.batch_alter_table('decision', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_decision_song_id'), ['song_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_decision_step_key'), ['step_key'], unique=False)



def downgrade() -> None:
    with op.batch_alter_table('decision', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_decision_step_key'))
        batch_op.drop_index(batch_op.f('ix_decision_song_id'))

    op.drop_table('decision')
    op.drop_table('score')
    with op.batch_alter_table('release_file', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_release_file_artifact_digest'))

    op.drop_table('release_file')
    with op.batch_alter_table('candidate', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_candidate_song_id'))
        batch_op.drop_index(batch_op.f('ix_candidate_render_key'))

    op.drop_table('candidate')
    with op.batch_alter_table('step', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_step_state'))
        batch_op.drop_index(batch_op.f('ix_step_kind'))

    op.drop_table('step')
    op.drop_table('song')
    with op.batch_alter_table('render', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_render_state'))

    op.drop_table('render')
    op.drop_table('release')
    with op.batch_alter_table('activity_artifact', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_activity_artifact_artifact_digest'))

    op.drop_table('activity_artifact')
    with op.batch_alter_table('artifact', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_artifact_sample_digest'))

    op.drop_table('artifact')
    op.drop_table('album')
    with op.batch_alter_table('activity', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_activity_work_key'))
        batch_op.drop_index(batch_op.f('ix_activity_kind'))

    op.drop_table('activity')
