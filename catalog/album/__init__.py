"""An album and its songs as values: lyrics, mastering, tempo and key, and the document that the catalog stores."""
