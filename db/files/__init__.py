"""Files below the database: private ones, regular ones, and SQLite files checked before they are opened."""
