"""The neural singer of the extra ``singer``: a network speaks the lines, and singing stretches what it says."""
