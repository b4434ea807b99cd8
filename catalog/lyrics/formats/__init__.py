"""Lyrics in other forms of file: subtitles (SubRip, WebVTT), and LRC with a time for every word."""
