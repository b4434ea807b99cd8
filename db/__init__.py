"""How the catalog is kept: tables, statements, sessions, migrations, on SQLite and PostgreSQL."""
