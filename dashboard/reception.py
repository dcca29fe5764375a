"""What the figures of requests say, each as a finding over its chart, with the way to the list that it counts."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from urllib.parse import quote

from dashboard import cards, charts, session
from dashboard.i18n import _, day_short, listed, n_, number, percent, period, say, term
from dashboard.session import View
from repository.requests import (
    MINIMUM,
    READ,
    SEVERAL,
    ReceptionMonth,
    RequestReview,
    Satisfaction,
    Show,
    Stage,
    Theme,
    Themes,
    Topic,
    Urgency,
)

SPAN = "span"
"""URL parameter: the list is of the stretch of time that the themes are taken from."""
LOOK_BACK = 3  # months


# --- links
def params(show: Show, **more: str | None) -> dict[str, str | None]:
    """What stands in the URL of a figure's list."""
    return {"part": None, "show": show.value, "topic": None, "word": None, "q": None, SPAN: None, **more}


def href(show: Show, **more: str | None) -> str:
    """The same as an address on this page, for a chart."""
    told = session.links(**params(show, **more))
    return "?" + "&".join(f"{name}={quote(value, safe='/?:@$,;')}" for name, value in told.items())


# --- how they are answered
def _stage(stage: Stage) -> str:
    words = {
        Show.ALL: _("Received"),
        Show.RESPONDED: _("Responded"),
        Show.RESOLVED: _("Answered"),
        Show.CALLED: _("Called back, solved"),
        Show.CONTENT: _("Satisfied"),
    }
    return words[stage.show]


def funnel(view: View, review: RequestReview) -> None:
    """How far the period's requests have come."""
    stages = review.funnel
    received = stages[0].n
    texts = [
        _("{n} ({share})", n=number(stage.n), share=percent(stage.n / received)) if received else number(stage.n)
        for stage in stages
    ]
    figure = charts.bars(
        [_stage(stage) for stage in stages],
        [stage.n for stage in stages],
        texts,
        look=cards.look(),
        links=[href(stage.show) for stage in stages],
    )
    cards.chart(
        _funnel_finding(stages),
        _("Requests received in {period}, by how far they have come", period=period(view.period)),
        figure if received else None,
        [{_("Stage"): _stage(stage), _("Cases"): stage.n} for stage in stages],
        key="request-funnel",
    )


def _funnel_finding(stages: Sequence[Stage]) -> str:
    received, _responded, resolved, called, satisfied = (stage.n for stage in stages)
    if not received:
        return _("No requests in this period")
    if not resolved:
        return n_("{n} request received, none answered yet", "{n} requests received, none answered yet", received)
    if called * 2 < resolved:
        return _(
            "Of {n} requests {m} are answered, but only {k} called back: whether it helped is not known of the others",
            n=number(received),
            m=number(resolved),
            k=number(called),
        )
    return _(
        "Of {n} requests {m} are answered and {k} end with a satisfied resident",
        n=number(received),
        m=number(resolved),
        k=number(satisfied),
    )


GRADES: Mapping[Satisfaction, Show] = {
    Satisfaction.SATISFIED: Show.SATISFIED,
    Satisfaction.BASICALLY: Show.BASICALLY,
    Satisfaction.DISSATISFIED: Show.DISSATISFIED,
}


def grades(view: View, review: RequestReview) -> None:
    """What residents say when they are called back."""
    said = [*review.grades.items()]
    rows: list[tuple[str, int, Show]] = [(say(grade.label), n, GRADES[grade]) for grade, n in said]
    rows.append((_("Not solved"), review.solved.n - _part(review.solved.value, review.solved.n), Show.UNSOLVED))
    rows.append((_("Reopened"), review.reopened, Show.REOPENED))
    figure = charts.bars(
        [label for label, _n, _show in rows],
        [n for _label, n, _show in rows],
        [number(n) for _label, n, _show in rows],
        look=cards.look(),
        red=range(2, len(rows)),
        links=[href(show) for _label, _n, show in rows],
    )
    calls = review.solved.n
    caption = n_(
        "{n} valid call-back in {period}", "{n} valid call-backs in {period}", calls, period=period(view.period)
    )
    if review.unreached:
        caption += " · " + n_("{n} try reached nobody", "{n} tries reached nobody", review.unreached)
    cards.chart(
        _grade_finding(review),
        caption,
        figure if calls or review.reopened else None,
        [{_("Said"): label, _("Call-backs"): n} for label, n, _show in rows],
        key="request-grades",
    )


