"""A review at a meeting: which sections in which order, what the presenter says of them, and what was shown, kept as it
was. What is kept is the review's document itself, so that no later correction changes it."""

import base64
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import Field

from repository.access import Actor, Operation, Refused, reach, require
from repository.meetings import Meeting
from repository.metrics import Period
from repository.record import LINE, PAGE, Day, Index, Part, Record, Ref, Shown
from repository.review.document import Difference, Review, differences
from repository.review.sections import SECTIONS
from repository.review.writing import ReviewTrouble, reviewed
from repository.store import Invalid, NotFound, Store, Write, build
from repository.words import Message, msg

Key = Annotated[str, Field(max_length=40)]
MOST_KEPT = 50
"""Times that one meeting's review may be kept."""
PACKED = 2_000_000  # characters: a hundred times what a large community's takes


class Remark(Part):
    """What the presenter says of a section."""

    section: str = Field(max_length=40, title=msg("Section"))
    text: str = Field(min_length=1, max_length=PAGE, title=msg("Comment"))
    at: datetime = Field(title=msg("At"))
    by: str = Field(max_length=LINE, title=msg("By"))


class Presentation(Record):
    """How a review is shown at one meeting, whose id it has."""

    collection = "presentations"
    title = msg("Reviews at meetings")
    name_field = "period"
    grid_field = None
    natural_key = ("meeting_id",)
    indexes = (Index(("community_id", "meeting_id"), "whether a meeting has a review"),)

    meeting_id: Annotated[str, Ref(to="meetings", form=False)] = Field(max_length=64, title=msg("Meeting"))
    period: Annotated[str, Shown(form=False)] = Field(max_length=40, title=msg("For the period"))
    order: Annotated[tuple[Key, ...], Shown(form=False, table=False)] = Field(
        default=(), max_length=40, title=msg("Order of the sections")
    )
    hidden: Annotated[tuple[Key, ...], Shown(form=False, table=False)] = Field(
        default=(), max_length=40, title=msg("Sections left out")
    )
    remarks: Annotated[tuple[Remark, ...], Shown(form=False, table=False)] = Field(
        default=(), max_length=40, title=msg("Comments")
    )

    def remark(self, section: str) -> str:
        """What is said of a section, or nothing."""
        return next((each.text for each in self.remarks if each.section == section), "")


class KeptReview(Record):
    """A review as it was shown at a meeting; nothing of it is ever changed."""

    collection = "kept_reviews"
    title = msg("Reviews as shown")
    name_field = "period"
    grid_field = None
    natural_key = ("meeting_id", "shown_at")
    indexes = (Index(("community_id", "meeting_id", "shown_at"), "what was shown at a meeting, the newest first"),)

    meeting_id: Annotated[str, Ref(to="meetings", form=False)] = Field(max_length=64, title=msg("Meeting"))
    period: Annotated[str, Shown(form=False)] = Field(max_length=40, title=msg("For the period"))
    as_of: Annotated[date, Day(form=False)] = Field(ge=date(1950, 1, 1), le=date(2100, 12, 31), title=msg("As of"))
    shown_at: Annotated[datetime, Shown(form=False)] = Field(title=msg("Kept at"))
    packed: Annotated[str, Shown(form=False, table=False)] = Field(max_length=PACKED, title=msg("The review"))

    @property
    def review(self) -> Review:
        """What was shown."""
        return Review.unpacked(zlib.decompress(base64.b85decode(self.packed)))


def pack(review: Review) -> str:
    """A review as it is kept."""
    return base64.b85encode(zlib.compress(review.packed(), 9)).decode()


@dataclass(frozen=True)
class Since:
    """What a review that was shown says differently today."""

    figures: tuple[Difference, ...]
    compared: int
    """Figures that both have."""


def arranged(review: Review, presentation: Presentation | None) -> Review:
    """The review as the presenter has it: sections in their order, without those left out, with what is said of them.
    The agenda stays whole."""
    if presentation is None:
        return review
    places = {key: place for place, key in enumerate(presentation.order)}
    shown = [section for section in review.sections if section.key not in presentation.hidden]
    shown.sort(key=lambda section: places.get(section.key, len(places)))
    return replace(
        review, sections=tuple(replace(section, comment=presentation.remark(section.key)) for section in shown)
    )


# --- reading
def presentation(store: Store, actor: Actor, community_id: str, meeting_id: str) -> Presentation | None:
    """How the review is shown at a meeting, or None while nobody prepared it. Raises Refused, Unavailable."""
    found = store.find(actor, Presentation, community_id, {"_id": meeting_id}, limit=1)
    return found[0] if found else None


def kept_reviews(store: Store, actor: Actor, community_id: str, meeting_id: str) -> list[KeptReview]:
    """What was shown at a meeting, the newest first. Only for who sees the whole community, for the figures are of all
    of it. Raises Refused, Unavailable."""
    _whole(actor, community_id)
    order = [("shown_at", -1)]
    return store.find(actor, KeptReview, community_id, {"meeting_id": meeting_id}, sort=order, limit=MOST_KEPT)


