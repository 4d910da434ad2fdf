"""Codes of the Children in Need census in words: what an assessment identified, and the category of an abuse."""

FACTORS = {
    "1A": "child’s alcohol misuse",
    "1B": "parent’s alcohol misuse",
    "1C": "alcohol misuse in the household",
    "2A": "child’s drug misuse",
    "2B": "parent’s drug misuse",
    "2C": "drug misuse in the household",
    "3A": "domestic abuse of the child",
    "3B": "domestic abuse of a parent",
    "3C": "domestic abuse of another in the household",
    "4A": "child’s mental health",
    "4B": "parent’s mental health",
    "4C": "mental health of another in the household",
    "5A": "child’s learning disability",
    "5B": "parent’s learning disability",
    "5C": "learning disability of another in the household",
    "6A": "child’s physical disability or illness",
    "6B": "parent’s physical disability or illness",
    "6C": "physical disability or illness of another in the household",
    "7A": "young carer",
    "8B": "privately fostered, from overseas and to return",
    "8C": "privately fostered, from overseas and to stay",
    "8D": "privately fostered, in education in the UK",
    "8E": "privately fostered, by a family’s own arrangement",
    "8F": "privately fostered, otherwise",
    "9A": "unaccompanied asylum-seeking child",
    "10A": "going missing",
    "11A": "child sexual exploitation",
    "12A": "trafficking",
    "13A": "gangs",
    "14A": "socially unacceptable behaviour",
    "15A": "self-harm",
    "16A": "neglect",
    "17A": "emotional abuse",
    "18B": "physical abuse by another child",
    "18C": "physical abuse by an adult",
    "19B": "sexual abuse by another child",
    "19C": "sexual abuse by an adult",
    "20": "other",
    "21": "no factors identified",
    "22A": "female genital mutilation",
    "23A": "abuse linked to faith or belief",
    "24A": "child criminal exploitation",
}
"""The census asks about each person apart: A is the child, B a parent or carer, C anybody else at home."""


CATEGORIES = {
    "NEG": "neglect",
    "PHY": "physical abuse",
    "SAB": "sexual abuse",
    "EMO": "emotional abuse",
    "MUL": "several categories",
}


def factor_in_words(code: str) -> str:
    """ "16A neglect"; a code that the census does not know, as it is."""
    return f"{code} {FACTORS[code]}" if code in FACTORS else code


def category_in_words(code: str) -> str:
    """ "NEG neglect"; a code that the census does not know, as it is."""
    return f"{code} {CATEGORIES[code]}" if code in CATEGORIES else code
