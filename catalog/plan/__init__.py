"""Plans: the renders and steps that an album requests, stored in the catalog, and their state."""
