"""A release put together: its files, documents and names, built aside and swapped in whole."""
