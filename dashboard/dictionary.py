"""The data dictionary: every record, field, word and counter, in both languages, from the declarations.

``python -m dashboard.dictionary`` writes ``docs/data-dictionary.md``; a test fails when it is stale.
"""

import sys
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

from dashboard.i18n import translator
from repository import migrations  # noqa: F401 (importing declares every record)
from repository.importer.exports import WAYS
from repository.record import RECORDS, Choice, FieldSpec, Part, Record, Ref, field_specs
from repository.words import msg

Translate = Callable[[str], str]
PATH = Path(__file__).resolve().parent.parent / "docs" / "data-dictionary.md"

COUNTERS: dict[tuple[str, str], dict[str, str]] = {
    ("work_orders", "month"): {
        "opened": msg("Work orders reported in the month"),
        "end_unknown": msg("Of these: over, but nobody noted when; they left the backlog at an unknown time"),
        "dangerous": msg("Of these: dangerous"),
        "estimated_n": msg("Of these: with estimated hours"),
        "estimated_minutes": msg("Estimated working time of these, minutes"),
        "ended": msg("Work orders that ended in the month, those reopened later included"),
        "ended_{outcome}": msg("Of these: by how they ended"),
        "on_time": msg("Of these: completed by the due moment"),
        "late": msg("Of these: after the due moment, however they ended, or put off when it had passed"),
        "no_due": msg("Of these: without a due moment, or flagged"),
        "reopened": msg("Endings that did not last, in the month of the reopening"),
        "fell_overdue": msg("Work orders whose due moment passed while they were open; days to come included"),
        "left_overdue": msg("Work orders that ended after their due moment"),
        "respond_n": msg("Work orders first responded to in the month, flagged ones left out"),
        "respond_seconds": msg("Sum of their times from report to response, seconds"),
        "respond.{bin}": msg("Their number by duration bin: 0 is zero, 1 under a minute, then 16 bins to a decade"),
        "repair_n": msg("Work orders completed in the month, flagged ones left out"),
        "repair_seconds": msg("Sum of their times from report to completion, seconds"),
        "repair.{bin}": msg("Their number by duration bin: 0 is zero, 1 under a minute, then 16 bins to a decade"),
        "cost_cents": msg("Cost of the work orders that ended in the month, 1/100 yuan"),
        "actual_minutes": msg("Working time of the work orders that ended in the month, minutes"),
        "answered": msg("Work orders that were first answered, or ended without an answer, in the month"),
        "verified": msg("Completed work orders that were verified or closed in the month"),
        "preventive": msg("Preventive work orders opened in the month"),
        "preventive_minutes": msg("Working time of the preventive ones that ended in the month, minutes"),
        "scheduled": msg("Work orders scheduled for a day of the month, but for those that ended as no longer needed"),
        "as_scheduled": msg("Of these: done by that day"),
        "preventive_due": msg("Of these: preventive ones"),
        "preventive_met": msg("Preventive ones done by their day and grace"),
        "hazard": msg("Dangerous work orders reported in the month, hazards by themselves; not those of a hazard"),
        "hazard_checked": msg("Of these: mended and verified by somebody else"),
        "repeat": msg("Reports of a fault that had been mended on the same facility within 30 days"),
        "rework": msg("Repairs said to be done that were reopened, in the month of the reopening"),
        "rework_verified": msg("Of these: verified before"),
        "postponed": msg("Work orders whose due time was put off in the month"),
        "held_n": msg("Work orders that ended in the month and had been on hold"),
        "held_seconds": msg("Sum of their times on hold, seconds"),
        "satisfaction_n": msg("Work orders that ended in the month and were judged by whoever reported them"),
        "satisfaction_sum": msg("Sum of their grades, 1 to 5"),
    },
    ("work_orders", "stock"): {
        "open": msg("Work orders open now"),
        "to_verify": msg("Work orders said to be done and not verified yet"),
        "priority_{priority}": msg("Of these: by priority"),
        "status_{status}": msg("Of these: by status"),
        "estimated_minutes": msg("Estimated working time of the open ones, minutes"),
        "unestimated": msg("Open ones without estimated hours"),
        "no_due": msg("Open ones without a due moment"),
    },
    ("work_orders", "due"): {"{day}": msg("Open work orders by the day they are due")},
    ("work_orders", "age"): {"{day}.{due}": msg("Open work orders by the day they were reported and the day due")},
    ("inspections", "month"): {
        "done": msg("Inspections made in the month; the category is the kind of inspection"),
        "failed": msg("Of these: with an item not in order"),
        "due": msg("Due days of the month that inspections answered, in time or late"),
        "on_time": msg("Of these: inspected by then"),
    },
    ("hazards", "month"): {
        "found": msg("Hazards found in the month; the category is the level"),
        "rectified": msg("Of these: rectified by now"),
        "rechecked": msg("Of these: rectified and re-checked by now"),
        "postponed": msg("Hazards whose deadline was put off in the month"),
        "lowered": msg("Hazards that were said in the month to be major no longer"),
    },
    ("meetings", "month"): {
        "held": msg("Meetings held in the month; the category is the kind"),
        "invited": msg("People and organisations invited to those where attendance was taken"),
        "attended": msg("Of these: who came"),
    },
    ("decisions", "month"): {
        "decided": msg("Decisions of the month's meetings; the category is the outcome"),
    },
    ("action_items", "month"): {
        "given": msg("Action items given at the month's meetings; the category is the series that takes them up"),
        "closed_in_time": msg("Action items done in the month, by their day"),
        "closed_late": msg("Action items done in the month, after their day"),
        "dropped": msg("Action items dropped in the month"),
    },
    ("requests", "month"): {
        "opened": msg("Requests received in the month; the category is the topic"),
        "of_responded": msg("Of these: responded to by now"),
        "of_resolved": msg("Of these: answered by now"),
        "of_called": msg("Of these: called back and solved"),
        "of_satisfied": msg("Of these: the resident is satisfied or basically satisfied"),
        "entered": msg("Requests received in the month that were entered here and came by no sheet"),
        "repeat": msg("Requests received in the month that repeat another of the 90 days before"),
        "called": msg("Call-backs of the month that reached the resident"),
        "unreached": msg("Call-backs of the month that reached nobody"),
        "contacted": msg("Valid call-backs: the resident had been contacted"),
        "solved": msg("Valid call-backs: it is solved"),
        "said_{grade}": msg("Valid call-backs by how satisfied the resident is"),
        "ended": msg("Requests answered, declined or referred in the month, those reopened later included"),
        "on_time": msg("Of these: by the deadline"),
        "late": msg("Of these: after the deadline, or put off when it had passed"),
        "no_due": msg("Of these: without a deadline, or flagged"),
        "reopened": msg("Endings that did not last, in the month of the reopening"),
        "not_solved": msg("Of these: because the resident said that it was not solved"),
        "fell_overdue": msg("Requests whose deadline passed while they were open; days to come included"),
        "left_overdue": msg("Requests that ended after their deadline"),
        "end_unknown": msg("Requests received in the month that are over, nobody knows since when"),
        "postponed": msg("Requests whose deadline was put off in the month"),
    },
    ("requests", "stock"): {
        "open": msg("Requests open now"),
        "urgency_{urgency}": msg("Of these: by urgency"),
        "to_call": msg("Requests that are answered and wait for the call-back"),
        "ideas": msg("Requests kept as an idea for an activity"),
        "for_meeting": msg("Requests that wait for the next meeting"),
    },
    ("patrols", "month"): {
        "walked": msg("Patrols walked in the month; the category is what for"),
        "visits": msg("Households visited on them, each time they were"),
        "minutes": msg("Time taken, minutes"),
        "found": msg("Findings"),
    },
    ("patrol_officers", "cells"): {
        "walked": msg("Of an officer (the category): patrols walked in the month"),
        "visits": msg("Households visited on them, each time they were"),
        "minutes": msg("Time taken, minutes"),
    },
    ("patrol_rounds", "cells"): {"walked": msg("Of a patrol plan (the category): patrols walked in the month")},
    ("needs", "month"): {
        "listed": msg("Needs listed in the month; the category is the kind"),
        "matched": msg("Needs matched in the month, those met since included"),
        "met": msg("Needs met in the month"),
        "withdrawn": msg("Needs withdrawn in the month; they count as never matched"),
    },
    ("engagements", "month"): {
        "took_part": msg("Of an organisation (the category): how often it took part in the month"),
        "contacts": msg("How often it was only contacted"),
    },
    ("projects", "month"): {
        "on_time": msg("Projects finished in the month by their due day"),
        "late": msg("Projects finished in the month after their due day"),
        "no_due": msg("Projects finished in the month that had no due day"),
        "stopped": msg("Projects stopped in the month"),
    },
    ("project_tasks", "month"): {
        "on_time": msg("Project tasks done in the month by their due day; the category is the organisation"),
        "late": msg("Project tasks done in the month after their due day"),
        "no_due": msg("Project tasks done in the month that had no due day"),
    },
    ("patrol_doors", "cells"): {
        "doors.{key}": msg("How often a door was visited in the month, by its key of the year")
    },
    ("company_orders", "cells"): {
        "opened": msg("Of a company (the category): work orders reported in the month"),
        "ended": msg("Work orders that ended in the month, those reopened later included"),
        "ended_completed": msg("Of these: completed"),
        "on_time": msg("Of these: completed by the due moment"),
        "late": msg("Of these: after the due moment, however they ended, or put off when it had passed"),
        "no_due": msg("Of these: without a due moment, or flagged"),
        "fell_overdue": msg("Work orders whose due moment passed while they were open; days to come included"),
        "left_overdue": msg("Work orders that ended after their due moment"),
        "rework": msg("Repairs said to be done that were reopened, in the month of the reopening"),
        "repeat": msg("Reports of a fault that had been mended on the same facility within 30 days"),
        "respond_n": msg("Work orders first responded to in the month, flagged ones left out"),
        "respond_seconds": msg("Sum of their times from report to response, seconds"),
        "respond.{bin}": msg("Their number by duration bin: 0 is zero, 1 under a minute, then 16 bins to a decade"),
        "cost_cents": msg("Cost of the work orders that ended in the month, 1/100 yuan"),
        "satisfaction_n": msg("Work orders that ended in the month and were judged by whoever reported them"),
        "satisfaction_sum": msg("Sum of their grades, 1 to 5"),
    },
    ("facility_orders", "cells"): {
        "of.{id}.failures": msg(
            "Of a facility: work orders reported in the month, but preventive ones and those rejected, cancelled or "
            "duplicate"
        ),
        "of.{id}.costed": msg("Of these: with a cost noted"),
        "of.{id}.cost_cents": msg("Cost of these, 1/100 yuan"),
    },
    ("facility_orders", "stock"): {
        "cost_cents": msg("Of a facility (the category): cost noted on open work orders, 1/100 yuan")
    },
    ("person_orders", "cells"): {
        "of.{id}.completed": msg("Of a person: work orders completed in the month"),
        "of.{id}.minutes": msg("Of a person: working time of the work orders completed in the month, minutes"),
        "of.{id}.on_time": msg("Of these: completed by their due time"),
        "of.{id}.late": msg("Of a person: work orders that ended late, however they ended"),
        "of.{id}.reworked": msg("Of these: reopened as not fixed at least once"),
    },
    ("person_requests", "cells"): {
        "of.{id}.ended": msg("Of a person: requests they answer for that ended in the month"),
        "of.{id}.late": msg("Of these: after the deadline"),
    },
    ("entries", "month"): {
        "{kind}": msg("Vehicles or people that came in the month; the category is the gate"),
        "{kind}_complete": msg("Of these: noted completely, with the time they left"),
        "{kind}_smart": msg("Of these: let in by recognition"),
        "{kind}_left": msg("Of these: the time they left is noted"),
        "odd": msg("Entries with an exception"),
        "{exception}": msg("Of these: by exception"),
    },
    ("entry_hours", "cells"): {"{kind}.{hour}": msg("Entries by hour of the week, 000 is Monday midnight, by gate")},
    ("activities", "month"): {
        "events": msg("Sessions held in the month; the category is the format"),
        "records": msg("Activities held, however many sessions each"),
        "counted": msg("Of these: somebody counted heads"),
        "uncounted": msg("Of these: nobody counted heads"),
        "heads": msg("Heads counted"),
        "spend_cents": msg("Money spent, 1/100 yuan"),
        "spend_known": msg("Activities held whose spend is recorded"),
        "level_{level}": msg("Sessions held by participation level"),
        "heads_{level}": msg("Heads counted by participation level"),
        "answers": msg("Visitors who said how it was"),
        "satisfied": msg("Of these: satisfied"),
        "planned": msg("Sessions planned"),
        "cancelled": msg("Sessions cancelled"),
    },
    ("attendances", "month"): {
        "visits": msg("Registered visits; the category is the format"),
        "level_{level}": msg("Of these: by participation level"),
        "services": msg("Of these: as a volunteer"),
        "services_timed": msg("Services whose hours are recorded"),
        "service_minutes": msg("Minutes served by volunteers"),
    },
    ("sign_ups", "month"): {
        "signed": msg("Of an activity (the category) of the month: residents signed up who have a place"),
        "came": msg("Of these: registered as having come"),
        "waiting": msg("Residents on the waiting list"),
        "withdrawn": msg("Residents who withdrew"),
    },
    ("residents", "people"): {
        "unique": msg("Different residents who came in the period"),
        "repeat": msg("Of these: twice or more"),
        "new": msg("Of these: for the first time ever"),
        "stayed": msg("Of these: came in the period before too"),
        "co_organiser": msg("Of these: helped to organise, and did not volunteer"),
        "volunteer": msg("Of these: volunteered"),
        "to_co_organiser": msg("Of these: helped to organise, having done no more before"),
        "to_volunteer": msg("Of these: volunteered for the first time ever"),
        "active": msg("Of these: volunteered in a month in which they were registered for it"),
    },
    ("cohorts", "people"): {
        "after_{n}": msg("Residents who first came in the month, and came again so many months later"),
        "soon": msg("Of these: in one of the three months after"),
    },
    ("formats", "people"): {
        "unique": msg("Different residents who came in the calendar year, by format and age band together"),
    },
    ("volunteers", "month"): {
        "joined": msg("Registered as volunteers in the month"),
        "left": msg("Volunteers whose last day lies in the month"),
    },
}
"""What each counter holds, by subject and level; a name in braces stands for many."""