def _part(share: float | None, n: int) -> int:
    return round((share or 0) * n)


def _grade_finding(review: RequestReview) -> str:
    n = review.solved.n
    if not n:
        return _("Nobody was called back in this period")
    unhappy = review.grades[Satisfaction.DISSATISFIED]
    unsolved = n - _part(review.solved.value, n)
    if unsolved:
        return n_(
            "{n} of {all} residents says that it was not solved",
            "{n} of {all} residents say that it was not solved",
            unsolved,
            all=number(n),
        )
    if unhappy:
        return n_(
            "All is solved, yet {n} resident is dissatisfied",
            "All is solved, yet {n} residents are dissatisfied",
            unhappy,
        )
    return _("Everybody who was called back says that it is solved")


def months(view: View, review: RequestReview) -> None:
    """Does more come in than is answered?"""
    rows = review.months
    ticks = [each.month for each in rows]
    so_far = ticks[-1:] == [f"{view.now:%Y-%m}"]
    told = _("Requests a month: received (reopened ones too) and answered, declined or referred")
    figure = charts.lines(
        ticks,
        [each.opened + each.reopened for each in rows],
        [each.ended for each in rows],
        names=(_("Received"), _("Ended")),
        look=cards.look(),
        so_far=so_far,
        links=[[href(show, period=tick) for tick in ticks] for show in (Show.ALL, Show.ENDED)],
    )
    cards.chart(
        _month_finding(rows),
        cards.so_far(told) if so_far else told,
        figure,
        [
            {
                _("Month"): each.month,
                _("Received"): each.opened,
                _("Reopened"): each.reopened,
                _("Ended"): each.ended,
                _("Open at its end"): each.backlog,
                _("Overdue at its end"): each.overdue,
            }
            for each in rows
        ],
        key="request-months",
    )


def _month_finding(rows: Sequence[ReceptionMonth]) -> str:
    recent = rows[:-1][-LOOK_BACK:]
    more = sum(each.opened + each.reopened - each.ended for each in recent)
    if not recent or not any(each.opened for each in recent):
        return _("Received and answered by month")
    facts = {"months": n_("{n} month", "{n} months", len(recent)), "n": number(abs(more))}
    if more > 0:
        return _("In the last {months} {n} more came in than were answered", **facts)
    return _("In the last {months} what came in was answered", **facts)


def urgencies(review: RequestReview) -> None:
    """How urgent is what is owed?"""
    held = [(urgency, n) for urgency, n in review.urgencies.items()]
    total = sum(n for _urgency, n in held)
    figure = charts.bars(
        [say(urgency.label) for urgency, _n in held],
        [n for _urgency, n in held],
        [number(n) for _urgency, n in held],
        look=cards.look(),
        red=[place for place, (urgency, _n) in enumerate(held) if urgency in (Urgency.LIFE, Urgency.UTILITY)],
        links=[href(Show.OPEN, urgency=urgency.value) for urgency, _n in held],
    )
    pressing = review.urgencies[Urgency.LIFE] + review.urgencies[Urgency.UTILITY]
    finding = (
        n_("{n} open request cannot wait for days", "{n} open requests cannot wait for days", pressing)
        if pressing
        else _("None of the open requests is about life, property or supply")
    )
    cards.chart(
        finding if total else _("No request is open"),
        _("Open requests now, by urgency; the first two are counted in hours, day and night"),
        figure if total else None,
        [{_("Urgency"): say(urgency.label), _("Cases"): n} for urgency, n in held],
        key="request-urgencies",
    )


# --- what comes up
def span_words(found: Themes) -> str:
    """The stretch of time, in words."""
    last = (found.until - timedelta(seconds=1)).astimezone(session.zone()).date()
    return _("{first} to {last}", first=day_short(found.since.astimezone(session.zone()).date()), last=day_short(last))


def _theme_caption(found: Themes) -> str:
    said = _(
        "{span}; the box: as many days before. Only what comes {n} times or more, from {m} or more residents or places",
        span=span_words(found),
        n=number(MINIMUM),
        m=number(SEVERAL),
    )
    if found.nameless:
        said += " · " + n_(
            "{n} of {all} requests has neither code nor place: from how many residents it came is not known",
            "{n} of {all} requests have neither code nor place: from how many residents they came is not known",
            found.nameless,
            all=number(found.n),
        )
    if found.cut:
        said += " · " + _("a shorter time, since no more than {n} requests are compared", n=number(READ))
    return said


