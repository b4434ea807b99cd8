"""Files under the database: private files, regular files, and SQLite files checked before they are opened."""
