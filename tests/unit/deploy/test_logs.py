"""Following logs: whole lines, each with the name of its process."""

from __future__ import annotations

from pathlib import Path

from deploy.local.home import Home
from deploy.local.logs import Tail, follow, story


def test_a_line_carries_the_name_of_its_process(tmp_path: Path) -> None:
    (tmp_path / "audit.log").write_text("opened\n")
    assert Tail("audit", tmp_path / "audit.log").lines() == ["audit      | opened"]


def test_half_a_line_waits_for_its_other_half(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    tail = Tail("audit", log)
    log.write_text("one\ntw")
    assert tail.lines() == ["audit      | one"]
    log.write_text("one\ntwo\n")
    assert tail.lines() == ["audit      | two"]


def test_a_log_that_was_begun_anew_is_read_from_its_beginning(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    log.write_text("a long first line\n")
    tail = Tail("audit", log)
    tail.lines()
    log.write_text("new\n")
    assert tail.lines() == ["audit      | new"]


def test_a_log_that_is_not_there_yet_has_no_lines(tmp_path: Path) -> None:
    assert Tail("audit", tmp_path / "audit.log").lines() == []


def test_the_demos_story_is_told_without_the_lines_for_programs(tmp_path: Path) -> None:
    home = Home(tmp_path)
    told = story(home)
    home.log("demo").parent.mkdir()
    home.log("demo").write_text('{"event": "published"}\nOpen the inbox.\n')
    assert told.lines() == ["Open the inbox."]


def test_following_ends_with_what_was_left(tmp_path: Path) -> None:
    (tmp_path / "kafka.log").write_text("started\n")
    assert list(follow([Tail("kafka", tmp_path / "kafka.log")], lambda: True)) == ["kafka      | started"]
