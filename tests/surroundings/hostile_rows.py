"""The table: one row for each hostile surrounding."""

from __future__ import annotations

from pathlib import Path

from tests.surroundings.surroundings import (
    ALL,
    WITH_AUDIO,
    WITH_MANIFEST,
    WRITERS,
    Row,
    acting,
    album_in,
    audio_named,
    audio_with_too_long_a_name,
    closed_album,
    closed_output,
    closed_working_folder,
    full_disk,
    home_by_link,
    home_is,
    home_named,
    home_of_the_platform,
    home_relative,
    home_with_modes,
    home_with_tilde,
    manifest_by_link,
    manifest_named,
    modules_of_the_attacker,
    proxies,
    several,
    variables,
    with_prefix,
    working_folder,
)

BROKEN_TOML = "[tool.prefect\nlogging = = 3\n"

ROWS = (
    # Languages and encodings
    Row("C locale", variables(fresh=True, LC_ALL="C", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0"), plainly=True),
    Row("latin-1 output", variables(PYTHONIOENCODING="latin-1"), plainly=True),
    Row("ascii output", variables(PYTHONIOENCODING="ascii"), plainly=True),
    Row("utf-16 output", variables(PYTHONIOENCODING="utf-16"), speechless=True),
    Row("comma decimals, or no such locale", variables(LC_ALL="de_DE.UTF-8", LANG="xx_YY.nonsense")),
    # Terminals and descriptors
    Row("dumb terminal of one column", variables(TERM="dumb", COLUMNS="1"), plainly=True),
    Row("20 columns, colours forced", variables(COLUMNS="20", FORCE_COLOR="", NO_COLOR="1"), plainly=True),
    Row("columns that are no number", variables(COLUMNS="abc", LINES="-3", TERM=""), plainly=True),
    Row("stdin closed", acting(["close", 0])),
    Row("stdout closed", acting(["close", 1]), speechless=True),
    Row("stderr closed", acting(["close", 2])),
    Row("all three closed", acting(["close", 0], ["close", 1], ["close", 2]), speechless=True),
    Row("stdout full", acting(["redirect", 1, "/dev/full"]), ALL, plainly=True),
    Row("stderr full", acting(["redirect", 2, "/dev/full"]), plainly=True),
    Row("stdout's reader gone", acting(["break_pipe", 1]), plainly=True, speechless=True),
    # Proxies
    Row("SOCKS5 proxy", proxies("socks5://127.0.0.1:9")),
    Row("SOCKS4 proxy", proxies("socks4://127.0.0.1:9")),
    Row("garbage for proxies", proxies("no proxy at all")),
    Row("NO_PROXY with garbage", variables(NO_PROXY=",[::1,*,\t", no_proxy="é", HTTP_PROXY="http://127.0.0.1:9")),
    # Prefect's settings, of the environment and of the working folder
    Row(
        "Prefect of a farm that is away",
        variables(fresh=True, PREFECT_API_URL="http://127.0.0.1:9/api"),
        frozenset({"doctor"}),
    ),
    Row("Prefect's home is a file", variables(fresh=True, PREFECT_HOME="/dev/null")),
    Row("Prefect's profile is unknown", variables(fresh=True, PREFECT_PROFILE="nobody")),
    Row(
        "variables of other servers and wrong certificates",
        variables(
            fresh=True, WEB_CONCURRENCY="3", FORWARDED_ALLOW_IPS="*", UVICORN_PORT="1", SSL_CERT_FILE="/nonexistent"
        ),
        frozenset({"doctor"}),
    ),
    Row(
        "Prefect's settings are wrong",
        variables(fresh=True, PREFECT_LOGGING_LEVEL="LOUD", PREFECT_API_REQUEST_TIMEOUT="long"),
    ),
    Row(
        ".env in latin-1",
        working_folder(__env=b"SECRET=caf\xe9\nPREFECT_API_URL=http://127.0.0.1:9/api\nSONGLINE_HOME=x\n"),
    ),
    Row(
        "prefect.toml and pyproject.toml broken", working_folder(prefect__toml=BROKEN_TOML, pyproject__toml=BROKEN_TOML)
    ),
    # Working folders
    Row("working folder removed", acting(["no_folder"])),
    Row("working folder closed", closed_working_folder),
    Row("working folder is /", lambda place: setattr(place, "folder", "/")),
    Row("working folder with modules of our names", modules_of_the_attacker),
    # Homes
    Row("home missing", home_is(lambda home: None), ALL, without=WRITERS),
    Row("home is a file", home_is(lambda home: home.write_text("a file")), ALL),
    Row("home is a dead link", home_is(lambda home: home.symlink_to("nowhere")), ALL, without=WRITERS),
    Row("home is a link in a circle", home_is(lambda home: home.symlink_to(home)), ALL),
    Row("home below a file", variables(SONGLINE_HOME="/dev/null/home"), ALL),
    Row("home where nobody can make a folder", variables(SONGLINE_HOME="/proc/songline"), ALL),
    Row("home read-only", home_with_modes(0o500, 0o400), WRITERS),
    Row("home closed", home_with_modes(0o000, 0o000), ALL),
    Row("home with ? and %", home_named("a?b%41#c;d&e=f")),
    Row("home with spaces and a line break", home_named(" two\nlines ")),
    Row("home with an escape sequence", home_named("\x1b[2J\x1b]52;c;eA==\x07"), plainly=True),
    Row("home not UTF-8", home_named(b"caf\xe9-\xff")),
    Row("home with a name of 250 bytes", home_named("h" * 250)),
    Row("home with a name of 300 bytes", variables(SONGLINE_HOME=f"/tmp/{'h' * 300}"), ALL),
    Row("home relative", home_relative),
    Row("home with ~", home_with_tilde),
    Row("home by a link", home_by_link),
    Row(
        "home of the platform, HOME unset",
        several(home_of_the_platform, variables(HOME="/proc/1/nowhere")),
        ALL,
        without=WRITERS,
    ),
    Row("home on a full disk", full_disk, WRITERS),
    # Albums and files
    Row("album's folder not UTF-8", album_in(b"\xe9t\xe9")),
    Row("album's folder with an escape sequence", album_in("\x1b[2J"), plainly=True),
    Row("album's folder with a name of 250 bytes", album_in("a" * 250)),
    Row("album's folder without search right", closed_album, WITH_MANIFEST),
    Row("manifest by a link", manifest_by_link),
    Row("manifest with a leading dash", manifest_named("-album.yaml")),
    Row("manifest is a folder", lambda place: setattr(place, "manifest", place.user), WITH_MANIFEST),
    Row("manifest is a device", lambda place: setattr(place, "manifest", Path("/dev/null")), WITH_MANIFEST),
    Row("audio not UTF-8", audio_named(b"\xff\xe9.mp3")),
    Row("audio with a name over 255 bytes", audio_with_too_long_a_name, WITH_AUDIO),
    Row("audio is a device", lambda place: setattr(place, "audio", Path("/dev/full")), WITH_AUDIO),
    Row("release folder closed", closed_output, frozenset({"render", "export"})),
    # Processes
    Row("TMPDIR missing", variables(TMPDIR="/nonexistent/tmp", TMP=None, TEMP=None)),
    Row("umask 0", acting(["umask", 0])),
    Row("umask 777", acting(["umask", 0o777])),
    Row("64 open files", acting(["rlimit", "RLIMIT_NOFILE", 64])),
    Row("20 open files", acting(["rlimit", "RLIMIT_NOFILE", 20]), ALL),
    Row("files of 1 MiB at most", acting(["rlimit", "RLIMIT_FSIZE", 1 << 20])),
    Row("files of no byte", acting(["rlimit", "RLIMIT_FSIZE", 0]), ALL, speechless=True),
    Row("little memory", acting(["rlimit", "RLIMIT_AS", 1 << 30]), ALL),
    Row("TZ garbage", several(variables(TZ="../../etc/passwd"), acting(["tzset"]))),
    Row("SOURCE_DATE_EPOCH garbage", variables(SOURCE_DATE_EPOCH="yesterday")),
    Row("PYTHONWARNINGS=error", variables(fresh=True, PYTHONWARNINGS="error")),
    Row("PYTHONOPTIMIZE=2", variables(fresh=True, PYTHONOPTIMIZE="2")),
    # Settings of ours
    Row("settings that are none", variables(SONGLINE_NONSENSE="1", SONGLINE_="x", SONGLINE_HOMES="/nonexistent")),
    Row("settings that are empty", variables(SONGLINE_DATABASE_URL="", SONGLINE_WORKERS="", SONGLINE_DEVICE="")),
    *(
        Row(f"SONGLINE_{name}={value[:24]}", with_prefix("SONGLINE_", **{name: value}), ALL)
        for name, value in (
            ("WORKERS", "many"),
            ("WORKERS", "-1"),
            ("DATABASE_URL", "mysql://root:secret-of-mine@localhost/x"),
            ("DATABASE_URL", "sqlite:////proc/none/x"),
            ("DATABASE_URL", "postgresql://[broken"),
            ("DATABASE_PATIENCE_S", "nan"),
            ("STORE_URL", "ftp://secret-of-mine@host/x"),
            ("S3_CA_FILE", "/nonexistent.pem"),
            ("LEASE_S", "inf"),
            ("CACHE_GB", "1e999"),
            ("ENGINE", "\x1b[2J"),
            ("DEVICE", "tpu"),
            ("SHARED_HOME", "world"),
            ("DEBUG", "perhaps"),
            ("MODELS", "/dev/null/models"),
            ("MODELS_TABLE", "/nonexistent.toml"),
            ("INBOX", "http://x"),
            ("NOTIFY", "../.."),
            ("GC_GRACE_S", "-1"),
        )
    ),
    Row("a hub that is no address", with_prefix("SONGLINE_", HUB_URL="not an address", INBOX="nowhere")),
    Row(
        "a database that is away",
        with_prefix(
            "SONGLINE_",
            DATABASE_URL="postgresql://nobody:secret-of-mine@127.0.0.1:9/x",
            DATABASE_PATIENCE_S="0",
        ),
        ALL,
    ),
    Row(
        "a store that is away",
        with_prefix(
            "SONGLINE_",
            STORE_URL="s3://bucket/x",
            S3_ENDPOINT="http://127.0.0.1:9",
            S3_ACCESS_KEY="name",
            S3_SECRET_KEY="secret-of-mine",
            S3_PATIENCE_S="0",
        ),
        ALL,
        without=WRITERS,
    ),
)
