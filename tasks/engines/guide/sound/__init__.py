"""The guide's sound: SoundFont, sampler and mix."""
