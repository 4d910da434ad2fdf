"""Reads a CIN census as a stream: a child at a time, whatever the size of the file, and no entity is ever expanded.

The file is read twice: once to see that it is whole and ours, then to take it in. So a file that is cut midway takes
nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from lxml import etree

from services.intake.domain.cin_census import PLANS, WORK, CensusChild, Element
from services.intake.domain.refusal import FileRefusedError

ROWS = frozenset(WORK) | frozenset(PLANS)
LOOKED_AT = 64 * 1024
DEEPEST = 40
MOST_IN_A_CHILD = 100_000
"""Elements of one child: the longest history has some thousand."""
MOST_TEXT = 200
"""Characters of any text that are kept: dates, codes and ids are shorter."""
ONCE = {"LAchildID": "child", "PersonBirthDate": "date_of_birth", "ExpectedPersonBirthDate": "date_of_birth"}
"""What a child has one of, and which field it is."""
CHILD_AT = 3
"""How deep a child stands: Message, Children, Child."""


def check(path: Path, council: str, progress: Callable[[int], None] = lambda rows: None) -> int:
    """How many rows there are; FileRefusedError unless this is a whole CIN census of this council.

    `progress` is told of the rows that were seen so far.
    """
    with path.open("rb") as file:
        head = file.read(LOOKED_AT)
    if not head.strip():
        raise FileRefusedError("the file is empty")
    if head.startswith(b"PK\x03\x04"):
        raise FileRefusedError("this is a workbook or a zip, not a census: a census is one XML file")
    lowered = head.replace(b"\x00", b"").lower()
    if b"<!doctype" in lowered or b"<!entity" in lowered:
        raise FileRefusedError(ENTITIES)
    found, rows = _walk(path, progress)
    if found.get("Message") is None or "Children" not in found:
        raise FileRefusedError("this is not a CIN census: it has no Message with Children")
    if (found.get("Collection") or "CIN") != "CIN":
        raise FileRefusedError("this is another collection, not the CIN census")
    if not found.get("LEA"):
        raise FileRefusedError("the census does not say whose it is: LEA is missing")
    if found["LEA"] != council:
        raise FileRefusedError(f"this is the census of council {found['LEA'][:3]}, not of {council}")
    return rows


ENTITIES = "the file declares entities or a document type, which a census never does"


def children(path: Path) -> Iterator[CensusChild]:
    """Every child of the file. What was read is forgotten at once."""
    depth = 0
    for event, element in _parse(path):
        depth += 1 if event == "start" else -1
        if event == "start" or depth >= CHILD_AT:
            continue
        if depth == CHILD_AT - 1 and _name(element) == "Child":
            yield _child(element)
        elif depth == CHILD_AT - 1 and (misplaced := _rows_in(element)):
            yield CensusChild(None, None, (), misplaced)
        elif depth < CHILD_AT - 1 and _name(element) in ROWS:
            yield CensusChild(None, None, (), [_element(element)])
        _forget(element)


def _walk(path: Path, progress: Callable[[int], None]) -> tuple[dict[str, str], int]:
    """The header's texts and which parts there are, and the rows; FileRefusedError where it is not well-formed."""
    found: dict[str, str] = {}
    depth = rows = within = 0
    for event, element in _parse(path):
        name = _name(element)
        if event == "start":
            depth, within = depth + 1, within + 1
            if depth > DEEPEST or within > MOST_IN_A_CHILD:
                raise FileRefusedError("the file is nested deeper or longer than any census")
            rows += name in ROWS
            if (name, depth) in {("Message", 1), ("Children", 2)}:
                found[name] = ""
            continue
        depth -= 1
        if name in {"LEA", "Collection"} and "Children" not in found:
            text = (element.text or "").strip()
            if found.setdefault(name, text) != text:
                raise FileRefusedError(f"the header says two things: {name} is there twice")
        if depth < CHILD_AT:
            _forget(element)
            within = 0
            progress(rows)
    return found, rows


def _parse(path: Path) -> Iterator[tuple[str, etree._Element]]:
    try:
        with path.open("rb") as file:
            parsed = etree.iterparse(
                file,
                events=("start", "end"),
                resolve_entities=False,
                load_dtd=False,
                no_network=True,
                huge_tree=False,
                remove_comments=True,
                remove_pis=True,
            )
            for number, (event, element) in enumerate(parsed):
                # In whatever encoding it was declared, and behind however much white space.
                if number == 0 and element.getroottree().docinfo.internalDTD is not None:
                    raise FileRefusedError(ENTITIES)
                yield event, element
    except (etree.XMLSyntaxError, OSError, LookupError) as error:
        raise FileRefusedError("the file is cut short or is not well-formed XML") from error


def _child(child: etree._Element) -> CensusChild:
    identifiers = _texts(next((each for each in child if _name(each) == "ChildIdentifiers"), child))
    born = (*identifiers.get("PersonBirthDate", ()), *identifiers.get("ExpectedPersonBirthDate", ()), None)
    referrals = []
    placed: set[etree._Element] = set()
    for details in (each for each in child if _name(each) == "CINdetails"):
        parts = [each for each in details if _name(each) in ROWS - {"CINdetails"}]
        placed.update((details, *parts))
        referrals.append((_element(details), [_element(each) for each in parts]))
    twice = next((place for name, place in ONCE.items() if len(set(identifiers.get(name, ()))) > 1), None)
    number = (*identifiers.get("LAchildID", ()), None)[0]
    return CensusChild(number, born[0], referrals, _rows_in(child, placed), twice)


def _rows_in(element: etree._Element, placed: Collection[etree._Element] = ()) -> list[Element]:
    """The rows in an element that were not found in their place."""
    return [_element(each) for each in element.iter("{*}*") if _name(each) in ROWS and each not in placed]


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
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _forget(element: etree._Element) -> None:
    """Let go of an element and of everything before it, so that memory does not follow the file's size."""
    element.clear()
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]
