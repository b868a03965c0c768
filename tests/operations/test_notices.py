"""What Zuora's notifications and PDFs come to, as values: no Zuora, no Slack."""

import pytest

from bot.operations import notices, pdf_checks
from bot.operations.create_bill_run.autopost_mails import auto_mails
from bot.operations.mail_checks import MailChecks
from bot.operations.pdf_checks import pdfs_of
from bot.zuora.answers import BillingDocument
from bot.zuora.notifications import MailNotification, MailProfile
from bot.zuora.pdfs import PdfStatus

NORTH, SOUTH = MailProfile(id="1", name="North"), MailProfile(id="2", name="South")
BY_ORDER = ("Manual Email For Invoice", "Manual Email For Invoice")
AUTO = ("Invoice Posted", "Invoice Posted within a Bill Run of Auto-Post")


def notification(profile=NORTH, names=BY_ORDER, **fields):
    given = {"active": True, "muted": False, "email": True, **fields}
    return MailNotification(profile_id=profile.id, event=names[0], name=names[1], **given)


def document(number="INV1", profile=NORTH.id, kind="invoice"):
    return BillingDocument(kind=kind, id=number, number=number, profile_id=profile)


def states(documents, profiles, found):
    return [
        (notice.kind, notice.profile, notice.state, notice.documents)
        for notice in notices.notices_of(documents, profiles, found)
    ]


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, "on"),
        ({"active": None}, "not known"),
        ({"email": None}, "not known"),
        ({"muted": None}, "not known"),
        ({"active": None, "muted": True}, "muted"),
        ({"active": False}, "off"),
        ({"email": False}, "off"),
        ({"active": False, "muted": True}, "off"),
        ({"muted": True}, "muted"),
    ],
)
def test_a_notification_mails_if_it_is_on_with_mail_in_a_profile_that_is_not_muted(fields, state):
    assert states([document()], [NORTH], [notification(**fields)]) == [
        ("invoice", "North", state, 1)
    ]


@pytest.mark.parametrize(
    "other",
    [
        ("Invoice Posted", "Invoice Posted Manually"),
        ("Email Credit Memo", "Manually email Credit Memo"),
        ("Invoice Due", "30 Days Past Due"),
    ],
)
def test_other_notifications_do_not_stand_in_for_it(other):
    found = [notification(names=other)]

    assert states([document()], [NORTH], found) == [("invoice", "North", "not listed", 1)]


def test_each_kind_and_profile_counts_apart():
    documents = [
        document("INV1"), document("INV2", SOUTH.id), document("INV3", SOUTH.id),
        document("CM1", SOUTH.id, "credit_memo"),
    ]  # fmt: skip
    found = [notification(), notification(SOUTH, active=False)]

    assert states(documents, [NORTH, SOUTH], found) == [
        ("invoice", "North", "on", 1),
        ("invoice", "South", "off", 2),
        ("credit_memo", "South", "not listed", 1),
    ]


@pytest.mark.parametrize(
    ("profiles", "found"), [(None, None), ([NORTH], None)], ids=["no profiles", "no notifications"]
)
def test_what_may_not_be_read_is_not_taken_for_on(profiles, found):
    ((_, _, state, _),) = states([document()], profiles, found)

    assert state == "not readable"


@pytest.mark.parametrize(
    ("said", "profiles", "state"),
    [
        ("", [NORTH], "on"),
        ("", [NORTH, SOUTH], "not listed"),
        ("3", [NORTH], "not listed"),
    ],
    ids=["only one there is", "one of two", "unknown"],
)
def test_where_zuora_does_not_name_the_profile_only_a_single_one_is_taken(said, profiles, state):
    ((_, _, found, _),) = states([document(profile=said)], profiles, [notification()])

    assert found == state


