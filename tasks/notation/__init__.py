"""Written music: a lead sheet in bars and note values, as MusicXML and as a drawing."""
