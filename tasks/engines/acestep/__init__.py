"""ACE-Step 1.5: sings plain lyrics in 50 languages, 10 to 600 s at 48 kHz, through diffusers."""
