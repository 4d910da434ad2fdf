"""Kafka's jars: a committed lock of coordinates and digests, a cache on disk, nothing run that does not match.

Each line of `deploy/kafka/jars.lock` is `group:artifact:version sha256:digest`. Missing jars are fetched with jgo into
a staging folder and moved into the cache only once their digest is right, so a broken download is never taken for a
jar and two runs that fetch at once do each other no harm.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from deploy.local.refusal import Refused

LOCK = Path(__file__).parent.parent / "kafka" / "jars.lock"


@dataclass(frozen=True)
class Jar:
    """One jar of the lock."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def file_name(self) -> str:
        return f"{self.artifact}-{self.version}.jar"

    @classmethod
    def parse(cls, line: str) -> Jar:
        """Read one line of the lock; ValueError when it is not one."""
        coordinate, digest = line.split()
        group, artifact, version = coordinate.split(":")
        return cls(group, artifact, version, digest.removeprefix("sha256:"))


def locked() -> list[Jar]:
    """The jars that the broker runs with."""
    return [Jar.parse(line) for line in LOCK.read_text().splitlines() if line]


def lock_digest() -> str:
    """A short name for this very set of jars."""
    return hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]


def cache_home() -> Path:
    """Where downloads are kept between runs: CASELOOP_CACHE, else the user's cache folder."""
    if own := os.environ.get("CASELOOP_CACHE"):
        return Path(own).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "caseloop"


def class_path(jars: Iterable[Jar] | None = None, cache: Path | None = None) -> list[Path]:
    """Every jar on disk with its digest checked just now; fetches what is missing, Refused when it cannot."""
    wanted = list(locked() if jars is None else jars)
    folder = (cache or cache_home()) / "jars"
    missing = [jar for jar in wanted if not _matches(folder / jar.file_name, jar)]
    if missing:
        _fetch(missing, folder)
    return [folder / jar.file_name for jar in wanted]


def _matches(path: Path, jar: Jar) -> bool:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == jar.sha256
    except FileNotFoundError:
        return False


def _fetch(missing: list[Jar], folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(dir=folder, prefix="staging-"))
    except OSError as error:
        raise Refused(f"cannot keep Kafka's jars in {folder}: {error.strerror}") from error
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda jar: _fetch_one(jar, staging / jar.file_name, folder), missing))
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _fetch_one(jar: Jar, staging: Path, folder: Path) -> None:
    fetched = _download(jar, staging)
    if not _matches(fetched, jar):
        raise Refused(f"{jar.file_name} does not have the sha256 that deploy/kafka/jars.lock names; it was not used")
    fetched.replace(folder / jar.file_name)


def _download(jar: Jar, staging: Path) -> Path:
    with warnings.catch_warnings():
        # jgo's own imports warn where XDG_RUNTIME_DIR is not set
        warnings.simplefilter("ignore")
        from jgo.maven import MavenContext  # noqa: PLC0415 - slow, and only needed on the first run

    mirror = os.environ.get("CASELOOP_MAVEN")
    maven = MavenContext(repo_cache=staging, remote_repos={"mirror": mirror} if mirror else None, timeout=60)
    try:
        resolved = maven.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()
    except (OSError, RuntimeError) as error:
        raise Refused(f"cannot fetch {jar.file_name} from Maven: is there a network?") from error
    return Path(resolved)
