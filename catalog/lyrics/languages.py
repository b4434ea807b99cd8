"""Language tags (BCP 47) of manifests: which there are, the three-letter codes that file tags hold, names and nearest.

The two-letter codes are all those of ISO 639-1, each with its code of ISO 639-3 (which ISO 639-2/T has too) and its
English name. Of the nearly 8,000 codes with three letters only some are listed: the others are legal and have no name
here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache

WORDLESS = "zxx"
"""The language of a recording without words (ISO 639-2: no linguistic content)."""

_TAG = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")

_TWO_LETTERS = """
aa aar Afar|ab abk Abkhazian|ae ave Avestan|af afr Afrikaans|ak aka Akan|am amh Amharic|an arg Aragonese|ar ara Arabic
as asm Assamese|av ava Avaric|ay aym Aymara|az aze Azerbaijani|ba bak Bashkir|be bel Belarusian|bg bul Bulgarian
bi bis Bislama|bm bam Bambara|bn ben Bengali|bo bod Tibetan|br bre Breton|bs bos Bosnian|ca cat Catalan|ce che Chechen
ch cha Chamorro|co cos Corsican|cr cre Cree|cs ces Czech|cu chu Church Slavic|cv chv Chuvash|cy cym Welsh|da dan Danish
de deu German|dv div Divehi|dz dzo Dzongkha|ee ewe Ewe|el ell Greek|en eng English|eo epo Esperanto|es spa Spanish
et est Estonian|eu eus Basque|fa fas Persian|ff ful Fulah|fi fin Finnish|fj fij Fijian|fo fao Faroese|fr fra French
fy fry Western Frisian|ga gle Irish|gd gla Scottish Gaelic|gl glg Galician|gn grn Guarani|gu guj Gujarati|gv glv Manx
ha hau Hausa|he heb Hebrew|hi hin Hindi|ho hmo Hiri Motu|hr hrv Croatian|ht hat Haitian|hu hun Hungarian|hy hye Armenian
hz her Herero|ia ina Interlingua|id ind Indonesian|ie ile Interlingue|ig ibo Igbo|ii iii Sichuan Yi|ik ipk Inupiaq
io ido Ido|is isl Icelandic|it ita Italian|iu iku Inuktitut|ja jpn Japanese|jv jav Javanese|ka kat Georgian|kg kon Kongo
ki kik Kikuyu|kj kua Kuanyama|kk kaz Kazakh|kl kal Kalaallisut|km khm Khmer|kn kan Kannada|ko kor Korean|kr kau Kanuri
ks kas Kashmiri|ku kur Kurdish|kv kom Komi|kw cor Cornish|ky kir Kyrgyz|la lat Latin|lb ltz Luxembourgish|lg lug Ganda
li lim Limburgish|ln lin Lingala|lo lao Lao|lt lit Lithuanian|lu lub Luba-Katanga|lv lav Latvian|mg mlg Malagasy
mh mah Marshallese|mi mri Maori|mk mkd Macedonian|ml mal Malayalam|mn mon Mongolian|mr mar Marathi|ms msa Malay
mt mlt Maltese|my mya Burmese|na nau Nauru|nb nob Norwegian Bokmål|nd nde North Ndebele|ne nep Nepali|ng ndo Ndonga
nl nld Dutch|nn nno Norwegian Nynorsk|no nor Norwegian|nr nbl South Ndebele|nv nav Navajo|ny nya Chichewa|oc oci Occitan
oj oji Ojibwa|om orm Oromo|or ori Odia|os oss Ossetian|pa pan Punjabi|pi pli Pali|pl pol Polish|ps pus Pashto
pt por Portuguese|qu que Quechua|rm roh Romansh|rn run Rundi|ro ron Romanian|ru rus Russian|rw kin Kinyarwanda
sa san Sanskrit|sc srd Sardinian|sd snd Sindhi|se sme Northern Sami|sg sag Sango|si sin Sinhala|sk slk Slovak
sl slv Slovenian|sm smo Samoan|sn sna Shona|so som Somali|sq sqi Albanian|sr srp Serbian|ss ssw Swati
st sot Southern Sotho|su sun Sundanese|sv swe Swedish|sw swa Swahili|ta tam Tamil|te tel Telugu|tg tgk Tajik|th tha Thai
ti tir Tigrinya|tk tuk Turkmen|tl tgl Tagalog|tn tsn Tswana|to ton Tonga|tr tur Turkish|ts tso Tsonga|tt tat Tatar
tw twi Twi|ty tah Tahitian|ug uig Uyghur|uk ukr Ukrainian|ur urd Urdu|uz uzb Uzbek|ve ven Venda|vi vie Vietnamese
vo vol Volapük|wa wln Walloon|wo wol Wolof|xh xho Xhosa|yi yid Yiddish|yo yor Yoruba|za zha Zhuang|zh zho Chinese
zu zul Zulu
"""

_THREE_LETTERS = """
apc Levantine Arabic|arz Egyptian Arabic|ary Moroccan Arabic|ast Asturian|bar Bavarian|ceb Cebuano|chr Cherokee
cmn Mandarin Chinese|fil Filipino|gsw Swiss German|hak Hakka Chinese|haw Hawaiian|hmn Hmong|ilo Iloko
jam Jamaican Creole|kea Kabuverdianu|kok Konkani|lmo Lombard|mul several languages|nan Min Nan Chinese|nap Neapolitan
nds Low German|pap Papiamento|pcm Nigerian Pidgin|scn Sicilian|sco Scots|und not determined|vec Venetian|wuu Wu Chinese
yue Cantonese|zxx no words
"""

_SAME = {
    "alb": "sq", "arm": "hy", "baq": "eu", "bur": "my", "chi": "zh", "cmn": "zh", "cze": "cs", "dut": "nl",
    "fil": "tl", "fre": "fr", "geo": "ka", "ger": "de", "gre": "el", "ice": "is", "in": "id", "iw": "he", "ji": "yi",
    "jw": "jv", "mac": "mk", "mao": "mi", "may": "ms", "mo": "ro", "per": "fa", "rum": "ro", "slo": "sk", "tib": "bo",
    "wel": "cy",
}  # fmt: skip
"""Other codes of a language: those of ISO 639-2/B, withdrawn ones, and the usual variety of a macrolanguage."""

_COUNTRIES = {
    "al": "sq", "at": "de", "bd": "bn", "cn": "zh", "cz": "cs", "dk": "da", "ge": "ka", "gr": "el", "ir": "fa",
    "jp": "ja", "kh": "km", "kz": "kk", "mx": "es", "my": "ms", "ph": "tl", "pk": "ur", "rs": "sr", "tw": "zh",
    "ua": "uk", "us": "en", "vn": "vi",
}  # fmt: skip
"""Country codes that are written for the language of the country."""


def language_code(tag: str) -> str:
    """The shortest code of a tag's language, without script and region: ``pt-BR`` is ``pt``, ``ger`` is ``de``."""
    primary = tag.lower().replace("_", "-").partition("-")[0]
    return _SAME.get(primary) or _shortest().get(primary, primary)


