"""The lyrics of a manifest's songs: read from files or fields, timed where an engine needs times, and checked."""
