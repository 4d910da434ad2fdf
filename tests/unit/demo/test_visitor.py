"""A visitor sends what a browser without JavaScript would send."""

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from deploy.demo.visitor import NotOnThePageError, Visitor

FORM = """<h1>Audit</h1><main><a href="/next">next</a><a href="https://elsewhere.example/">out</a>
<form method="post" action="/save">
<input type="hidden" name="seen" value="7"><input type="text" name="words" value="before">
<input type="radio" name="grade" value="red"><input type="radio" name="grade" value="green" checked>
<select name="owner"><option value="">-</option><option value="W1" selected>One</option></select>
<textarea name="why">because</textarea>
<button name="step" value="draft">Save for later</button>
<button name="step" value="done" formaction="/done">Complete
 the audit</button></form></main>"""


async def show(request: Request) -> Response:
    return HTMLResponse(FORM)


async def take(request: Request) -> Response:
    fields = await request.form()
    answer = RedirectResponse("/took", 303)
    answer.set_cookie("took", "&".join(f"{name}:{value}" for name, value in fields.multi_items()) + request.url.path)
    return answer


async def took(request: Request) -> Response:
    return HTMLResponse(f"<h1>{request.cookies['took']}</h1>")


@pytest.fixture
async def visitor() -> Visitor:
    routes = [Route("/", show), Route("/took", took)]
    routes += [Route(path, take, methods=["POST"]) for path in ("/save", "/done")]
    transport = httpx.ASGITransport(Starlette(routes=routes))
    return Visitor(httpx.AsyncClient(transport=transport, base_url="http://caseloop.test", follow_redirects=True))


async def test_a_button_sends_its_form_as_the_page_holds_it(visitor: Visitor) -> None:
    page = await visitor.press(await visitor.open("/"), "save for later")
    assert page.title == "seen:7&words:before&grade:green&owner:W1&why:because&step:draft/save"


async def test_what_is_filled_in_replaces_what_was_there(visitor: Visitor) -> None:
    page = await visitor.press(await visitor.open("/"), "Complete the audit", {"grade": "red", "why": "so"})
    assert page.title == "seen:7&words:before&grade:red&owner:W1&why:so&step:done/done"


async def test_a_button_may_be_chosen_by_its_value(visitor: Visitor) -> None:
    page = await visitor.press(await visitor.open("/"), "", value="done")
    assert page.title.endswith("step:done/done")


async def test_a_form_tells_its_fields_and_choices(visitor: Visitor) -> None:
    form = (await visitor.open("/")).form("Save")
    assert form.names() == ["seen", "words", "grade", "owner", "why", "step"]
    assert form.options("grade") == ["red", "green"]
    assert form.options("owner") == ["W1"]


async def test_links_are_found_by_where_they_lead(visitor: Visitor) -> None:
    page = await visitor.open("/")
    assert page.links("/next") == ["http://caseloop.test/next"]


async def test_what_is_not_on_the_page_cannot_be_pressed_or_filled(visitor: Visitor) -> None:
    page = await visitor.open("/")
    assert not page.has_button("Delete")
    with pytest.raises(NotOnThePageError, match="Delete"):
        await visitor.press(page, "Delete")
    with pytest.raises(NotOnThePageError, match="elephant"):
        await visitor.press(page, "Save", {"elephant": "1"})
