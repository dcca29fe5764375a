"""What people do with activities: enter, change, cancel and delete them, and record who came."""

import re
import secrets
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, TypeVar

from bson import ObjectId

from repository import rollups, signups
from repository.access import Actor, Refused, Role, reach, require_reach
from repository.activities.queries import LATEST, KnownResident, by_code
from repository.activities.records import LONGEST_CODE, Activity, ActivityStatus, Attendance, PartTaken
from repository.filters import Is
from repository.grids import Grid
from repository.organizations import drop_parts, move_parts
from repository.people import AgeBand, Sex
from repository.record import Choice, midnight
from repository.rollups import COUNTS, SEEN, MissingCounters, Place, Presence, Tally, seen_place
from repository.signups import SignUp
from repository.store import Counters, Duplicate, Invalid, Store, Unavailable, Wanted, Write, build
from repository.words import Message, Trouble, msg

T = TypeVar("T")

MOST_LINES = 500  # at a time: one transaction


class AttendancesStand(Trouble):
    """The activity cannot go or be called off while residents are registered at it. ``count`` is how many."""

    def __init__(self, count: int) -> None:
        super().__init__(
            msg(
                "Residents registered at this activity: {count}. Take their attendances back first, or delete them "
                "together with it."
            ),
            count=count,
        )
        self.count = count


# --- activities ------------------------------------------------------------------------------------------------------
def add_activity(
    store: Store, actor: Actor, community_id: str, values: Mapping[str, Any], *, key: str | None = None
) -> Activity:
    """Plan an activity, or record one that took place: without a status, a day to come makes it planned.

    Raises Invalid with a problem beside each field; ``key`` makes a submission count once.
    """
    activity = build(Activity, {**values, "community_id": community_id})
    today = _today(store, community_id)
    if not values.get("status"):
        activity = activity.model_copy(
            update={"status": ActivityStatus.PLANNED if activity.held_on > today else ActivityStatus.HELD}
        )

    _check(activity, today)
    return store.insert(actor, activity, key=key)


def edit_activity(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, changes: Mapping[str, Any]
) -> Activity:
    """Change an activity. Its attendances' copies of day, format and level move with it, and the day on which
    organisations took part, in the same transaction; of one that is called off these are taken back.

    Raises Invalid, also when it would stop being held while residents are registered at it; Conflict.
    """
    today = _today(store, community_id)
    return store.write(actor, lambda write: _change(write, community_id, id, revision, changes, today))


def _change(
    write: Write, community_id: str, id: str, revision: int, changes: Mapping[str, Any], today: date
) -> Activity:
    """Change an activity, and what follows from that for who came and who signed up."""
    before = write.read(Activity, community_id, id)
    after = write.update(Activity, community_id, id, revision, changes)
    if after == before:
        return after
    _check(after, today)
    moved = (before.held_on, before.format, before.level) != (after.held_on, after.format, after.level)
    if moved or after.status is not before.status:
        _collide(write, before)
        if after.status is not ActivityStatus.HELD and (n := _registered(write, before)):
            raise Invalid({"status": AttendancesStand(n).message})
    if moved:
        _carry(write, after)
    _organizations_follow(write, before, after, today)
    if (before.held_on, before.grid_id, before.capacity) != (after.held_on, after.grid_id, after.capacity):
        signups.meet(write, community_id, before.held_on)
        if (before.held_on, before.grid_id) != (after.held_on, after.grid_id):
            signups.follow(write, community_id, id, after.held_on, after.grid_id)
        if after.held_on >= today:
            signups.move_up(write, community_id, id, after.capacity)
    return after


def _organizations_follow(write: Write, before: Activity, after: Activity, today: date) -> None:
    """Organisations took part on the activity's day; in one that was called off, or is now still to come, nobody
    did."""
    home, of, day = after.community_id, after.id, before.held_on
    if after.status is ActivityStatus.CANCELLED and before.status is not after.status:
        drop_parts(write, home, following=Activity, activity_id=of, took_part=True)
    elif after.held_on > max(today, day):
        drop_parts(write, home, following=Activity, on=day, activity_id=of, took_part=True)
    elif after.held_on != day:
        move_parts(write, home, following=Activity, on=day, to=after.held_on, activity_id=of, took_part=True)


