"""How a text is laid out in time: its stanzas, the bars that each line takes, and the form of the song around them."""
