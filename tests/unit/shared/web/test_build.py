"""The page assets: nothing that only gov.uk may use, every reference resolved, light enough."""

import gzip
import json
import re
from pathlib import Path

import pytest

from shared.web import build

ROOT = Path(__file__).parents[4]
LIGHT_BYTES = 80_000
"""What a live page may load of styles and scripts, gzipped; with its HTML it stays under 100 KB."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not build.GOVUK.exists():
        pytest.skip("node_modules is not installed: npm ci")
    folder = tmp_path_factory.mktemp("assets") / "dist"
    build.build(folder)
    return folder


def texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir() if path.suffix in {".css", ".js", ".svg"}}


def test_no_government_font_crown_or_crest_is_left(built: Path) -> None:
    forbidden = re.compile(r"gds transport|@font-face|crown|crest|\.woff", re.IGNORECASE)
    assert {name: forbidden.findall(text) for name, text in texts(built).items() if forbidden.search(text)} == {}
    assert [path.name for path in built.iterdir() if re.search(r"crown|crest|logotype|woff", path.name)] == []


def test_every_file_that_a_style_or_script_names_is_there(built: Path) -> None:
    names = {path.name for path in built.iterdir()}
    named = {
        name
        for text in texts(built).values()
        for name in re.findall(r"url\((?:/assets/)?([\w.-]+)\)|from\s*\"\./([\w.-]+)\"", text)
        for name in name
        if name
    }
    assert named
    assert named - names == set()


def test_a_style_without_its_font_keeps_its_rules() -> None:
    face = "@font-face{font-family:GDS Transport;src:url(/a.woff2)}"
    css = face + ".a{color:red}.b{font-family:GDS Transport,arial,sans-serif}"
    assert build.without_government(css) == ".a{color:red}.b{font-family:Helvetica,Arial,sans-serif}"


def test_names_change_with_content_and_a_gzipped_copy_lies_beside(built: Path) -> None:
    manifest = json.loads((built / "manifest.json").read_text())
    for name, hashed in manifest.items():
        assert re.fullmatch(rf"{Path(name).stem}-[0-9a-f]{{10}}{Path(name).suffix}", hashed)
        assert gzip.decompress((built / f"{hashed}.gz").read_bytes()) == (built / hashed).read_bytes()


def test_the_assets_of_a_live_page_are_light(built: Path) -> None:
    loaded = [path for path in built.glob("*.gz") if path.name.endswith((".css.gz", ".js.gz"))]
    assert sum(path.stat().st_size for path in loaded) < LIGHT_BYTES


def test_missing_modules_are_said_plainly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "GOVUK", tmp_path / "nowhere")
    with pytest.raises(build.MissingModulesError, match="npm ci"):
        build.build(tmp_path / "dist")


def test_the_npm_lock_names_no_host() -> None:
    lock = (ROOT / "package-lock.json").read_text()
    assert "resolved" not in lock
    assert "://" not in lock
