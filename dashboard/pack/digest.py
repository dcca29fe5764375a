"""A review as a short text, for pasting into a message: what has to be dealt with, then a line for each section and the
figures that are off target. Plain text without markup: what reads it may be anything."""

from collections.abc import Iterator

from dashboard.i18n import _, n_, number, say
from dashboard.pack import reading
from repository.metrics import State
from repository.review import Figure, Review, Section

TOLD = 3
"""Entries of each kind of the agenda, and figures of a section, that are told; how many more there are is said."""


def told(review: Review, address: str = "") -> str:
    """The digest in the reader's language; ``address`` is where the whole review is to be read."""
    blocks = [
        [reading.named(review), reading.stamp(review)],
        list(_agenda(review)),
        [line for section in review.sections for line in _section(section)],
        [_("The whole review: {address}", address=address)] if address else [],
    ]
    return "\n\n".join("\n".join(lines) for lines in blocks if lines) + "\n"


def _agenda(review: Review) -> Iterator[str]:
    for kind, title in reading.AGENDA.items():
        entries = [each for each in review.agenda if each.kind == kind]
        if not entries:
            continue
        yield _("{what}: {n}", what=say(title), n=number(len(entries)))
        if kind == "red":
            continue  # these stand in their sections
        for each in entries[:TOLD]:
            what, _why, who, due, late = reading.entry(each)
            yield "· " + " · ".join(filter(None, (what, who, due, late)))
        yield from _more(len(entries))


def _section(section: Section) -> Iterator[str]:
    yield f"{reading.marked(section.state)} {say(section.title)} — {say(section.headline)}"
    off = [figure for figure in section.figures if figure.enough and figure.state is State.OFF_TARGET]
    for figure in off[:TOLD]:
        yield f"  · {_figure(figure)}"
    yield from _more(len(off))
    for figure in section.figures:
        if figure.accepted_until is not None:
            beside = " · ".join(filter(None, (reading.accepted(figure), figure.accepted_for)))
            facts = {"figure": say(figure.title), "value": reading.amount(figure), "beside": beside}
            yield f"  {reading.MARKS[State.ACCEPTED]} {_('{figure}: {value} ({beside})', **facts)}"


def _figure(figure: Figure) -> str:
    target = reading.target(figure) + ("%" if figure.unit == "percent" else "")
    beside = [_("wanted {target}", target=target)]
    if figure.before is not None:
        beside.append(_("before {value}", value=reading.other(figure.before, figure)))
    beside += filter(None, [reading.run(figure)])
    return _(
        "{figure}: {value} ({beside})",
        figure=say(figure.title),
        value=reading.amount(figure),
        beside=" · ".join(beside),
    )


def _more(n: int) -> Iterator[str]:
    if n > TOLD:
        yield "  " + n_("… and {n} more", "… and {n} more", n - TOLD)
