"""Cover pictures: the whole file is parsed, and everything but the picture is removed."""