def cancel_activity(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> Activity:
    """Say that an activity did not take place. Raises AttendancesStand, Conflict."""
    try:
        return edit_activity(store, actor, community_id, id, revision, {"status": ActivityStatus.CANCELLED})
    except Invalid as invalid:
        standing = invalid.problems.get("status")
        if standing is None:
            raise
        raise AttendancesStand(int(standing.params["count"])) from None


def delete_activity(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, *, with_attendances: bool = False
) -> None:
    """Take out an activity that should never have been entered; the audit keeps it.

    Raises AttendancesStand while residents are registered at it, unless ``with_attendances`` takes those out too.
    """

    def work(write: Write) -> None:
        activity = write.read(Activity, community_id, id)
        _collide(write, activity)
        if n := _registered(write, activity):
            if not with_attendances:
                raise AttendancesStand(n)
            for attendance in _attendances(write, activity):
                write.delete(Attendance, community_id, attendance["_id"], attendance["revision"])
        write.delete(Activity, community_id, id, revision)

    store.write(actor, work)


def set_headcount(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, headcount: int | None
) -> Activity:
    """How many came besides those registered one by one; None is "not recorded". A planned activity whose day has
    come was then held. Raises Invalid, Conflict."""
    changes: dict[str, Any] = {"headcount": headcount}
    if headcount is not None and store.get(actor, Activity, community_id, id).status is ActivityStatus.PLANNED:
        changes["status"] = ActivityStatus.HELD
    return edit_activity(store, actor, community_id, id, revision, changes)


def _today(store: Store, community_id: str) -> date:
    return store.clock().astimezone(store.zone(community_id)).date()


def _check(activity: Activity, today: date) -> None:
    problems: dict[str, Message] = {}
    if activity.status is ActivityStatus.HELD and activity.held_on > today:
        problems["held_on"] = Message(msg("This day is still to come: choose the status Planned, or another day"))
    if activity.status is ActivityStatus.PLANNED and activity.headcount is not None:
        problems["status"] = Message(msg("People were counted, so it was held: choose the status Held"))
    if problems:
        raise Invalid(problems)


def _collide(write: Write, activity: Activity) -> None:
    """Make this transaction and one that records who came exclude each other.

    Each reads what the other writes, so both could commit and leave attendances of an activity that is gone, or on a
    day it was moved from. Recording adds to the month's counter of attendances; writing to it here makes them meet.
    """
    month = f"{activity.held_on:%Y-%m}"
    place = Place("attendances", "month", month)
    result = write.store.db[COUNTS].update_one(
        {"_id": place.document_id(activity.community_id), "community_id": activity.community_id},
        {"$set": {"met": str(ObjectId())}},
        session=write.session,
    )
    if not result.matched_count:
        raise MissingCounters(activity.community_id, [place])


def _attendances(write: Write, activity: Activity) -> list[dict[str, Any]]:
    """The activity's attendances as stored. Raises Unavailable while an import is bringing some of them."""
    found = list(
        write.store.db[Attendance.collection].find(
            {"community_id": activity.community_id, "activity_id": activity.id}, session=write.session
        )
    )
    pending = write.store.pending_batches()
    if any(
        attendance.get("batch_id") in pending or attendance.get("_before", {}).get("batch_id") in pending
        for attendance in found
    ):
        raise Unavailable(msg("This record is being imported just now. Nothing was changed; try again in a minute."))
    return found


def _registered(write: Write, activity: Activity) -> int:
    return write.store.db[Attendance.collection].count_documents(
        {"community_id": activity.community_id, "activity_id": activity.id}, session=write.session
    )


def _carry(write: Write, activity: Activity) -> None:
    """Bring day, format and level of an activity's attendances to its own: one audit entry for all of them."""
    store, community_id = write.store, activity.community_id
    before = _attendances(write, activity)
    if not before:
        return
    copies: dict[str, Any] = {"held_on": midnight(activity.held_on), "format": activity.format}
    gone = {"level": ""} if activity.level is None else {}  # a field without a value is not stored
    copies |= {} if activity.level is None else {"level": str(activity.level)}
    after = [{**{k: v for k, v in attendance.items() if k not in gone}, **copies} for attendance in before]
    store.db[Attendance.collection].update_many(
        {"community_id": community_id, "activity_id": activity.id},
        {
            "$set": {**copies, "updated_at": write.at, "updated_by": write.actor.name},
            "$inc": {"revision": 1},
            "$unset": {"_before": "", **gone},
        },
        session=write.session,
    )
    zone = store.zone(community_id)
    atoms: Tally = Counter()
    atoms.update(rollups.tally(Attendance, after, zone))
    atoms.update(rollups.tally(Attendance, before, zone, -1))
    presence = Presence()
    for sign, documents in ((1, after), (-1, before)):
        for document in documents:
            presence.add(Attendance, document, zone, sign)
    write.add_counts(community_id, atoms, presence)
    write.note("update", Attendance.collection, community_id, activity.id, {**copies, "rows": len(before)})


# --- residents' codes ------------------------------------------------------------------------------------------------
ALPHABET = "34679ACDEFHJKMNPQRTVWXY"  # none is heard as another  # pragma: allowlist secret
_CODE = re.compile(rf"R-?([0-9A-Z]{{4,6}})|([{ALPHABET}]{{4,6}})")
_BORN = r"\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
PERSONAL = re.compile(rf"\d{{17}}[\dX]|[1-8]\d{{5}}{_BORN}\d{{3}}|(?:(?:\+|00)?86)?1\d{{10}}")
"""An ID number, of the old kind too, and a mobile phone's, with or without the country's prefix."""
_HAN = re.compile(r"[\u3400-\u9fff]")


def code_of(number: int, length: int = 4) -> str:
    """The code ``R-7K3Q`` that stands for a number from 0 to 23 ** length - 1."""
    letters = []
    for _ in range(length):
        number, place = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[place])
    return "R-" + "".join(reversed(letters))