def checks(*groups):
    documents, found = [], []
    for place, (state, number) in enumerate(groups):
        profile = MailProfile(id=str(place), name=f"P{place}")
        documents += [document(f"INV{place}{n}", profile.id) for n in range(number)]
        changes = {"off": {"active": False}, "muted": {"muted": True}}.get(state, {})
        found.append((profile, notification(profile, **changes)))
    profiles = [profile for profile, _ in found]
    return MailChecks(notices=notices.notices_of(documents, profiles, [one for _, one in found]))


def test_only_what_may_stay_unmailed_is_bound():
    assert checks(("on", 3)).material() == {}
    assert checks(("on", 3), ("on", 2)).material() == checks(("on", 5)).material()
    assert checks(("on", 3), ("muted", 2)).material() == {"notices": [("invoice", "muted", 2)]}


def test_whatever_changes_the_digest_is_shown_and_nothing_else():
    all_of_them = [
        checks(("on", 3)), checks(("on", 1), ("on", 2)), checks(("muted", 3)),
        checks(("muted", 1), ("on", 2)), checks(("off", 1), ("on", 2)), MailChecks(),
    ]  # fmt: skip
    for before in all_of_them:
        for now in all_of_them:
            changed = before.material() != now.material()
            assert bool(before.differs(now)) == changed


def test_many_documents_are_counted_and_few_are_named():
    few = notices.off_in_words(checks(("off", 2)).notices)
    many = notices.off_in_words(checks(("off", 300)).notices)

    assert "INV00 and INV01" in few
    assert "300 invoices" in many


def pdfs(*statuses, certain=True, unread=0, unasked=0):
    found = [PdfStatus(number=f"INV{n}", status=each) for n, each in enumerate(statuses)]
    return pdfs_of(found, unread=unread, unasked=unasked, certain=certain)


@pytest.mark.parametrize("status", ["Generated", "None", "Obsolete"])
def test_a_pdf_that_zuora_has_or_makes_when_it_mails_is_no_line(status):
    assert pdf_checks.lines(pdfs(status)) == ()


@pytest.mark.parametrize("status", ["", "Fine"])
def test_a_pdf_in_a_state_that_is_none_could_not_be_checked(status):
    assert "could not be checked" in str(pdf_checks.lines(pdfs(status))[0])


def test_a_mail_of_which_every_pdf_failed_is_pointless():
    assert pdfs("Error", "Error").all_failed
    assert not pdfs("Error", "Generated").all_failed
    assert not pdfs("Error", certain=False).all_failed
    assert not pdfs("Error", unasked=1).all_failed
    assert not pdfs("Error", unread=1).all_failed
    assert not pdfs().all_failed


def test_a_long_list_of_failures_is_cut_and_what_was_not_looked_at_is_said():
    said = " ".join(str(each) for each in pdf_checks.lines(pdfs(*["Error"] * 8, unasked=1200)))

    assert "INV4 and 3 more" in said
    assert "those of 1,200 more documents were not looked at" in said


@pytest.mark.parametrize(
    ("north", "south", "state", "names"),
    [
        ({}, {}, "on", ()),
        ({"active": False}, {"active": False}, "off", ("North", "South")),
        ({"active": False}, {}, "partly", ("North",)),
        ({"muted": True}, {"muted": True}, "partly", ("North", "South")),
        ({"email": False}, None, "off", ("North",)),
        ({}, None, "not known", ("South",)),
        ({}, {"active": None}, "not known", ("South",)),
        ({"muted": None}, {"active": False}, "not known", ("North", "South")),
        (None, None, "not listed", ()),
    ],
)
def test_whether_a_run_that_posts_itself_mails(north, south, state, names):
    found = [
        notification(profile, AUTO, **fields)
        for profile, fields in ((NORTH, north), (SOUTH, south))
        if fields is not None
    ]

    mails = auto_mails([NORTH, SOUTH], [*found, notification(names=BY_ORDER, active=False)])

    assert (mails.state, mails.profiles) == (state, names)
    assert bool(mails.problem) == (state == "off")
    assert bool(mails.notes) == (state in ("partly", "not listed", "not known"))
    assert bool(mails.material) == (state != "on")
