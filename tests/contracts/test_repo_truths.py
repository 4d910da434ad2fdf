"""What must stay true of the repository itself, each with the harm that it prevents."""

from __future__ import annotations

import re
import stat
import subprocess
import tomllib
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy.local import topics
from deploy.local.jars import locked
from deploy.local.ports import DEFAULT_ORIGIN, HIGHEST, SERVICES, Ports
from services.intake.pushes import MOST_BYTES as LARGEST_PUSH
from services.intake.settings import LARGEST_CENSUS, LARGEST_FORM
from services.remedial.pages.receiving import ANSWERED_BYTES as LARGEST_EVIDENCE
from shared.events import Event, Topic
from shared.web.forms import MOST_BYTES

ROOT = Path(__file__).parents[2]
CLOCK_TOPIC = "caseloop.clock.v1"
"""Its ticks are made by a replay's driver and are no events of the loop."""

LOCK = (ROOT / "requirements.lock").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def every_event() -> list[type[Event]]:
    """All classes of events that name a topic."""
    found: list[type[Event]] = []
    waiting = [Event]
    while waiting:
        children = waiting.pop().__subclasses__()
        waiting += children
        found += children
    return [event for event in found if "topic" in vars(event) or hasattr(event, "topic")]


def committed_files() -> list[Path]:
    """Every file under version control."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listing.split("\0") if name and (ROOT / name).exists()]


# --- topics ----------------------------------------------------------------------------------------------------------


def test_the_declared_topics_are_those_of_the_events() -> None:
    declared = {topic.name for topic in topics.declared()}
    assert declared - {CLOCK_TOPIC} == set(Topic) - {Topic.LOCAL}


def test_every_declared_topic_has_an_event() -> None:
    spoken_of = {event.topic for event in every_event()}
    assert set(Topic) <= spoken_of


def test_topics_have_twelve_partitions_and_the_clock_has_one() -> None:
    assert {topic.name: topic.partitions for topic in topics.declared()} == {
        **{str(topic): 12 for topic in Topic if topic is not Topic.LOCAL},
        CLOCK_TOPIC: 1,
    }


def test_the_event_log_is_kept_for_good() -> None:
    for topic in topics.declared():
        assert topic.config["retention.ms"] == "-1"
        assert topic.config["retention.bytes"] == "-1"


def test_what_may_be_erased_travels_on_a_compacted_topic() -> None:
    """A tombstone on a topic that is not compacted erases nothing."""
    compacted = {topic.name for topic in topics.declared() if topic.config["cleanup.policy"] == "compact"}
    assert {event.topic for event in every_event() if event.tombstone} <= compacted


def test_a_producers_wrong_clock_jams_no_topic_of_our_own() -> None:
    for topic in topics.declared():
        expected = "LogAppendTime" if topic.name.startswith("caseloop.") else None
        assert topic.config.get("message.timestamp.type") == expected


# --- ports -----------------------------------------------------------------------------------------------------------


def test_every_port_is_derived_from_the_origin_and_no_two_are_the_same() -> None:
    ports = Ports(DEFAULT_ORIGIN).by_name()
    assert list(ports.values()) == list(range(DEFAULT_ORIGIN, DEFAULT_ORIGIN + 8))


def test_the_highest_origin_leaves_room_for_its_services() -> None:
    assert max(Ports(HIGHEST).by_name().values()) <= 65535


# --- the lock --------------------------------------------------------------------------------------------------------


def test_the_lock_names_no_host() -> None:
    """It must install through any mirror, and name nobody's."""
    for name in ("requirements.lock", "package-lock.json", "deploy/kafka/jars.lock"):
        text = (ROOT / name).read_text()
        assert not re.search(r'"resolved"|index-url|find-links|://(?!.*(funding|opencollective|github))', text), name


