"""The census’s codes in words."""

from services.audit.domain.census_codes import FACTORS as NAMED
from services.audit.domain.census_codes import category_in_words, factor_in_words
from services.intake.domain.factors import FACTORS as OF_THE_CENSUS


def test_every_factor_that_the_census_may_bring_has_words() -> None:
    assert set(NAMED) == set(OF_THE_CENSUS)


def test_a_factor_and_a_category_are_shown_by_code_and_name() -> None:
    assert factor_in_words("16A") == "16A neglect"
    assert category_in_words("EMO") == "EMO emotional abuse"


def test_a_code_that_nobody_knows_is_shown_as_it_is() -> None:
    assert factor_in_words("99Z") == "99Z"
    assert category_in_words("XYZ") == "XYZ"
