"""Package a release: its files, documents and names, built in a staging folder and swapped in as a whole."""
