"""A clear no: what somebody asked for is against a rule, said in words that a page can show."""


class Refused(Exception):  # noqa: N818 - the field's word, said to a person
    """The rules do not allow it. `str()` is a sentence for whoever asked, without anything personal in it.

    `field` names the form's field that the sentence belongs to, where there is one.
    """

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field