LEVELS = {
    "month": msg("By month: in all, by grid, by category, and by both"),
    "stock": msg("As of now: in all, by grid, by category, and by both"),
    "due": msg("By month due: in all, by grid, by category"),
    "age": msg("By month reported: in all"),
    "cells": msg("By month, for each grid and category together"),
    "people": msg("By month, quarter, year and ever: in all, by grid, by age band and sex, and by both"),
}


def records() -> list[type[Record]]:
    """Every kind of record, by name."""
    return [record for _, record in sorted(RECORDS.items())]


def field_rows(owner: type[Record] | type[Part], say: Translate) -> list[dict[str, Any]]:
    """A record's or part's fields: title, name, kind, whether required, bounds, words, other headers, help."""
    return [
        {
            say(msg("Field")): say(spec.title),
            say(msg("Name")): spec.name,
            say(msg("Written as")): _way(spec, say),
            say(msg("Required")): say(msg("yes")) if spec.required else "",
            say(msg("Bounds")): _bounds(spec, say),
            say(msg("Other headers")): ", ".join(spec.mark.aliases),
            say(msg("Remark")): say(spec.help) if spec.help else "",
        }
        for spec in field_specs(owner).values()
    ]


def counter_rows(say: Translate) -> list[dict[str, Any]]:
    """Every counter and what it holds."""
    return [
        {
            say(msg("Counter")): f"{subject}.{name}",
            say(msg("Kept")): say(LEVELS[level]),
            say(msg("Holds")): say(meaning),
        }
        for (subject, level), names in COUNTERS.items()
        for name, meaning in names.items()
    ]