def test_the_lock_holds_a_hash_for_every_package() -> None:
    packages = re.findall(r"^[a-z0-9][\w.-]*(?:\[[^]]*])?==", LOCK, re.MULTILINE)
    blocks = re.split(r"^(?=[a-z0-9][\w.-]*==)", LOCK, flags=re.MULTILINE)[1:]
    assert packages
    assert len(blocks) == len(packages)
    assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_the_lock_satisfies_what_the_project_asks_for() -> None:
    """A requirement that was added or raised without locking anew would not be installed."""
    pinned = dict(re.findall(r"^([a-z0-9][\w.-]*)==([^\s;]+)", LOCK, re.MULTILINE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = project["dependencies"] + [one for extra in project["optional-dependencies"].values() for one in extra]
    for requirement in map(Requirement, asked):
        version = pinned.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not locked"
        assert requirement.specifier.contains(version, prereleases=True), f"{requirement} is locked as {version}"


def test_the_broker_and_its_client_are_of_one_version() -> None:
    """A resolver once chose a client a major version older than the broker."""
    versions = {jar.version for jar in locked() if jar.group == "org.apache.kafka"}
    assert len(versions) == 1


def test_every_jar_is_locked_by_a_whole_digest() -> None:
    assert all(re.fullmatch(r"[0-9a-f]{64}", jar.sha256) for jar in locked())


# --- commands --------------------------------------------------------------------------------------------------------


def test_make_lists_the_daily_commands() -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    listed = re.findall(r"^  (\w+) +\S", shown, re.MULTILINE)
    assert " ".join(listed) == (
        "setup up down demo test check fix system faults browser bench migration events dlq help"
    )


def test_every_make_command_in_the_papers_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    papers = "".join(path.read_text() for path in ROOT.glob("*.md"))
    assert set(re.findall(r"`make ([a-z]+)", papers)) <= targets


def test_make_prints_no_directory_lines() -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "directory" not in shown


def test_the_command_line_is_installed_as_caseloop() -> None:
    (script,) = entry_points(group="console_scripts", name="caseloop")
    assert script.value == "deploy.local.cli:main"


@pytest.mark.parametrize("path", [".ci/run", "deploy/entrypoint.sh"])
def test_what_is_run_can_be_run(path: str) -> None:
    assert (ROOT / path).stat().st_mode & stat.S_IXUSR


# --- compose ---------------------------------------------------------------------------------------------------------


def test_compose_runs_every_service_from_the_one_image() -> None:
    assert {COMPOSE["services"][name]["image"] for name in SERVICES} == {"caseloop"}
    assert [COMPOSE["services"][name]["command"] for name in SERVICES] == [[name] for name in SERVICES]


def test_compose_tells_a_service_its_own_database_and_no_other() -> None:
    for name in SERVICES:
        told = [key for key in COMPOSE["services"][name]["environment"] if key.endswith("_DATABASE_URL")]
        assert told == [f"{name.upper()}_DATABASE_URL"]


def test_compose_and_the_embedded_stack_tell_services_the_same(tmp_path: Path) -> None:
    from deploy.local.home import Home
    from deploy.local.services import environment

    told = environment(Home(tmp_path), Ports(DEFAULT_ORIGIN))
    intake = COMPOSE["services"]["intake"]["environment"]
    assert set(told) <= set(intake)


def test_compose_opens_ports_on_loopback_only() -> None:
    opened = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]
    assert opened
    assert all(port.startswith("127.0.0.1:") for port in opened)


def test_prometheus_scrapes_every_service() -> None:
    config = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    (job,) = (job for job in config["scrape_configs"] if job["job_name"] == "caseloop")
    assert [group["targets"] for group in job["static_configs"]] == [[f"{name}:8000"] for name in SERVICES]


def test_only_what_the_image_needs_is_sent_to_its_build() -> None:
    """A home with its secrets, beside the code, must never get into an image."""
    first, *rest = (ROOT / ".dockerignore").read_text().split()
    assert first == "*"
    assert not {"!.caseloop", "!.env", "!.secrets"} & set(rest)


# --- the tree --------------------------------------------------------------------------------------------------------


def test_no_secret_and_nothing_built_is_committed() -> None:
    named = {path.relative_to(ROOT).parts[0] for path in committed_files()}
    assert not named & {".caseloop", ".env", ".secrets", ".venv", ".uv", "node_modules"}


def largest_bodies() -> dict[str, tuple[list[str], int]]:
    """What Caddy lets through: by matcher, its paths and the bytes of a body."""
    text = (ROOT / "deploy" / "Caddyfile").read_text()
    paths = {name: found.split() for name, found in re.findall(r"^\t@(\w+) (?:not )?path (.+)$", text, re.MULTILINE)}
    units = {"MB": 10**6, "MiB": 2**20}
    limits = re.findall(r"request_body @(\w+) \{\s+max_size (\d+)(MB|MiB)\s+\}", text)
    return {name: (paths[name], int(number) * units[unit]) for name, number, unit in limits}


@pytest.mark.parametrize(
    ("matcher", "path", "most"),
    [
        ("census", "/intake/imports/cin-census", LARGEST_CENSUS),
        ("files", "/intake/imports/annex-a", LARGEST_FORM),
        ("files", "/intake/imports/staff", LARGEST_FORM),
        ("census", "/intake/uploads", LARGEST_CENSUS),
        ("files", "/intake/children_social_care_data/*", LARGEST_PUSH),
        ("evidence", "/remedial/actions/*/attachments", LARGEST_EVIDENCE),
        ("evidence", "/remedial/actions/*/report", LARGEST_EVIDENCE),
        ("forms", "", MOST_BYTES),
    ],
)
def test_caddy_lets_through_what_a_service_takes_and_not_much_more(matcher: str, path: str, most: int) -> None:
    """Below the service's own limit a good file would be refused with no reason; far above it the limit is none."""
    paths, limit = largest_bodies()[matcher]
    assert most <= limit
    assert matcher == "forms" or path in paths


def test_caddy_bounds_every_path() -> None:
    """What has a limit of its own is what the rule for forms leaves out, and nothing else."""
    bodies = largest_bodies()
    assert sorted(bodies["forms"][0]) == sorted(bodies["census"][0] + bodies["files"][0] + bodies["evidence"][0])
    assert bodies["census"][1] <= LARGEST_CENSUS * 1.1
    assert bodies["evidence"][1] <= LARGEST_EVIDENCE * 1.1
