"""Who may ask the app for what: the link's token, its cookie, the hosts and origins that are answered, the headers."""