def rising(found: Themes) -> None:
    """Topics that several residents come with."""
    _theme_chart(
        _topic_finding(found),
        _theme_caption(found),
        found.topics,
        [term(one.category, Topic) for one in found.topics],
        [href(Show.ALL, part="work", topic=one.category, span="themes") for one in found.topics],
        key="request-themes",
    )


def words(found: Themes) -> None:
    """Words that stand in the texts of several residents."""
    _theme_chart(
        _word_finding(found),
        _theme_caption(found),
        found.words,
        [_("{word} · {topic}", word=one.word, topic=term(one.category, Topic)) for one in found.words],
        [href(Show.ALL, part="work", word=one.word, span="themes") for one in found.words],
        key="request-words",
    )


def _theme_chart(
    finding: str, caption: str, shown: Sequence[Theme], labels: Sequence[str], links: Sequence[str], *, key: str
) -> None:
    texts = [_("{n} ({change})", n=number(one.n), change=_change(one)) for one in shown]
    figure = charts.bars(
        labels,
        [one.n for one in shown],
        texts,
        look=cards.look(),
        boxes=[one.before for one in shown],
        red=[place for place, one in enumerate(shown) if one.n >= 2 * max(one.before, MINIMUM)],
        links=links,
    )
    rows = [
        {
            _("Topic or word"): label,
            _("Cases"): one.n,
            _("As many days before"): one.before,
            _("Residents or places"): one.residents,
            _("Still open"): one.open,
        }
        for label, one in zip(labels, shown, strict=True)
    ]
    cards.chart(finding, caption, figure if shown else None, rows, key=key)


def _change(one: Theme) -> str:
    if not one.before:
        return _("new")
    return f"+{number(one.rise)}" if one.rise > 0 else f"−{number(-one.rise)}" if one.rise else "±0"


def _topic_finding(found: Themes) -> str:
    if not found.topics:
        return _("No topic comes from several residents yet")
    first = found.topics[0]
    facts = {"topic": term(first.category, Topic), "n": number(first.n), "before": number(first.before)}
    if first.rise > 0:
        return _("“{topic}” comes up more and more: {n} requests, {before} before", **facts)
    most = max(found.topics, key=lambda one: one.n)
    return _("No topic rises; most come about {topic}", topic=term(most.category, Topic))


def _word_finding(found: Themes) -> str:
    if not found.words:
        return _("No word stands in the requests of several residents yet")
    rising = [one.word for one in found.words if one.rise > 0][:3]
    if not rising:
        return _("The words of the requests are those of before")
    return _("Residents write more often: {words}", words=_("“{word}”", word=_("”, “").join(rising)))


def topics(view: View, review: RequestReview) -> None:
    """All topics of the period, with what repeats and what is owed."""
    rows = review.topics
    total, repeats = sum(row.opened for row in rows), sum(row.repeats for row in rows)
    shown = [row for row in rows if row.opened][:12]
    figure = charts.bars(
        [term(row.category, Topic) for row in shown],
        [row.opened for row in shown],
        [_topic_text(row.opened, row.repeats, row.open) for row in shown],
        look=cards.look(),
        links=[href(Show.ALL, part="work", topic=row.category) for row in shown],
    )
    finding = (
        n_(
            "{n} of {all} requests had come before from the same resident or place",
            "{n} of {all} requests had come before from the same resident or place",
            repeats,
            all=number(total),
        )
        if repeats
        else _("No request of the period had come before")
    )
    cards.chart(
        finding if total else _("No requests in this period"),
        _(
            "Requests received in {period} by topic, with those that repeat another of the 90 days before",
            period=period(view.period),
        ),
        figure if shown else None,
        [
            {
                _("Topic"): term(row.category, Topic),
                _("Cases"): row.opened,
                _("Period before"): row.before,
                _("Repeats"): row.repeats,
                _("Open now"): row.open,
            }
            for row in rows
        ],
        key="request-topics",
    )


def _topic_text(opened: int, repeats: int, owed: int) -> str:
    more = []
    if repeats:
        more.append(n_("{n} repeat", "{n} repeats", repeats))
    if owed:
        more.append(_("{n} open", n=number(owed)))
    return _("{n} ({share})", n=number(opened), share=listed(more)) if more else number(opened)