def resident_code(text: str) -> str:
    """A code as it is kept, from how somebody typed it: ``r7k3q`` is ``R-7K3Q``; other codes stay as they are.

    Raises Invalid for what looks like a name, an ID number or a phone number, which are never kept, and for a text.
    """
    typed = re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).upper().replace("—", "-").replace("–", "-")
    if not typed:
        raise Invalid({"resident": Message(msg("Please fill this in"))})
    if PERSONAL.fullmatch(typed.replace("-", "")) or _HAN.search(typed):
        raise Invalid({"resident": Message(msg("A code such as R-7K3Q, never a name, an ID or a phone number"))})
    if found := _CODE.fullmatch(typed):
        return f"R-{found[1] or found[2]}"
    other = unicodedata.normalize("NFKC", text).strip()
    if len(other) > LONGEST_CODE:
        raise Invalid(
            {"resident": Message(msg("Too long: {max_length} characters at most"), {"max_length": LONGEST_CODE})}
        )
    return other


def _new_codes(many: int, length: int) -> list[str]:
    codes: set[str] = set()
    while len(codes) < many:
        codes.add(code_of(secrets.randbelow(len(ALPHABET) ** length), length))
    return list(codes)


CODE_LENGTHS = (4, 4, 4, 5, 5, 6)  # of one attempt after the other: in a large community four letters run short


class _CodeTaken(Exception):
    """A new code is somebody's already: make others."""


def _no_code() -> Unavailable:
    return Unavailable(msg("Others were recording the same residents. Nothing was changed; try again."))


# --- attendance ------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class LineProblem:
    """What is wrong with one line of a list, counted from 1."""

    number: int
    text: str
    message: Message
    field: str = "resident"


@dataclass(frozen=True)
class Entered:
    """What came of a list: attendances that were recorded, the lines that were not, and the codes that residents
    without one were given, by line."""

    saved: tuple[Attendance, ...]
    problems: tuple[LineProblem, ...]
    new: tuple[tuple[int, str], ...] = ()

    @property
    def left(self) -> str:
        """The lines that were not recorded, to be put right."""
        return "\n".join(problem.text for problem in self.problems)


