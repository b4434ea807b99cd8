"""The scripts and styles of the audition page."""
