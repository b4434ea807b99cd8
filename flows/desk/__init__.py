"""The web app of ``songline desk``: the whole catalog in the browser, on this machine only."""