def since_shown(store: Store, actor: Actor, community_id: str, id: str, *, now: datetime) -> Since:
    """What is told differently today of the period of a kept review: its stocks as of the same day where the period is
    over. Raises NotFound, Refused, Unavailable."""
    _whole(actor, community_id)
    shown = store.get(actor, KeptReview, community_id, id).review
    today = reviewed(store, actor, community_id, Period.of(shown.period), now=now)
    both = shown.figures.keys() & today.figures.keys()
    return Since(differences(shown, today), len(both))


# --- changing
def prepare(store: Store, actor: Actor, community_id: str, meeting_id: str, period: str) -> Presentation:
    """Have a review shown at a meeting, or another period's. Order, what is left out and comments stay. Raises
    ReviewTrouble for all of time, NotFound, Refused."""
    if Period.of(period).kind == "ever":
        raise ReviewTrouble(msg("A review is of a month, a quarter, a year or a range of months. Choose one."))

    def work(write: Write) -> Presentation:
        write.read(Meeting, community_id, meeting_id)
        try:
            stands = write.read(Presentation, community_id, meeting_id)
        except NotFound:
            facts = {"id": meeting_id, "community_id": community_id, "meeting_id": meeting_id, "period": period}
            return write.insert(build(Presentation, facts))
        if stands.period == period:
            return stands
        return write.update(Presentation, community_id, stands.id, stands.revision, {"period": period})

    return store.write(actor, work)


def arrange(
    store: Store,
    actor: Actor,
    community_id: str,
    id: str,
    revision: int,
    *,
    order: Sequence[str],
    hidden: Sequence[str],
) -> Presentation:
    """In which order the sections are shown, and which are left out. Raises Invalid where none would be left, Conflict,
    NotFound, Refused."""
    if not SECTIONS.keys() - set(hidden):
        raise Invalid({"hidden": Message(msg("At least one section has to be shown."))})
    wanted = {
        "order": tuple(dict.fromkeys(key for key in order if key in SECTIONS)),
        "hidden": tuple(dict.fromkeys(key for key in hidden if key in SECTIONS)),
    }

    def work(write: Write) -> Presentation:
        return write.update(Presentation, community_id, id, revision, wanted)

    return store.write(actor, work)


def comment(
    store: Store, actor: Actor, community_id: str, id: str, revision: int, section: str, text: str | None
) -> Presentation:
    """What the presenter says of a section; an empty text takes it out. Raises Invalid, Conflict, NotFound, Refused."""
    if section not in SECTIONS:
        raise Invalid({"section": Message(msg("This section does not exist."))})

    def work(write: Write) -> Presentation:
        stands = write.read(Presentation, community_id, id)
        rest = tuple(each for each in stands.remarks if each.section != section)
        said = (text or "").strip()
        facts: Mapping[str, Any] = {"section": section, "text": said, "at": write.at, "by": actor.name}
        remarks = (*rest, build(Remark, facts)) if said else rest
        return write.update(Presentation, community_id, id, revision, {"remarks": remarks})

    return store.write(actor, work)


def keep(store: Store, actor: Actor, community_id: str, id: str, *, now: datetime) -> KeptReview:
    """Keep what is shown, as it stands now, arranged as it is: it can be shown again whatever is corrected later. Kept
    again it stands beside what was kept before. Raises Invalid after MOST_KEPT, NotFound, Refused, Unavailable."""
    require(actor, Operation.CREATE, KeptReview.collection)
    _whole(actor, community_id)
    shown = store.get(actor, Presentation, community_id, id)
    if store.count(actor, KeptReview, community_id, {"meeting_id": shown.meeting_id}) >= MOST_KEPT:
        raise Invalid({"": Message(msg("It has been kept {most} times already."), {"most": MOST_KEPT})})
    review = arranged(reviewed(store, actor, community_id, Period.of(shown.period), now=now), shown)

    def work(write: Write) -> KeptReview:
        facts = {"community_id": community_id, "meeting_id": shown.meeting_id, "period": shown.period}
        return write.insert(
            build(KeptReview, {**facts, "as_of": review.as_of, "shown_at": write.at, "packed": pack(review)})
        )

    return store.write(actor, work)


def forget_presentation(store: Store, actor: Actor, community_id: str, id: str, revision: int) -> None:
    """Take out how a review was to be shown, with what was kept of it: for a meeting that was entered by mistake.
    Raises Conflict, NotFound, Refused."""

    _whole(actor, community_id)

    def work(write: Write) -> None:
        found = write.read(Presentation, community_id, id)
        for each in store.find(actor, KeptReview, community_id, {"meeting_id": found.meeting_id}):
            write.delete(KeptReview, community_id, each.id, each.revision)
        write.delete(Presentation, community_id, id, revision)

    store.write(actor, work)


def _whole(actor: Actor, community_id: str) -> None:
    if reach(actor, community_id) is not None:
        raise Refused(msg("What was shown is of the whole community, and your account is for some of its grids."))
