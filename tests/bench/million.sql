-- A catalog of finished albums: 100 songs an album, 10 candidates a song. One render in 20,011 failed, and those of
-- the last album are still planned. To keep the disk in bounds a candidate has two metrics and short lyrics; everything
-- else has its true number of rows. Each part begins with its name.

-- functions
CREATE FUNCTION digest(kind text, n bigint) RETURNS text IMMUTABLE LANGUAGE sql AS
    $$ SELECT md5(kind || n) || md5(kind || n || '+') $$;
CREATE FUNCTION candidate_id(n bigint) RETURNS text IMMUTABLE LANGUAGE sql AS
    $$ SELECT 'song-' || n / 10 || '-' || mod(n, 10) || '-' || substr(md5('' || n), 1, 6) $$;
CREATE FUNCTION prompt(n bigint) RETURNS text IMMUTABLE LANGUAGE sql AS
    $$ SELECT 'indie pop, 96 BPM, A minor, warm synths, female vocal, wistful, take ' || n $$;
CREATE FUNCTION words() RETURNS text IMMUTABLE LANGUAGE sql AS
    $$ SELECT repeat('[00:10.00]A line of the song as long as most lines are ', 4) $$;
CREATE FUNCTION recipe(n bigint) RETURNS json IMMUTABLE LANGUAGE sql AS
    $$ SELECT json_build_object('engine', 'diffrhythm', 'revision', 1, 'seed', mod(n, 10), 'length_s', 95,
        'inputs', json_build_object('prompt', prompt(n / 10), 'lyrics', words())) $$;
CREATE FUNCTION brief(n bigint) RETURNS json IMMUTABLE LANGUAGE sql AS
    $$ SELECT json_build_object('brief', json_build_object('length_s', 95, 'prompt', prompt(n / 10))) $$;
CREATE FUNCTION policy() RETURNS json IMMUTABLE LANGUAGE sql AS
    $$ SELECT '{"weights": {"tempo_match": 0.6, "mono_loss_lu": 0.4}, "gates": {}, "min_candidates": 1}'::json $$;

-- album
INSERT INTO album (id, title, manifest, manifest_digest)
SELECT 'album-' || a, 'Album ' || a, (SELECT json_build_object('licences', '[]'::json, 'songs',
    json_agg(json_build_object('id', 'song-' || s, 'prompt', prompt(s), 'lyrics', words())))
    FROM generate_series(a * 100, a * 100 + 99) s), md5('m' || a) || md5('m' || a)
FROM generate_series(0, {albums} - 1) a;

-- song
INSERT INTO song (id, album_id, slug, title, position, active)
SELECT n + 1, 'album-' || n / 100, 'song-' || n, 'Song ' || n, mod(n, 100) + 1, true
FROM generate_series(0, {songs} - 1) n;

-- artifact
INSERT INTO artifact (digest, size, media_type, sample_digest)
SELECT digest('audio', n), 33000000, 'audio/wav', digest('samples', n) FROM generate_series(0, {candidates} - 1) n
UNION ALL SELECT digest('master', n), 33000000, 'audio/wav', NULL FROM generate_series(0, {songs} - 1) n
UNION ALL SELECT digest('file', n), 9000000, 'audio/flac', NULL FROM generate_series(0, {songs} - 1) n;

-- activity of renders
INSERT INTO activity (id, kind, work_key, revision, parameters, outcome, attempt, started_at, seconds, code_version,
    environment, device, seed, figures)
SELECT md5('render' || n), 'render', digest('render', n), 1, recipe(n), 'done', 1, 1700000000 + n, 5.0, '1.0.0',
    '{"python": "3.11", "torch": "2.11"}', 'NVIDIA H100', mod(n, 10),
    '{"device": "NVIDIA H100", "dtype": "bfloat16", "batch": 8, "text_s": 0.01, "sampler_s": 2.0, "vae_s": 0.5}'
FROM generate_series(0, {candidates} - 1) n;

-- activity of scores
INSERT INTO activity (id, kind, work_key, revision, parameters, outcome, attempt, started_at, seconds, code_version,
    environment, device)
SELECT md5('score' || n), 'score', digest('score', n), 1, brief(n), 'done', 1, 1700000000 + n, 5.0, '1.0.0',
    '{"python": "3.11", "torch": "2.11"}', 'NVIDIA H100' FROM generate_series(0, {candidates} - 1) n;

-- activity of songs
INSERT INTO activity (id, kind, work_key, revision, parameters, outcome, attempt, started_at, seconds, code_version,
    environment, device)
SELECT md5(kind || n), kind, digest, 1, '{"mastering": {"profile": "streaming"}}', 'done', 1, 1700000000 + n, 5.0, '1.0.0',
    '{"python": "3.11", "torch": "2.11"}', 'NVIDIA H100'
FROM generate_series(0, {songs} - 1) n,
LATERAL (VALUES ('select', digest('select', n)), ('master', digest('master step', n)), ('encode', digest('encode', n))) AS k (kind, digest);

