"""The templates of the audition page."""
