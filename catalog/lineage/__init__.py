"""Lineage: traces any bytes back to the activities, songs, recipes and decisions they come from."""
