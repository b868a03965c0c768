"""Every statement of the store gives the same on SQLite and on PostgreSQL, for the same random data."""

import tempfile
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from bot.domain.authority import Person
from bot.domain.call import Call, Verdict
from bot.domain.history import Entry, What
from bot.domain.mailing import Mailing
from bot.domain.message import File, Message, MessageKind
from bot.domain.operation import Deed
from bot.domain.policy import Rule
from bot.domain.request import TRANSITIONS, Request, State
from bot.store.errors import CouldNotRecordError
from bot.store.figures import Figure
from bot.store.store import Store
from tests.postgres import needs_postgres
from tests.store.both import Both

pytestmark = needs_postgres
NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
PEOPLE = ["U0ANN", "U0BEN", "U0CLEO"]
SUBJECTS = ["BR-1", "BR-2", "INV-1", "O'Neil ?1 :name %s $1", "Ä 漢字 🙂"]
PLACES = ["", "entity=2C92-A0", "entity=2c92a0;org=1", "org=7"]
words = st.text(
    st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]), max_size=12
)
moments = st.integers(-40 * 86400, 40 * 86400).map(lambda seconds: NOW + timedelta(seconds=seconds))
people, subjects, places = (
    st.sampled_from(PEOPLE),
    st.sampled_from(SUBJECTS),
    st.sampled_from(PLACES),
)


class Life:
    """Writes what is drawn, as the bot does, into both."""

    def __init__(self, data, store):
        self.data, self.store = data, store
        self.requests: list[Request] = []

    def draw(self, what):
        return self.data.draw(what)

    def one(self):
        assume(self.requests)
        return self.draw(st.sampled_from(self.requests))

    def ask(self):
        store, now = self.store, self.draw(moments)
        number = store.requests.next_number()
        place = self.draw(places)
        request = Request(
            number=number, operation=self.draw(st.sampled_from(["email_bill_run", "email_invoice", "post_bill_run"])),
            subject=self.draw(subjects), body="{}", facts="{}", digest="d", tenant="t", requester=self.draw(people),
            team="T1", reason=self.draw(words), policy_hash="p", form=f"f{number}", token="k", state=State.WAITING,
            rule=Rule(approvers=tuple(PEOPLE), approvals=self.draw(st.integers(1, 2))),
            created_at=now, expires_at=now + timedelta(hours=24), state_at=now, wake_at=now + timedelta(hours=24),
            channel="C1", place=place, place_words="Entity" if place else "",
            parent=self.requests[0].number if self.requests else None,
        )  # fmt: skip
        store.requests.add(request, self.draw(st.sampled_from(Deed)), self.draw(st.lists(subjects)))
        store.record(Entry(what=What.ASKED, who=request.requester, request=number), now)
        self.requests.append(request)

    def move(self):
        before = self.one()
        after_states = TRANSITIONS[before.state]
        assume(after_states)
        after = self.draw(st.sampled_from(sorted(after_states)))
        now = self.draw(moments)
        for person in PEOPLE:
            if after is State.APPROVED and person != before.requester:
                self.store.requests.approve(before, person, "T1", now)
        progress = self.draw(
            st.sampled_from(
                ["", '{"number": "BR-2"}', '{"look_first": true}', '{"look_first": false}']
            )
        )
        moved = replace(
            before.moved(after, now, wake_at=self.draw(st.none() | moments)), progress=progress
        )
        self.store.requests.move(before, moved)
        self.store.record(
            Entry(what=What.ENDED, request=before.number, data={"state": after.value}), now
        )
        self.requests[self.requests.index(before)] = moved

    def call(self):
        request, subject = self.one(), self.draw(subjects)
        sent = self.draw(st.none() | moments)
        self.store.calls.save(
            Call(
                request=request.number, subject=subject, key=f"{request.number}-{subject}", track_id="t",
                verdict=self.draw(st.none() | st.sampled_from(Verdict)), sent_at=sent, first_sent_at=sent,
                retry_at=self.draw(st.none() | moments), words=self.draw(words),
            )
        )  # fmt: skip
        self.store.mailings.recorded(request.number, [subject], self.draw(people), self.draw(words))

    def mailing(self):
        request = self.one()
        assume(request.state in (State.WAITING, State.APPROVED))
        number = self.draw(st.sampled_from(["", *SUBJECTS]))
        self.store.mailings.add(
            request.number,
            [Mailing(self.draw(subjects), "run", number, self.draw(words), "A1", self.draw(st.sampled_from(["", "BR-1"])), "")],
        )  # fmt: skip

    def say(self):
        kind = self.draw(st.sampled_from(MessageKind))
        request = None if kind is MessageKind.HOME else self.one().number
        message = Message(
            kind=kind, request=request, channel="C1", user=self.draw(people), text=self.draw(words), blocks=[],
            file=File(name="a.csv", title="a", content="x") if kind is MessageKind.FILE else None,
        )  # fmt: skip
        self.store.outbox.add(
            message, self.draw(moments), not_before=self.draw(st.none() | moments)
        )

    def send(self):
        waiting = self.store.outbox.open()
        assume(waiting)
        each, now = self.draw(st.sampled_from(waiting)), self.draw(moments)
        outbox = self.store.outbox
        self.draw(
            st.sampled_from([
                lambda: outbox.trying(each.sequence, now),
                lambda: outbox.later(each.sequence, now, never_arrived=True),
                lambda: outbox.refused(each, now, "not_in_channel", never_arrived=False),
                lambda: outbox.speaks_again("C1"),
                lambda: outbox.rewrite(each.sequence, each.message),
                lambda: outbox.make_plain(each.sequence, "plain"),
                lambda: outbox.make_short(each.sequence, "short"),
                lambda: outbox.progress_rests(each.message.request or 0, now),
                lambda: outbox.end(each.sequence, now, outcome="sent", ts=f"{each.sequence}.0"),
            ])
        )()  # fmt: skip

    def keep(self):
        store, now = self.store, self.draw(moments)
        number = self.one().number
        self.draw(
            st.sampled_from([
                lambda: store.refuse(Entry(what=What.REFUSED, who="U0ANN", team="T1"), now),
                lambda: store.refusals.close(now),
                store.refusals.touch,
                lambda: store.homes.opened("U0ANN", "T1", 2),
                lambda: store.homes.redraw(now),
                lambda: store.homes.forget("U0ANN"),
                lambda: store.calls.forget_planned(number),
                self.prepare,
                lambda: store.mornings.claim(str(now.date()), now),
                lambda: store.drafts.add(f"d{len(self.requests)}-{now}", "U0ANN", {"a": 1}, now),
                lambda: store.copies.compared(f"{now.timestamp()}", now),
                lambda: store.requests.set_card(number, "1.5"),
                lambda: store.requests.set_progress_message(number, "1.6"),
                lambda: store.set_clock.was_set(timedelta(seconds=-9)),
                lambda: store.figures.write(self._figure(number)),
            ])
        )()  # fmt: skip

    def prepare(self):
        store = self.store
        number = store.requests.next_number()
        store.preparing.begin(number, NOW, Person(user_id="U0ANN", team_id="T1"), "email_invoice")
        store.mailings.add(number, [Mailing("c", "document", "INV-1", "", "A1", "", "")])
        store.requests.add_subjects(number, SUBJECTS)
        assert store.preparing.begun_before(NOW + timedelta(days=1)) == [number]
        while store.preparing.stands(number):
            store.preparing.drop_part(number, NOW, "not saved")

    def _figure(self, number):
        return Figure(
            request=number,
            day="2026-11-21",
            to_decision=7,
            to_done=None,
            counted={("mailed", "EUR"): Decimal("1.5")},
        )

    STEPS = ("ask", "ask", "move", "move", "call", "mailing", "say", "say", "send", "keep")


