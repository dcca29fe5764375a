"""The data dictionary is what the declarations say, and knows every counter that any record can add to."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from dashboard import dictionary
from dashboard.i18n import translator
from repository import rollups
from repository.activities import Activity, ActivityStatus, Attendance, Level
from repository.entries import EntryException, EntryKind, EntryLog
from repository.hazards import Hazard
from repository.inspections import Inspection, ItemResult, Verdict
from repository.maintenance import Event, Outcome, Priority, Reopening, Status, WorkKind, WorkOrder
from repository.meetings import ActionItem, Decision, Meeting
from repository.organizations import Engagement, Need
from repository.patrols import Patrol
from repository.projects import Project, ProjectTask
from repository.record import RECORDS, Record, field_specs
from repository.requests import CallBack, Request, Satisfaction, Urgency
from repository.requests import Reopening as RequestReopening
from repository.residents import Volunteer
from repository.signups import SignUp, SignUpState

AT = datetime(2026, 3, 2, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_the_page_in_docs_is_up_to_date() -> None:
    assert dictionary.PATH.read_text("utf-8") == dictionary.markdown(), "run: python -m dashboard.dictionary"


def test_every_field_is_there() -> None:
    text = dictionary.markdown()
    for record in RECORDS.values():
        assert f"`{record.collection}`" in text
        for name in field_specs(record):
            assert f"| {name} |" in text


def _orders() -> list[Record]:
    base = {
        "community_id": "c",
        "number": "1",
        "fault": "x",
        "reported_at": AT,
        "estimated_hours": 1,
        "dangerous": True,
        "facility_id": "f",
        "assignee_id": "p",
    }
    found = [WorkOrder(**base, due_at=due, status=status) for due in (None, AT + HOUR) for status in (Status.REPORTED,)]
    facts = {**base, "estimated_hours": None, "cost_cents": 5}
    found += [WorkOrder(**facts, priority=priority) for priority in Priority]
    for outcome in Outcome:
        for due in (None, AT + HOUR, AT + 3 * HOUR):
            found.append(
                WorkOrder(
                    **base,
                    status=Status.CLOSED,
                    outcome=outcome,
                    due_at=due,
                    responded_at=AT + HOUR,
                    ended_at=AT + 2 * HOUR,
                    cost_cents=100,
                    actual_hours=2,
                    reopenings=(
                        Reopening(ended_at=AT + HOUR, reopened_at=AT + HOUR, outcome=outcome, verified_at=AT + HOUR),
                    ),
                )
            )
    for hazard, status in ((None, Status.VERIFIED), ("h", Status.DONE)):
        day = {"kind": WorkKind.PREVENTIVE, "scheduled_for": AT.date(), "grace_days": 2, "hazard_id": hazard}
        found.append(
            WorkOrder(**base, **day, status=status, is_open=False, outcome=Outcome.COMPLETED, ended_at=AT + HOUR)
        )
    held = (Event(at=AT, by="x", status=Status.ON_HOLD), Event(at=AT + HOUR, by="x", status=Status.DONE))
    found.append(
        WorkOrder(
            **base,
            status=Status.DONE,
            outcome=Outcome.COMPLETED,
            ended_at=AT + HOUR,
            actual_hours=1,
            kind=WorkKind.PREVENTIVE,
            repeat_of="w",
            satisfaction=4,
            events=held,
            postponements=({"at": AT, "due_before": AT},),
        )
    )
    return [*found, WorkOrder(**base, status=Status.CLOSED)]


def _activities() -> list[Record]:
    base = {"community_id": "c", "name": "x", "format": "lecture", "held_on": AT.date()}
    counted = Activity(**base, headcount=3, spend_cents=100, level="involve", answers=3, satisfied=2)
    return [counted, *(Activity(**base, status=status) for status in ActivityStatus)]


def _signed_up() -> list[Record]:
    base = {"community_id": "c", "activity_id": "a", "resident": "r", "held_on": AT.date(), "asked_at": AT}
    return [SignUp(**base, state=state, came=came) for state in SignUpState for came in (False, True)]


def _watched() -> list[Record]:
    failed = ItemResult(text="x", verdict=Verdict.FAIL)
    facts = {"community_id": "c", "name": "x", "inspection_kind": "routine", "facility_id": "f", "inspector": "x"}
    facts |= {"checklist_id": "l", "done_at": AT, "done_on": AT.date(), "due_days": (AT.date(),), "failed": 1}
    hazard = {"community_id": "c", "what": "x", "found_at": AT, "deadline_on": AT.date(), "state": "rechecked"}
    before = {"deadline_before": AT.date(), "level_before": "major"}
    after = {"deadline_after": AT.date() + timedelta(days=1), "level_after": "general"}
    hazard["events"] = ({"at": AT, "by": "x", "step": "changed", **before, **after},)
    return [Inspection(**facts, category="fitness", results=(failed,)), Hazard(**hazard)]


def _walked() -> list[Record]:
    facts = {
        "households": 3,
        "minutes": 9,
        "findings": ({"text": "x"},),
        "plan_id": "p",
        "officer_id": "o",
        "doors": ("k",),
    }
    return [Patrol(community_id="c", grid_id="g", walked_on=AT.date(), **facts)]


def _meetings() -> list[Record]:
    base = {"community_id": "c", "day": AT.date(), "kind": "monthly", "name": "x"}
    item = {"community_id": "c", "what": "x", "owner_id": "p", "given_on": AT.date(), "due_on": AT.date()}
    closed = [{"state": "done", "closed_on": AT.date() + timedelta(days=late)} for late in (0, 1)]
    return [
        Meeting(**base, status="held", invited_ids=("p",), present_ids=("p",)),
        Decision(community_id="c", meeting_id="m", decided_on=AT.date(), text="x"),
        *(ActionItem(**item, **more) for more in (*closed, {"state": "dropped", "closed_on": AT.date()})),
    ]


def _heard() -> list[Record]:
    base = {"community_id": "c", "number": "1", "text": "x", "received_at": AT, "deadline_at": AT + HOUR}
    over = {"status": "closed", "ended_at": AT, "responded_at": AT}
    calls = tuple(
        CallBack(on=AT.date(), by="x", reached=True, contacted=True, solved=True, satisfaction=grade)
        for grade in Satisfaction
    )
    unreached = CallBack(on=AT.date(), by="x", reached=False)
    past = RequestReopening(ended_at=AT + 2 * HOUR, reopened_at=AT + 3 * HOUR, not_solved=True)
    return [
        *(Request(**base, urgency=urgency) for urgency in Urgency),
        Request(**base, status="resolved", ended_at=AT + 2 * HOUR, responsible_id="p"),
        Request(**base, **over, callbacks=(unreached, *calls[::-1]), repeat_of="r"),
        Request(**base, status="resolved", outcome_kind="meeting", reopenings=(past,)),
        Request(**base, postponements=({"at": AT, "due_before": AT},)),
        Request(**{**base, "deadline_at": None}, **over, outcome_kind="idea"),
    ]


def _entries() -> list[Record]:
    base = {"community_id": "c", "gate_id": "f", "entered_at": AT}
    every = {"complete": True, "handling": "smart", "left_at": AT + HOUR, "exceptions": tuple(EntryException)}
    return [EntryLog(**base, **every, kind=kind) for kind in EntryKind]


def _partners() -> list[Record]:
    day = {"listed_on": AT.date(), "matched_on": AT.date(), "met_on": AT.date(), "withdrawn_on": AT.date()}
    base = {"community_id": "c", "what": "x"}
    found: list[Record] = [Need(**base, **day, state=state) for state in ("met", "withdrawn")]
    found += [Engagement(**base, organization_id="o", on=AT.date(), way=way) for way in ("joined", "contact")]
    late, in_time = AT.date() - timedelta(days=1), AT.date()
    for due in (late, in_time, None):
        ended = {"community_id": "c", "name": "x", "due_on": due}
        found.append(Project(**ended, state="done", ended_on=AT.date()))
        found.append(ProjectTask(**ended, project_id="p", organization_id="o", done_on=AT.date()))
    return [*found, Project(community_id="c", name="x", state="stopped", ended_on=AT.date())]


def test_every_counter_is_explained_and_no_other() -> None:
    helped = {"level": "involve", "age_band": "75+", "role": "volunteer", "hours": 2}
    came = Attendance(community_id="c", activity_id="a", resident="r", held_on=AT.date(), format="lecture", **helped)
    months = {"2026-02": {"co_organiser:60-74_f|g": 1}, "2026-03": {"volunteer:60-74_f|g": 2}}
    beside = {rollups.REGISTERED: {"2026-01/": 1}, rollups.FORMATS: {"2026|lecture|60-74": 1}}
    atoms: rollups.Tally = rollups.people_atoms({**months, **beside})
    registered = Volunteer(community_id="c", resident="r", since=AT.date(), until=AT.date())
    of_a_company = [order.model_copy(update={"company_id": "o"}) for order in _orders()]
    for record in (
        *_orders(),
        *of_a_company,
        *_activities(),
        *_signed_up(),
        *_watched(),
        *_walked(),
        came,
        registered,
        *_entries(),
        *_meetings(),
        *_heard(),
        *_partners(),
    ):
        atoms.update(rollups.tally(type(record), [record.to_document()], ZoneInfo("Asia/Shanghai")))
    told = {(subject, level, name) for (subject, level), names in dictionary.COUNTERS.items() for name in names}
    met = {(subject, level, _pattern(level, name, subject)) for subject, level, _, _, _, name in atoms}
    assert met == told


def _pattern(level: str, name: str, subject: str) -> str:
    if subject.startswith("entr"):
        name = re.sub(r"\.\d{3}$", ".{hour}", name)
        name = re.sub(rf"^({'|'.join(EntryKind)})(?=$|_|\.)", "{kind}", name)
        return "{exception}" if name in set(EntryException) else name
    if subject == "requests":
        name = re.sub(rf"^said_({'|'.join(Satisfaction)})$", "said_{grade}", name)
        return re.sub(rf"^urgency_({'|'.join(Urgency)})$", "urgency_{urgency}", name)
    if subject in ("activities", "attendances"):
        return re.sub(rf"_({'|'.join(Level)})$", "_{level}", name)
    if subject == "cohorts":
        return re.sub(r"_\d+$", "_{n}", name)
    if level == "due":
        return re.sub(r"^\d\d$", "{day}", name)
    if level == "age":
        return re.sub(r"^\d\d\.(\d{8}|none)$", "{day}.{due}", name)
    name = re.sub(r"\.\d+$", ".{bin}", name)
    for prefix in ("priority", "status"):
        name = re.sub(rf"^{prefix}_\w+$", f"{prefix}_{{{prefix}}}", name)
    if subject == "patrol_doors":
        return re.sub(r"^doors\.\w+$", "doors.{key}", name)
    if subject in ("facility_orders", "person_orders", "person_requests"):
        return re.sub(r"^of\.\w+\.", "of.{id}.", name)
    if subject == "company_orders":
        return name
    return re.sub(rf"^ended_({'|'.join(Outcome)})$", "ended_{outcome}", name)


def test_rows_speak_both_languages() -> None:
    for language in ("zh", "en"):
        say = translator(language)
        assert len(dictionary.field_rows(WorkOrder, say)) == len(field_specs(WorkOrder))
        assert len(dictionary.counter_rows(say)) == sum(map(len, dictionary.COUNTERS.values()))
        assert dictionary.word_rows(Outcome, say)[0]
