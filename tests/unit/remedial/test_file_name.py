"""The name of a file that somebody else chose: shown and saved, trusted in nothing."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.remedial.domain.file_kind import Kind
from services.remedial.domain.file_name import safe_name


@pytest.mark.parametrize(
    ("given_name", "shown"),
    [
        ("Visit notes.pdf", "Visit notes.pdf"),
        ("Zoë’s plan.pdf", "Zoë’s plan.pdf"),
        ("C:\\Users\\me\\plan.pdf", "plan.pdf"),
        ("../../etc/passwd.pdf", "passwd.pdf"),
        ("letter.exe.pdf", "letter-exe.pdf"),
        ("plan\u202efdp.exe.pdf", "planfdp-exe.pdf"),
        ("pl\u200ban\x00\x07.pdf", "plan.pdf"),
        ('plan"; filename="a.exe.pdf', "plan-- filename=-a-exe.pdf"),
        ("plan\r\nSet-Cookie: a=b.pdf", "plan Set-Cookie- a=b.pdf"),
        ("<script>.pdf", "script.pdf"),
        ("con.pdf", "evidence con.pdf"),
        ("   .pdf", "evidence.pdf"),
        ("\u202e\u202e.pdf", "evidence.pdf"),
        (".pdf", "pdf.pdf"),
        ("a" * 500 + ".pdf", "a" * 80 + ".pdf"),
    ],
)
def test_a_name_is_one_line_that_says_what_the_file_is(given_name: str, shown: str) -> None:
    assert safe_name(given_name, Kind.PDF) == shown


def test_the_ending_is_that_of_the_content() -> None:
    assert safe_name("photo.jpeg", Kind.JPEG) == "photo.jpg"


@given(st.text(max_size=300))
def test_no_name_whatever_it_is_breaks_a_line_a_header_or_a_folder(given_name: str) -> None:
    shown = safe_name(given_name, Kind.PDF)
    stem, _, ending = shown.rpartition(".")
    assert (bool(stem), ending) == (True, "pdf")
    assert "." not in stem
    assert not set(shown) & set('<>:"/\\|?*%;\r\n\t')
    assert not any(unicodedata.category(character).startswith("C") for character in shown)
    assert safe_name(shown, Kind.PDF) == shown
