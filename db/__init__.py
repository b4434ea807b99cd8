"""Storage of the catalog: tables, statements, sessions and migrations, on SQLite and PostgreSQL."""
