"""Who came, at 5,000,000 attendances in one community: opening the page, and recording one more with its counters of
distinct people, as a record and as the form and the list do it, against a plain insert."""

from itertools import count
from typing import Any

from repository import activities, audit, rollups
from repository.activities import ActivityStatus, Attendance
from repository.metrics import Period
from repository.store import Store, Write
from seed import bulk
from tests.benchmarks.stand import ACTOR, ROUNDS, SCALE, Report, Stand, in_turns, median, ms, ping, ratio, seconds
from tests.benchmarks.writes import signed_in, twin_of

VISITS = max(5_000, round(5_000_000 * SCALE))
COMMUNITY = "bench-0001"
PINGS, FLOOR = 20, 0.010
MOST = 3.0
LIST = 30
"""Residents on one list, as after an event."""


def run(stand: Stand, report: Report) -> None:
    """The page's figures in 20 pings or 10 ms, its list in 50 ms; a write at most three plain inserts."""
    report.title(f"attendances: {VISITS:,} in one community")
    store = stand.store(f"crowd-{VISITS}")
    if store.db["communities"].find_one({}) is None:
        done = bulk.load(store, work_orders=2_000, attendances=VISITS)
        report.line("loaded", f"{done.documents / done.seconds:,.0f} documents/s")
    _page(store, report)
    _write(store, report)


def _page(store: Store, report: Report) -> None:
    now = store.clock().astimezone(store.zone(COMMUNITY))
    pings = [ping(store) for _ in range(50)]
    bound = max(PINGS * median(pings), FLOOR)
    report.line("one database ping", ms(median(pings)), f"so figures <= {ms(bound)}")
    for period in (Period.of(f"{now:%Y-%m}"), Period.of(f"{now:%Y}"), Period.of("ever")):
        took = [seconds(lambda of=period: activities.figures(store, ACTOR, COMMUNITY, of)) for _ in range(ROUNDS + 1)]
        report.line(f"figures, {period.key}", ms(median(took[1:])), f"<= {ms(bound)}", median(took[1:]) <= bound)
        told = [
            seconds(lambda of=period: activities.residents_review(store, ACTOR, COMMUNITY, of))
            for _ in range(ROUNDS + 1)
        ]
        report.line(f"residents, {period.key}", ms(median(told[1:])), f"<= {ms(bound)}", median(told[1:]) <= bound)
        listed = [seconds(lambda of=period: activities.calendar(store, ACTOR, COMMUNITY, of)) for _ in range(ROUNDS)]
        report.line(f"list, {period.key}", ms(median(listed)), "<= 50.0 ms", median(listed) <= 0.050)


def _write(store: Store, report: Report) -> None:
    audit.seal(store)
    twin = twin_of(store, Attendance)
    actor, now = signed_in(store), store.clock()
    today = now.astimezone(store.zone(COMMUNITY)).date()
    held = {"name": "bench", "format": "lecture", "held_on": today, "status": ActivityStatus.HELD}
    gathering = activities.add_activity(store, actor, COMMUNITY, held)
    seen = store.db[rollups.COUNTS].find({"community_id": COMMUNITY, "subject": rollups.SEEN}, {"resident": 1})
    rounds = max(60, ROUNDS * 20)
    known = [one["resident"] for one in seen.limit(3 * rounds + LIST)]
    number = count()
    residents, unread, entered = (iter(known[first::3]) for first in range(3))

    def plain() -> Attendance:
        n = next(number)
        return Attendance(
            id=f"a{now.timestamp()}-{n}",
            community_id=COMMUNITY,
            activity_id=f"{now.timestamp()}",
            resident=f"R-{n}",
            held_on=gathering.held_on,
            format=gathering.format,
        )

    def came(resident: str) -> Attendance:
        return plain().model_copy(update={"activity_id": gathering.id, "resident": resident})

    read = iter([(one, _when_they_came(store, one)) for one in residents])

    def written() -> None:
        """The transaction of ``record_attendance``: what it rests on is read by then, as it is for a plain insert."""
        resident, before = next(read)

        def work(write: Write) -> None:
            write.came_before(COMMUNITY, {resident: before})
            write.insert(came(resident))

        store.write(actor, work)

    found = in_turns(
        {
            "plain": lambda: twin.insert_one(plain().to_document()),
            "insert": written,
            "unread": lambda: store.insert(actor, came(next(unread))),
            "enter": lambda: activities.record_attendance(
                store, actor, COMMUNITY, gathering.id, resident=next(entered)
            ),
        },
        rounds=rounds,
    )
    times = ratio(found["insert"], found["plain"])
    report.line("plain insert, same validator and indexes", ms(median(found["plain"])))
    report.line("with trail and counters of people", f"{ms(median(found['insert']))} = {times:.2f} x", f"<= {MOST} x",
                times <= MOST)  # fmt: skip
    times = ratio(found["unread"], found["plain"])
    report.line("the same, reading when they came in it", f"{ms(median(found['unread']))} = {times:.2f} x")
    times = ratio(found["enter"], found["plain"])
    report.line("activities.record_attendance (reads too)", f"{ms(median(found['enter']))} = {times:.2f} x")
    some = "\n".join(known[:LIST])
    gatherings = iter([activities.add_activity(store, actor, COMMUNITY, held) for _ in range(ROUNDS)])
    found = in_turns(
        {
            "plain": lambda: twin.insert_one(plain().to_document()),
            "list": lambda: activities.record_attendances(store, actor, COMMUNITY, next(gatherings).id, some),
        }
    )
    each = [took / len(known[:LIST]) for took in found["list"]]
    report.line(f"a list of {LIST}, each of its lines", f"{ms(median(each))} = {ratio(each, found['plain']):.2f} x")


def _when_they_came(store: Store, resident: str) -> dict[str, Any] | None:
    place = rollups.seen_place(resident).document_id(COMMUNITY)
    return store.db[rollups.COUNTS].find_one({"_id": place})
