"""The name of a file that somebody else chose: kept because people know their files by it, trusted in nothing."""

import unicodedata

from services.remedial.domain.file_kind import Kind

MOST = 80
"""Characters of a name, its ending apart."""

NOT_IN_A_NAME = frozenset("<>:\"/\\|?*%;`$&'")
DEVICES = frozenset(
    {"con", "prn", "aux", "nul", *(f"{name}{number}" for name in ("com", "lpt") for number in range(10))}
)
"""Names that Windows takes for something else than a file, whatever their ending."""

NAMELESS = "evidence"


def safe_name(given: str, kind: Kind) -> str:
    """The given name as it may be shown and saved: its last part, one line, with the ending of what the file is.

    Invisible and direction-changing characters go, so that what is read is what is there. Inner dots become dashes:
    where endings are hidden, `letter.exe.pdf` would show as `letter.exe`.
    """
    last = given.replace("\\", "/").rpartition("/")[2]
    stem = last.rpartition(".")[0] or last
    shown = "".join(_kept(character) for character in unicodedata.normalize("NFC", stem))
    plain = " ".join(shown.replace(".", "-").split())[:MOST].strip(" -")
    if plain.lower() in DEVICES:
        plain = f"{NAMELESS} {plain}"
    return f"{plain or NAMELESS}.{kind}"


def _kept(character: str) -> str:
    category = unicodedata.category(character)
    if character in NOT_IN_A_NAME:
        return "-"
    if category.startswith("Z") or character in "\t\r\n":
        return " "
    return "" if category.startswith("C") else character