def iso_639_3(tag: str) -> str:
    """The three-letter code of a tag's language, as tags of audio files hold it: ``por`` of ``pt-BR``.

    A language of three letters keeps its own (``cmn``, ``fil``).
    """
    primary = tag.lower().replace("_", "-").partition("-")[0]
    if primary in _listed():
        return primary
    code = language_code(tag)
    return _longest().get(code, code)


def language_name(tag: str) -> str:
    """A language's English name; the tag itself where it is not listed."""
    primary = tag.lower().replace("_", "-").partition("-")[0]
    return _listed().get(primary) or _listed().get(_longest().get(language_code(tag), ""), tag)


def is_listed(tag: str) -> bool:
    """Whether the table has a tag's language."""
    return language_name(tag) != tag


def is_language_tag(text: str) -> bool:
    """Whether a text is a language tag: of the form of one, and its two-letter code, if it has one, exists."""
    return bool(_TAG.fullmatch(text)) and (len(text.partition("-")[0]) == 3 or is_listed(text))


def nearest_language(text: str) -> str:
    """The tag that was probably meant by a text that is none, empty where there is none: of ``german`` it is ``de``."""
    wanted = text.strip().lower().replace("_", "-")
    primary = wanted.partition("-")[0]
    if country := _COUNTRIES.get(primary):
        return country
    if "_" in text and is_language_tag(wanted):
        return text.strip().replace("_", "-")
    names = {name.lower(): three for three, name in _listed().items()}
    matches = get_close_matches(wanted, names, n=1, cutoff=0.7)
    if matches:
        return language_code(names[matches[0]])
    codes = [code for code in _longest() if len(primary) == 2 and code[0] == primary[0]]
    return next(iter(get_close_matches(primary, codes, n=1, cutoff=0.5)), "")


def _entries(table: str) -> Iterator[list[str]]:
    return (entry.split(" ") for line in table.split("\n") for entry in line.split("|") if entry)


@cache
def _longest() -> dict[str, str]:
    """The three-letter code of every two-letter code."""
    return {two: three for two, three, *_ in _entries(_TWO_LETTERS)}


@cache
def _shortest() -> dict[str, str]:
    return {three: two for two, three in _longest().items()}


@cache
def _listed() -> dict[str, str]:
    """The name of every listed language, by its three-letter code."""
    names = {three: " ".join(name) for _, three, *name in _entries(_TWO_LETTERS)}
    return names | {three: " ".join(name) for three, *name in _entries(_THREE_LETTERS)}
