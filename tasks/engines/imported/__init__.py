"""Takes that were made elsewhere: a bounce of a workstation, or what another generator made."""