def read(store, life, draw):
    """Call everything that reads, with what is there and what is not."""
    now, subject, person, place = draw(moments), draw(subjects), draw(people), draw(places)
    month, later = "2026-11", NOW + timedelta(days=50)
    some = [request.number for request in life.requests] + [999]
    reads = {
        "status": lambda: [
            store.status.about(subject, 5), store.status.briefs(some), store.status.places(some),
            store.status.count_expiring(now), store.status.counted_between(now, later),
            store.status.ended(9), store.status.ended_between(NOW - timedelta(days=50), now, 9), store.status.expiring(now, 9),
            store.status.numbers_in_state(State.WAITING, 9),
            store.status.to_decide(person, store.status.rules_waiting(), now, 9),
            store.status.with_card("C1", "1.5"), store.status.verdicts_of(some),
            store.status.in_states(list(State), 9),
            store.status.own(person, 9, 5), store.status.at_home(person, 9, 5),
        ],
        "requests": lambda: [
            *(store.requests.get(each) for each in some), store.requests.to_judge(some), store.requests.by_form("f1"), store.requests.due(now, 9),
            store.requests.newest(), store.requests.next_wake_after(now), store.requests.open_about(SUBJECTS, place),
            store.requests.open_by(person, now), store.requests.open_of("email_invoice", place),
            store.requests.still_open([(each, "email_invoice", "INV1") for each in some]),
            *(store.requests.stands(each) for each in life.requests),
            *(store.requests.waiting_to_bill_beside(each) for each in life.requests),
            *(store.mailings.waiting_beside(each.number) for each in life.requests),
            *store.at_once(*(store.requests.last_like(each, same_subject=same) for each in life.requests for same in (True, False))),
        ],
        "calls": lambda: [
            *(part for each in some for part in store.calls.in_brief(each)), *(part for each in some for part in store.calls.open_in_parts(each)),
            *(found(each) for each in some for found in (store.calls.busy, store.calls.lost, store.calls.out, store.calls.last_sent_at, store.calls.verdicts, store.calls.count)),
            *(store.calls.about(each, [call.subject for call in store.calls.of(each)][1:]) for each in some),
            store.calls.outstanding_about(SUBJECTS, not_of=1, place=place), store.calls.sent_since(SUBJECTS, now, not_of=1, place=place),
            *(read(each) for each in some for read in (store.calls.of, store.calls.tally, store.calls.last_lost)),
        ],
        "mailings": lambda: [
            *(store.mailings.effects_of(each, place) for each in some), *(store.mailings.by_order(each) for each in some),
            store.mailings.effects([Mailing("c", "run", subject, "", "", "BR-1", "")], not_of=0, place=place),
            *(read(each) for each in some for read in (store.mailings.of, store.mailings.has, store.mailings.asked)),
            *(len(list(store.mailings.look_for_others(each))) for each in some), *(store.mailings.alone.is_alone(each) for each in some),
            *(store.mailings.alone.has_come_since(0, not_of=each) for each in some),
        ],
        "history": lambda: [
            store.history.all(), store.history.last(), store.history.last_of(What.REFUSED), store.history.since(0, What.REFUSED),
            store.history.has_happened_since(0), store.history.decisions(NOW - timedelta(days=50), later, None, 9),
            store.history.decisions(later, later + timedelta(days=1), None, 9, behind=2), store.history.row(2), store.history.row(0), store.history.denied(),
            *(read(each) for each in some for read in (store.history.of, store.history.names, store.history.is_of_other_files, store.history.tenant_of)),
            *(store.history.has_called_since(0, not_of=each) for each in some),
            *store.at_once(*(store.history.story(each, 2, "Month end") for each in some)),
        ],
        "outbox": lambda: [
            store.outbox.heads(), store.outbox.refusals(), store.outbox.waits_since(now), store.set_clock.put_back_meanwhile(now),
            *(store.outbox.of_lane(lane) for lane, _ in store.outbox.heads()), *map(store.outbox.is_overtaken, store.outbox.open()),
            *(store.outbox.has_direct(each, person, now) for each in some),
            *(read(each) for each in some for read in (store.outbox.progress_shown, store.outbox.waits_to_speak)),
        ],
        "figures": lambda: [
            store.figures.asked_in(NOW - timedelta(days=50), later, ("", 0), 9), sorted(store.figures.due(99)),
            store.figures.median_to_decision(month, 1), store.figures.median_to_done(month, 1), store.figures.of(some),
            store.figures.of_days(month), store.figures.refusals(month),
        ],
        "copies": lambda: [
            store.copies.held, store.copies.id, store.copies.open_cards(), store.copies.open_numbers(),
            store.copies.own("C1", 0, some), store.copies.since("C1"),
        ],
        "homes": lambda: [store.homes.of(person)],
        "mornings": lambda: [store.mornings.before("2026-11-30")],
        "drafts": lambda: [store.drafts.get("d1", person, now)],
        "refusals": lambda: [store.refusals.are_counted(now)],
        "listed": lambda: [store.listed.page(each, 0, 5) for each in some],
        "estimates": lambda: [store.estimates.due(now, 5), store.estimates.next_wake(), *map(store.estimates.of, some)],
        "archives": lambda: [store.archives.all(), store.archives.leaving(later), store.archives.asked_between(now, later), *map(store.archives.of, some)],
    }  # fmt: skip
    for each in reads.values():
        each()
    return set(reads)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_both_engines_give_the_same_whatever_is_written(data):
    with tempfile.TemporaryDirectory() as folder:
        both = Both.of(Path(folder) / "bot.db")
        try:
            store = Store(both)
            life = Life(data, store)
            for name in data.draw(st.lists(st.sampled_from(Life.STEPS), min_size=5, max_size=25)):
                with suppress(CouldNotRecordError), store.transaction():  # a rule of both
                    getattr(life, name if life.requests else "ask")()
            read(store, life, data.draw)
            assert both.dump()
        finally:
            both.close()