@dataclass(frozen=True)
class Line:
    """One line of a list: a resident's code (None: a new one), and what it says of them."""

    number: int
    text: str
    resident: str | None
    age_band: AgeBand | None = None
    sex: Sex | None = None
    grid_id: str | None = None
    role: PartTaken | None = None
    hours: float | None = None


def record_attendance(
    store: Store,
    actor: Actor,
    community_id: str,
    activity_id: str,
    *,
    resident: str | None = None,
    age_band: AgeBand | None = None,
    sex: Sex | None = None,
    grid_id: str | None = None,
    role: PartTaken | None = None,
    hours: float | None = None,
    accept_new: bool = False,
    key: str | None = None,
) -> Attendance:
    """One resident came: ``resident`` is their code, None gives somebody new a code of their own. ``role`` is what they
    did beside taking part, ``hours`` how long a volunteer served.

    What is left out is taken from their latest attendance. A planned activity becomes held. Raises Invalid for a code
    that never came before (unless ``accept_new``), that is registered already, or for an activity that was called off
    or is still to come.
    """
    code = None if resident is None else resident_code(resident)
    lines = [Line(1, resident or "", code, age_band, sex, grid_id, role, hours)]
    for length in CODE_LENGTHS:
        try:
            work = _recording(store, actor, community_id, activity_id, lines, accept_new, length, _only)
            return store.write(actor, work, key=key)
        except _CodeTaken:
            continue
        except Duplicate as duplicate:
            _require_of_resident(duplicate)
    raise _no_code()


def _require_of_resident(duplicate: Duplicate) -> None:
    """Raise it unless it says that somebody else registered the same resident in the same moment: read again then."""
    if "resident" not in duplicate.fields:
        raise duplicate


def _all(entered: Entered) -> Entered:
    return entered


def _only(entered: Entered) -> Attendance:
    for problem in entered.problems:
        raise Invalid({problem.field: problem.message})
    return entered.saved[0]


def record_attendances(
    store: Store,
    actor: Actor,
    community_id: str,
    activity_id: str,
    text: str,
    *,
    accept_new: bool = False,
    key: str | None = None,
) -> Entered:
    """Residents came, one a line: ``R-7K3Q``, or with more ``R-7K3Q 60-74 女 3号网格 志愿者 2h``; ``新`` or ``new`` in
    place of the code gives somebody new one. Good lines are recorded at once, the others come back with what is wrong.

    Raises Invalid for a list that is too long and for the activity's own reasons (see ``record_attendance``).
    """
    grids = store.find(actor, Grid, community_id, limit=1000)
    lines, unread = read_lines(text, grids)
    if len(lines) > MOST_LINES:
        raise Invalid({"": Message(msg("At most {n} lines at a time"), {"n": MOST_LINES})})
    if not lines:
        return Entered((), tuple(unread))
    for length in CODE_LENGTHS:
        try:
            work = _recording(store, actor, community_id, activity_id, lines, accept_new, length, _all)
            found: Entered | Attendance = store.write(actor, work, key=key)
        except _CodeTaken:
            continue
        except Duplicate as duplicate:
            _require_of_resident(duplicate)
            continue
        if isinstance(found, Entered):
            return replace(found, problems=tuple(sorted([*unread, *found.problems], key=lambda one: one.number)))
        # the same submission again: say what it had made
        made = {"activity_id": activity_id, "created_at": found.created_at, "created_by": found.created_by}
        return Entered(tuple(store.find(actor, Attendance, community_id, made)), tuple(unread))
    raise _no_code()


def correct_attendance(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, changes: Mapping[str, Any]
) -> Attendance:
    """Put right age band, sex or grid as they were on that day, or the part taken and its hours. Raises Invalid,
    Conflict."""
    if kept := changes.keys() - {"age_band", "sex", "grid_id", "role", "hours"}:
        raise ValueError(f"an attendance's {', '.join(sorted(kept))} cannot be corrected: take it back instead")
    return store.update(actor, Attendance, community_id, id, revision, changes)


