"""The way into the case management system: a deep link, since the case itself stays there."""

from urllib.parse import quote, urlsplit

from services.remedial.domain.refusal import Refused


def case_address(template: str, case_id: str | None) -> str | None:
    """The address of a case, where its id is known and the council has set up a link (`…/{case_id}`)."""
    return template.replace("{case_id}", quote(case_id, safe="")) if template and case_id else None


def evidence_address(case_link: str, given: str) -> str:
    """Evidence as a link into the case system, or a clear no. Nothing else is taken: no file leaves the case.

    Raises:
        Refused: with the field `evidence`.
    """
    if not given:
        return ""
    parts, home = urlsplit(given), urlsplit(case_link)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Refused("Evidence must be a link that starts with https://", "evidence")
    if home.hostname and parts.hostname != home.hostname:
        raise Refused(f"Evidence must be a link into the case management system, at {home.hostname}", "evidence")
    return given
