"""Maintenance of the store: disk use, removal of albums and old builds, repair of lost bytes."""
