"""The networks of ACE-Step in memory: read from both published layouts, run through diffusers, decoded apart."""
