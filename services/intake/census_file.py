"""Reads a CIN census as a stream: a child at a time, whatever the size of the file, and no entity is ever expanded.

The file is read twice: once to see that it is whole and ours, then to take it in. So a file that is cut midway takes
nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from services.intake.domain.cin_census import PLANS, WORK, CensusChild, Element
from services.intake.domain.refusal import FileRefusedError

ROWS = frozenset(WORK) | frozenset(PLANS)
LOOKED_AT = 64 * 1024
DEEPEST = 40
MOST_TEXT = 200
"""Characters of any text that are kept: dates, codes and ids are shorter."""


def check(path: Path, council: str) -> None:
    """FileRefusedError unless this is a whole CIN census of this council."""
    with path.open("rb") as file:
        head = file.read(LOOKED_AT)
    if not head.strip():
        raise FileRefusedError("the file is empty")
    lowered = head.replace(b"\x00", b"").lower()
    if b"<!doctype" in lowered or b"<!entity" in lowered:
        raise FileRefusedError("the file declares entities or a document type, which a census never does")
    found = _walk(path)
    if found.get("Message") is None or "Children" not in found:
        raise FileRefusedError("this is not a CIN census: it has no Message with Children")
    if (found.get("Collection") or "CIN") != "CIN":
        raise FileRefusedError("this is another collection, not the CIN census")
    if found.get("LEA") is None:
        raise FileRefusedError("the census does not say whose it is: LEA is missing")
    if found["LEA"] != council:
        raise FileRefusedError(f"this is the census of council {found['LEA'][:3]}, not of {council}")


def children(path: Path) -> Iterator[CensusChild]:
    """Every child of the file. What was read is forgotten at once."""
    for _, element in _parse(path, ("end",)):
        if _name(element) != "Child":
            continue
        yield _child(element)
        _forget(element)


def _walk(path: Path) -> dict[str, str]:
    """The header's texts and which parts there are; FileRefusedError where the file is not well-formed to its end."""
    found: dict[str, str] = {}
    depth = 0
    for event, element in _parse(path, ("start", "end")):
        name = _name(element)
        depth += 1 if event == "start" else -1
        if depth > DEEPEST:
            raise FileRefusedError("the file is nested deeper than any census")
        if event == "start" and name in {"Message", "Children"} and depth <= 2:
            found[name] = ""
        if event == "end" and name in {"LEA", "Collection"}:
            found.setdefault(name, (element.text or "").strip())
        if event == "end" and name == "Child":
            _forget(element)
    return found


def _parse(path: Path, events: tuple[str, ...]) -> Iterator[tuple[str, etree._Element]]:
    try:
        parsed = etree.iterparse(
            str(path),
            events=events,
            resolve_entities=False,
            load_dtd=False,
            no_network=True,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )
        yield from parsed
    except (etree.XMLSyntaxError, OSError, LookupError) as error:
        raise FileRefusedError("the file is cut short or is not well-formed XML") from error


def _child(child: etree._Element) -> CensusChild:
    identifiers = _texts(next((each for each in child if _name(each) == "ChildIdentifiers"), child))
    born = (*identifiers.get("PersonBirthDate", ()), *identifiers.get("ExpectedPersonBirthDate", ()), None)
    referrals = []
    for details in (each for each in child if _name(each) == "CINdetails"):
        parts = [_element(each) for each in details if _name(each) in ROWS]
        referrals.append((_element(details), parts))
    return CensusChild((*identifiers.get("LAchildID", ()), None)[0], born[0], referrals)


def _element(element: etree._Element) -> Element:
    line: object = element.sourceline
    return Element(_name(element), line if isinstance(line, int) else 0, _texts(element))


def _texts(element: etree._Element) -> dict[str, list[str]]:
    """The texts below an element by name; those of the rows in it are their own."""
    texts: dict[str, list[str]] = defaultdict(list)
    stack = list(reversed(element))
    while stack:
        each = stack.pop()
        if _name(each) in ROWS:
            continue
        if len(each) == 0 and each.text and each.text.strip():
            texts[_name(each)].append(each.text.strip()[:MOST_TEXT])
        stack.extend(reversed(each))
    return texts


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def _forget(element: etree._Element) -> None:
    """Let go of an element and of everything before it, so that memory does not follow the file's size."""
    element.clear()
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]