-- activity_artifact
INSERT INTO activity_artifact (activity_id, direction, role, artifact_digest)
SELECT md5('render' || n), 'made', 'audio', digest('audio', n) FROM generate_series(0, {candidates} - 1) n
UNION ALL SELECT md5('score' || n), 'used', 'audio', digest('audio', n) FROM generate_series(0, {candidates} - 1) n
UNION ALL SELECT md5('master' || n), 'used', 'audio', digest('audio', n * 10) FROM generate_series(0, {songs} - 1) n
UNION ALL SELECT md5('master' || n), 'made', 'master', digest('master', n) FROM generate_series(0, {songs} - 1) n
UNION ALL SELECT md5('encode' || n), 'used', 'master', digest('master', n) FROM generate_series(0, {songs} - 1) n
UNION ALL SELECT md5('encode' || n), 'made', 'file', digest('file', n) FROM generate_series(0, {songs} - 1) n;

-- render
INSERT INTO render (key, engine, seed, recipe, state, fence, attempts, due_at, error, audio_digest, activity_id)
SELECT digest('render', n), 'diffrhythm', mod(n, 10), recipe(n), state, 1, 0, 0,
    CASE state WHEN 'failed' THEN '{"error": "bad words", "remedy": "Change them", "ids": {}}'::json END,
    CASE state WHEN 'rendered' THEN digest('audio', n) END, CASE state WHEN 'rendered' THEN md5('render' || n) END
FROM generate_series(0, {candidates} - 1) n,
LATERAL (SELECT CASE WHEN mod(n, 20011) = 7 THEN 'failed' WHEN n >= {candidates} - 1000 THEN 'planned'
    ELSE 'rendered' END AS state) AS standing;

-- candidate
INSERT INTO candidate (id, song_id, render_key, seed, seed_order, prompt, lyrics_digest, active)
SELECT candidate_id(n), n / 10 + 1, digest('render', n), mod(n, 10), mod(n, 10), prompt(n), digest('samples', n / 10), true
FROM generate_series(0, {candidates} - 1) n;

-- step of scores
INSERT INTO step (key, kind, revision, parameters, inputs, result, activity_id, state, fence, attempts, due_at)
SELECT digest('score', n), 'score', 1, brief(n), json_build_object('audio', digest('audio', n)), '{"metrics": 20, "measured": 20}',
    md5('score' || n), 'done', 1, 0, 0 FROM generate_series(0, {candidates} - 1) n;

-- step of songs
INSERT INTO step (key, kind, revision, parameters, inputs, result, activity_id, state, fence, attempts, due_at)
SELECT digest, kind, 1, parameters, inputs, '{"gain_db": -2.5, "loudness_lufs": -14.0}', md5(kind || n), 'done', 1, 0, 0
FROM generate_series(0, {songs} - 1) n, LATERAL (VALUES
    ('select', digest('select', n), json_build_object('failed', '[]'::json, 'policy', policy(), 'candidates',
        (SELECT json_agg(json_build_object('id', candidate_id(c), 'seed', mod(c, 10), 'score_keys', json_build_array(digest('score', c))))
         FROM generate_series(n * 10, n * 10 + 9) c)), '{}'::json),
    ('master', digest('master step', n), '{"mastering": {"profile": "streaming"}}', json_build_object('audio', digest('audio', n * 10))),
    ('encode', digest('encode', n), '{"deliverable": "flac24"}', json_build_object('master', digest('master', n)))
) AS k (kind, digest, parameters, inputs);

-- score
INSERT INTO score (step_key, activity_id, metric, scorer, revision, unit, value)
SELECT digest('score', n), md5('score' || n), metric, 'technical', 1, '', (mod(n, 97)) / 97.0
FROM generate_series(0, {candidates} - 1) n, (VALUES ('tempo_match'), ('mono_loss_lu')) AS m (metric);

-- decision
INSERT INTO decision (song_id, step_key, activity_id, policy, document, winner_id)
SELECT n + 1, digest('select', n), md5('select' || n), policy(), json_build_object('winner', candidate_id(n * 10),
    'sentence', 'Seed 0 won of ten.', 'candidates', (SELECT json_agg(json_build_object('id', candidate_id(c),
    'rank', mod(c, 10) + 1, 'sentence', 'It came in after the others.', 'metrics', '{"tempo_match": {"value": 0.5}}'::json))
    FROM generate_series(n * 10, n * 10 + 9) c)), candidate_id(n * 10)
FROM generate_series(0, {songs} - 1) n;

-- release
INSERT INTO release (id, album_id, build, step_key, activity_id, document)
SELECT a + 1, 'album-' || a, 1, digest('pack', a), md5('select' || a * 100), '{"tracks": []}'
FROM generate_series(0, {albums} - 1) a;

-- release_file
INSERT INTO release_file (release_id, path, artifact_digest)
SELECT n / 100 + 1, 'flac24/' || n || '.flac', digest('file', n) FROM generate_series(0, {songs} - 1) n;
