"""Pages: GOV.UK components, one layout, forms, live rows. A service brings templates; the look is decided here."""

from shared.web.flash import flash
from shared.web.forms import Form, Submitted, parse
from shared.web.installation import install
from shared.web.pages import Page, PageMaker

__all__ = ["Form", "Page", "PageMaker", "Submitted", "flash", "install", "parse"]
