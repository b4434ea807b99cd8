"""The guide engine: arranges and plays a song on a CPU, without weights."""