def take_back_attendance(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> None:
    """An attendance that was recorded by mistake, as if it had never been; the audit keeps it. Raises Conflict."""

    def work(write: Write) -> None:
        attendance = write.read(Attendance, community_id, id)
        write.delete(Attendance, community_id, id, revision)
        signups.note_came(write, community_id, attendance.activity_id, [attendance.resident], came=False)

    store.write(actor, work)


def _recording(
    store: Store,
    actor: Actor,
    community_id: str,
    activity_id: str,
    lines: Sequence[Line],
    accept_new: bool,
    length: int,
    finish: Callable[[Entered], T],
) -> Callable[[Write], T]:
    """The work of the transaction that records ``lines``; what residents' last attendances say is read before it, new
    codes of ``length`` letters are made before it, so that it can run again. Who is registered meanwhile is a
    Duplicate: then this is to be made anew."""
    today = _today(store, community_id)
    codes = [line.resident for line in lines if line.resident is not None]
    anybody = replace(
        actor, role=Role.ADMIN, grids=None, bound_to=None
    )  # a resident known from another grid is not unknown
    people = _expected(store, anybody, community_id, activity_id, codes)
    known = people.known
    seen = reach(actor, community_id)  # but what is told of them there is not told here
    told = {code: last for code, last in known.items() if seen is None or last.grid_id in seen}
    fresh = iter(_new_codes(sum(line.resident is None for line in lines), length))
    coded = [(line, line.resident or next(fresh)) for line in lines]
    new = {code for line, code in coded if line.resident is None}

    def work(write: Write) -> T:
        activity = _open_for_attendance(write, community_id, activity_id, today)
        there = set(people.there)
        if new and (
            store.db[Attendance.collection].find_one(
                {"community_id": community_id, "resident": {"$in": sorted(new)}}, {"_id": 1}, session=write.session
            )
            or not signups.nobodys(write, community_id, sorted(new))
        ):
            raise _CodeTaken
        wanted: list[Attendance] = []
        problems = []
        for line, code in coded:
            last = told.get(code)
            said = {
                "community_id": community_id,
                "activity_id": activity_id,
                "resident": code,
                "held_on": activity.held_on,
                "format": activity.format,
                "level": activity.level,
                "age_band": line.age_band or (last.age_band if last else None),
                "sex": line.sex or (last.sex if last else None),
                "grid_id": line.grid_id or (last.grid_id if last else None),
                "role": line.role,
                "hours": line.hours,
            }
            try:
                attendance = build(Attendance, said)
            except Invalid as invalid:
                for field, message in invalid.problems.items():
                    problems.append(LineProblem(line.number, line.text, message, field))
                continue
            wrong = (
                Message(msg("{code} is registered at this activity already"), {"code": code})
                if code in there
                else Message(
                    msg("Nobody has come with the code {code} before. Check it, or allow new codes"), {"code": code}
                )
                if code not in known and code not in new and not accept_new
                else _out_of_reach(actor, attendance)
            )
            if wrong is not None:
                problems.append(LineProblem(line.number, line.text, wrong))
                continue
            there.add(code)
            wanted.append(attendance)
        write.came_before(community_id, {**people.came, **dict.fromkeys(new)})
        saved = write.insert_many(wanted)
        if signed_up := people.signed_up & {each.resident for each in saved}:
            signups.note_came(write, community_id, activity_id, sorted(signed_up), came=True)
        if saved and activity.status is ActivityStatus.PLANNED:
            write.update(Activity, community_id, activity_id, activity.revision, {"status": ActivityStatus.HELD})
        given = {attendance.resident for attendance in saved} & new
        codes_given = tuple((line.number, code) for line, code in coded if code in given)
        return finish(Entered(tuple(saved), tuple(problems), codes_given))

    return work


@dataclass(frozen=True)
class _Expected:
    """Of residents who are to be registered at an activity: what is ``known`` of them by code, who is ``there``
    already, who ``signed_up``, and when they ``came`` before."""

    known: Mapping[str, KnownResident]
    there: frozenset[str]
    signed_up: frozenset[str]
    came: Mapping[str, dict[str, Any] | None]


def _expected(store: Store, anybody: Actor, community_id: str, activity_id: str, residents: Sequence[str]) -> _Expected:
    """All of that in one question, of all grids."""
    if not residents:
        return _Expected({}, frozenset(), frozenset(), {})
    theirs = {"community_id": community_id, "resident": Is(among=list(residents))}
    here = {**theirs, "activity_id": str(activity_id)}
    places = [seen_place(resident) for resident in residents]
    seen = {"subject": SEEN, "_id": Is(among=[place.document_id(community_id) for place in places])}
    known, there, signed_up, came = store.together(
        anybody,
        community_id,
        [
            Wanted(Attendance, theirs, steps=LATEST),
            Wanted(Attendance, here, ("resident",)),
            Wanted(SignUp, here, ("resident",)),
            Counters([seen]),
        ],
    )
    return _Expected(
        by_code(known),
        frozenset(str(one["resident"]) for one in there),
        frozenset(str(one["resident"]) for one in signed_up),
        dict.fromkeys(residents) | {one["resident"]: one for one in came},
    )


def _out_of_reach(actor: Actor, attendance: Attendance) -> Message | None:
    try:
        require_reach(actor, attendance)
    except Refused as refused:
        return refused.message
    return None


def _open_for_attendance(write: Write, community_id: str, activity_id: str, today: date) -> Activity:
    activity = write.read(Activity, community_id, activity_id)
    if activity.status is ActivityStatus.CANCELLED:
        raise Invalid({"": Message(msg("This activity was cancelled. If it took place, set it to Held first"))})
    if activity.held_on > today:
        raise Invalid({"": Message(msg("This activity is still to come: who came can be recorded from that day on"))})
    return activity


# --- a list as people type it ----------------------------------------------------------------------------------------
_NEW = frozenset({"新", "新居民", "NEW", "+"})
_HOURS = re.compile(r"(\d{1,2}(?:\.\d{1,2})?)(?:h|hrs?|hours?|小时|时)")


def _plain(word: str) -> str:
    word = unicodedata.normalize("NFKC", word).casefold().strip()
    return re.sub(r"[‐-―~～至]", "-", word).removesuffix("岁")


def _joined(words: str) -> str:
    return "".join(words.split())


def _spellings(choices: type[Choice]) -> dict[str, Any]:
    return {_plain(word): choice for choice in choices for word in (choice.value, choice.label, *choice.spellings)}


def read_lines(text: str, grids: Iterable[Grid]) -> tuple[list[Line], list[LineProblem]]:
    """A list as typed, one resident a line: code, and in any order age band, sex, grid (code or name), the part taken
    and hours (``2h``, ``1.5小时``). Empty lines are left out; a line that cannot be read, or repeats a code, comes back
    as a problem."""
    ages, sexes, parts = _spellings(AgeBand), _spellings(Sex), _spellings(PartTaken)
    names = {word: grid.id for grid in grids for word in (grid.code, grid.name)}
    places = {_joined(_plain(word)): id for word, id in names.items()}
    spaced = [word for word in names if " " in word]
    lines: list[Line] = []
    problems: list[LineProblem] = []
    seen: set[str] = set()
    for number, raw in enumerate(text.splitlines(), 1):
        line = read = raw.strip()
        for name in spaced:
            read = read.replace(name, _joined(name))
        words = [word for word in re.split(r"[\s,，、;；]+", read) if word]
        if not words:
            continue
        try:
            first = unicodedata.normalize("NFKC", words[0]).upper()
            code = None if first in _NEW else resident_code(words[0])
            said: dict[str, Any] = {}
            for word in words[1:]:
                plain = _plain(word)
                field, value = (
                    ("age_band", ages[plain])
                    if plain in ages
                    else ("sex", sexes[plain])
                    if plain in sexes
                    else ("role", parts[plain])
                    if plain in parts
                    else ("hours", float(served[1]))
                    if (served := _HOURS.fullmatch(plain))
                    else ("grid_id", places.get(plain))
                )
                if value is None or said.get(field, value) != value:
                    raise Invalid(
                        {"": Message(msg("“{word}” is no age band, sex, part or grid known here"), {"word": word})}
                    )
                said[field] = value
            if code is not None and code in seen:
                raise Invalid({"": Message(msg("{code} stands in this list twice"), {"code": code})})
        except Invalid as invalid:
            problems.append(LineProblem(number, line, next(iter(invalid.problems.values()))))
            continue
        if code is not None:
            seen.add(code)
        lines.append(Line(number, line, code, **said))
    return lines, problems
