"""Plans: what an album asks for, kept in the catalog, and how it stands."""
