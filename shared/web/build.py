"""Makes the static files from node_modules: `python -m shared.web.build`. No bundler, no Sass: prebuilt files, copied.

This is no gov.uk site, so the crown, the crests and the GDS Transport font go, from every file. Names carry a hash of
the content, references between files are rewritten to them, and a gzipped copy lies beside each: a page stays light.
"""

import gzip
import hashlib
import json
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from shared.web.assets import DIST, MANIFEST

ROOT = Path(__file__).parents[2]
MODULES = ROOT / "node_modules"
OWN = Path(__file__).parent / "static"
GOVUK = MODULES / "govuk-frontend" / "dist" / "govuk"
MOJ = MODULES / "@ministryofjustice" / "frontend" / "moj"
HTMX = MODULES / "htmx.org" / "dist"

FONT = "Helvetica,Arial,sans-serif"
FONT_FACE = re.compile(r"@font-face\s*\{[^}]*\}")
TRANSPORT = re.compile(r"[\"']?GDS Transport[\"']?\s*,\s*arial\s*,\s*sans-serif", re.IGNORECASE)
CREST_RULE = re.compile(r"[^{};]*(?:(?:crown|crest)[^{}]*\{[^{}]*|\{[^{}]*govuk-crest[^{}]*)\}")
SOURCE_MAP = re.compile(r"(/\*#\s*sourceMappingURL=[^*]*\*/|//#\s*sourceMappingURL=\S*)\s*")
URL = re.compile(r"url\([\"']?/assets/images/([\w.-]+)[\"']?\)")
IMPORT = re.compile(r'(from\s*")\./([\w.-]+)(")')


class MissingModulesError(FileNotFoundError):
    """`npm ci` has not run."""


@dataclass
class Build:
    """The files written so far, by their plain names."""

    folder: Path
    manifest: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, content: bytes) -> None:
        """Write one file under a name that carries its hash, and its gzipped copy."""
        stem, _, suffix = name.rpartition(".")
        hashed = f"{stem}-{hashlib.sha256(content).hexdigest()[:10]}.{suffix}"
        (self.folder / hashed).write_bytes(content)
        (self.folder / f"{hashed}.gz").write_bytes(gzip.compress(content, mtime=0))
        self.manifest[name] = hashed

    def named(self, name: str) -> str:
        """The hashed name of a file that is written already."""
        return self.manifest[name]


def build(folder: Path = DIST) -> dict[str, str]:
    """Write every asset and the manifest; MissingModulesError where node_modules is not there."""
    if not GOVUK.exists() or not MOJ.exists() or not HTMX.exists():
        raise MissingModulesError("node_modules is incomplete: run npm ci first")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    made = Build(folder)
    _images(made)
    _styles(made)
    _scripts(made)
    made.write("licences.txt", _licences())
    (folder / MANIFEST.name).write_text(json.dumps(made.manifest, indent=2, sort_keys=True) + "\n")
    return made.manifest


def without_government(css: str) -> str:
    """A style sheet without the font that only gov.uk may use, and without crests."""
    css = FONT_FACE.sub("", css)
    css = CREST_RULE.sub("", css)
    return TRANSPORT.sub(FONT, css)


def _images(made: Build) -> None:
    """The icons that the style sheets show, and our own mark; no crown, crest or department's logo."""
    wanted = set(URL.findall(without_government((MOJ / "moj-frontend.min.css").read_text())))
    for name in sorted(wanted):
        made.write(name, (MOJ / "assets" / "images" / name).read_bytes())
    made.write("caseloop.svg", (OWN / "caseloop.svg").read_bytes())


def _styles(made: Build) -> None:
    for name, source in (
        ("govuk-frontend.css", GOVUK / "govuk-frontend.min.css"),
        ("moj-frontend.css", MOJ / "moj-frontend.min.css"),
        ("caseloop.css", OWN / "caseloop.css"),
    ):
        made.write(name, _rewritten(source, lambda text: URL.sub(lambda m: f"url({made.named(m[1])})", text)))


def _scripts(made: Build) -> None:
    for name, source in (
        ("govuk-frontend.js", GOVUK / "govuk-frontend.min.js"),
        ("caseloop.js", OWN / "caseloop.js"),
        ("arrivals.js", OWN / "arrivals.js"),
    ):
        made.write(
            name, _rewritten(source, lambda text: IMPORT.sub(lambda m: f"{m[1]}./{made.named(m[2])}{m[3]}", text))
        )

    made.write("htmx.js", _live_script())


def _live_script() -> bytes:
    """htmx and its extensions in one file: it starts as soon as it has run where the document is parsed already, so an
    extension in a file of its own, not in the cache yet, came too late and the page stayed as it was."""
    parts = (HTMX / "htmx.min.js", HTMX / "ext" / "hx-sse.min.js", HTMX / "ext" / "hx-upsert.min.js")
    return b";\n".join(_rewritten(part, str) for part in parts)


def _rewritten(source: Path, rewrite: Callable[[str], str]) -> bytes:
    text = SOURCE_MAP.sub("", source.read_text())
    return rewrite(without_government(text) if source.suffix == ".css" else text).encode()


def _licences() -> bytes:
    """Whose work the copied files are, and the notices that come with them."""
    notices = []
    for folder in (MODULES / "govuk-frontend", MODULES / "@ministryofjustice" / "frontend", MODULES / "htmx.org"):
        package = json.loads((folder / "package.json").read_text())
        notices.append(f"{package['name']} {package['version']}, {package['license']}")
        notices.extend(path.read_text() for path in sorted(folder.glob("LICEN*")))
    return "\n\n".join(notices).encode()


def main() -> int:
    """Build, and say how much."""
    try:
        manifest = build()
    except MissingModulesError as missing:
        sys.stderr.write(f"{missing}\n")
        return 1
    sys.stderr.write(f"{len(manifest)} page assets built\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
