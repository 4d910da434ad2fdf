"""What a deployment may set for remedial, and what it may not."""

import pytest

from services.remedial.settings import AttachmentsRefusedError, Settings, check_attachments

ELSEWHERE = "https://caseloop.example"


def test_a_service_that_others_can_reach_takes_no_files_that_nothing_scans() -> None:
    with pytest.raises(AttachmentsRefusedError, match="REMEDIAL_ATTACHMENT_SCAN"):
        check_attachments(Settings(attachments=True, origin=ELSEWHERE))


@pytest.mark.parametrize(
    "settings",
    [
        Settings(origin=ELSEWHERE),
        Settings(origin=ELSEWHERE, attachments=True, attachment_scan="clamdscan --fdpass"),
        Settings(origin=ELSEWHERE, attachments=True, attachments_unscanned=True),
        Settings(origin="http://127.0.0.1:8080", attachments=True),
    ],
    ids=["off", "scanned", "accepted", "on this machine only"],
)
def test_files_are_taken_where_they_are_scanned_or_somebody_said_that_they_need_not_be(settings: Settings) -> None:
    check_attachments(settings)