def _way(spec: FieldSpec, say: Translate) -> str:
    if spec.kind in ("part", "variant"):
        way = " / ".join(part.__name__ for part in spec.parts)
    else:
        way = f"{say(msg('name or code'))} → {spec.mark.to}" if isinstance(spec.mark, Ref) else say(WAYS[spec.kind])
        if spec.choices is not None:
            way += f" ({spec.choices.__name__})"
    if spec.mark.unit:
        way += f", {say(spec.mark.unit)}"
    return f"{way} ×n" if spec.many else way


def _bounds(spec: FieldSpec, say: Translate) -> str:
    def said(bound: float | date | datetime | None) -> str:
        if isinstance(bound, int | float):
            return f"{bound // 100:,}" if spec.kind == "money" else f"{bound:,}"
        return "" if bound is None else bound.isoformat()

    if spec.minimum is not None or spec.maximum is not None:
        return f"{said(spec.minimum)} … {said(spec.maximum)}"
    if spec.max_length is None:
        return ""
    return say(msg("{n} at most")).format(n=f"{spec.max_length:,}") if spec.many or spec.kind == "text" else ""


def parts_of(owner: type[Record] | type[Part]) -> Iterator[type[Part]]:
    """The embedded values of a record, inner ones too, each once."""
    for spec in field_specs(owner).values():
        for part in spec.parts:
            yield part
            yield from parts_of(part)


