"""The genres of the guide: what its band plays, as data files, and the choice of one by a prompt's words."""
