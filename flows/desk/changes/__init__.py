"""What a user changes from a page: decisions, retakes, takes from elsewhere, renders."""
