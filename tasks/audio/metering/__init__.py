"""Meters: loudness (ITU-R BS.1770-5, EBU R 128) and true peak, of whole and of streamed audio."""
