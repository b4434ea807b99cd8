"""What can be heard of a song's candidates, and how loud each is to be played beside the others."""
