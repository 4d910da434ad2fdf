"""The static files: content-hashed names that may be cached for a year, and the manifest that maps to them.

`python -m shared.web.build` makes the folder `static/dist` from node_modules. Without it pages still work, unstyled.
"""

import json
from functools import lru_cache
from pathlib import Path

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

PREFIX = "/assets"
DIST = Path(__file__).parent / "static" / "dist"
MANIFEST = DIST / "manifest.json"
FOREVER = "public, max-age=31536000, immutable"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}


class Assets(StaticFiles):
    """Serves the built files, gzipped where the browser takes it; names change with content, so they may be kept."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        kind = TYPES.get(Path(path).suffix)
        if kind is None or path not in manifest().values():
            raise HTTPException(404)
        headers = {"Cache-Control": FOREVER, "Vary": "Accept-Encoding"}
        if "gzip" in Headers(scope=scope).get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return FileResponse(DIST / f"{path}.gz", media_type=kind, headers=headers)
        return FileResponse(DIST / path, media_type=kind, headers=headers)


@lru_cache
def manifest() -> dict[str, str]:
    """From a file's plain name to its hashed one; empty before the build."""
    if not MANIFEST.exists():
        return {}
    return {str(name): str(hashed) for name, hashed in json.loads(MANIFEST.read_text()).items()}


def asset(name: str) -> str:
    """The address of an asset by its plain name."""
    return f"{PREFIX}/{manifest().get(name, name)}"
