"""Where a singer's spectra come from."""

from __future__ import annotations

from tasks.engines.guide.voice.bank import Bank
from tasks.engines.guide.voice.phonemes import PAUSE, Phone
from tasks.engines.guide.voice.plan import Phrase
from tasks.engines.guide.voice.spectra import SpokenSpectra, bank_spectra


class BankSource:
    """Spectra predicted from a bank: English."""

    def __init__(self, bank: Bank) -> None:
        self._bank = bank

    def spoken(self, phrase: Phrase) -> SpokenSpectra:
        """See :class:`tasks.engines.guide.voice.singer.Source`."""
        return bank_spectra(self._bank, (Phone(PAUSE, word=-1), *phrase.phones, Phone(PAUSE, word=-2)))