def choices() -> dict[str, type[Choice]]:
    """Every list of words a field uses, by its name."""
    owners: list[Any] = [owner for record in records() for owner in (record, *parts_of(record))]
    found = {
        spec.choices.__name__: spec.choices for one in owners for spec in field_specs(one).values() if spec.choices
    }
    return dict(sorted(found.items()))


def word_rows(of: type[Choice], say: Translate) -> list[dict[str, Any]]:
    """The words of a list: value, label, and how a sheet may spell it."""
    return [
        {
            say(msg("Value")): member.value,
            say(msg("Label")): say(member.label),
            say(msg("A sheet may say")): ", ".join(member.spellings),
        }
        for member in of
    ]


# --- the page in docs/ -----------------------------------------------------------------------------------------------
def markdown() -> str:
    """The whole dictionary as Markdown, Chinese beside English."""
    zh, en = translator("zh"), translator("en")

    def both(text: str) -> str:
        return f"{zh(text)} · {en(text)}" if zh(text) != en(text) else en(text)

    lines = [
        f"# {both(msg('Data dictionary'))}",
        "",
        "Made from the declarations by `python -m dashboard.dictionary`; do not edit. A test fails when it is stale.",
        "由声明自动生成，请勿手改。",
        "",
        "Every record also has an id, its community, a revision, who made and last changed it and when, the import "
        "batch that brought it, and its flags (doubts).",
        "",
    ]
    for record in records():
        lines += [f"## {both(record.title)}: `{record.collection}`", ""]
        if record.natural_key:
            lines += [f"{both(msg('Recognised by'))}: {', '.join(f'`{name}`' for name in record.natural_key)}", ""]
        lines += _table(field_rows(record, both))
        for part in dict.fromkeys(parts_of(record)):
            lines += [f"### {part.__name__}", "", *_table(field_rows(part, both))]
    lines += [f"## {both(msg('Words'))}", ""]
    for name, of in choices().items():
        lines += [f"### {name}", "", *_table(word_rows(of, both))]
    lines += [f"## {both(msg('Counters'))}: `monthly_counts`", "", *_table(counter_rows(both))]
    return "\n".join(lines).rstrip() + "\n"


def _table(rows: list[dict[str, Any]]) -> list[str]:
    if not rows:
        return []
    kept = [title for title in rows[0] if any(row[title] for row in rows)]
    return [
        f"| {' | '.join(kept)} |",
        f"|{'|'.join(' --- ' for _ in kept)}|",
        *(f"| {' | '.join(str(row[title]).replace('|', chr(92) + '|') for title in kept)} |" for row in rows),
        "",
    ]


if __name__ == "__main__":
    PATH.write_text(markdown(), "utf-8")
    sys.stdout.write(f"{PATH}\n")
