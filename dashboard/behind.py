"""From a figure of the maintenance page to the list of orders that it counts: the link, and the list. The link says it
all: whoever opens it sees the same list."""

import re
from collections.abc import Callable, Mapping
from urllib.parse import quote

import streamlit as st

from dashboard import navigation, orders, session
from dashboard.data import ask
from dashboard.i18n import _, n_, number, period, plain, say, term
from dashboard.session import View
from repository.facilities import facility_names
from repository.grids import grid_names
from repository.maintenance import (
    AGE_BANDS,
    BY_FAULT,
    MANY,
    STEPS,
    Behind,
    Fault,
    Side,
    WorkCategory,
    WorkList,
    work_behind,
)
from repository.organizations import company_names
from repository.people import people_by_id

OF = "of"
"""URL parameter: the figure whose list is shown; beside it ``by`` and ``whose``, ``band`` or ``step``."""
CATEGORY = "of_category"
"""URL parameter: the frame's category, where its word has characters that a chart's link cannot carry."""
NOW = (Behind.OPEN, Behind.OVERDUE, Behind.IN_TIME, Behind.UNESTIMATED)
"""Of now, whatever the period."""


# --- the link
def params(
    figure: Behind,
    *,
    by: str | None = None,
    key: str = "",
    band: int | None = None,
    step: int | None = None,
    period: str | None = None,
) -> dict[str, str]:
    """What stands in the URL of a figure's list; ``period`` overrules the reader's."""
    part = st.query_params.get("part")
    told = {"part": part, OF: figure.value, "by": by, "whose": _spelt(key) if by else None, "period": period}
    told |= {"band": None if band is None else str(band), "step": None if step is None else str(step)}
    return {name: value for name, value in told.items() if value}


def href(figure: Behind, **more: str | int | None) -> str:
    """The same as an address on this page, for a chart."""
    told = session.links(**params(figure, **more))  # type: ignore[arg-type]
    if _spelt(told.get("category", "")) != told.get("category", ""):
        told[CATEGORY] = _spelt(told.pop("category"))
    return "?" + "&".join(f"{name}={quote(value, safe='/?:@$,;')}" for name, value in told.items())


def _spelt(key: str) -> str:
    """A key without the characters that plotly, which rewrites every address, would spoil."""
    return re.sub(r"[&=+#%~<>\"'\\]", lambda found: f"~{ord(found[0]):x}~", key)


def _read(spelt: str) -> str:
    return re.sub(r"~([0-9a-c]?[0-9a-f]{1,3})~", lambda found: chr(int(found[1], 16)), spelt[:400])


# --- the list
def asked() -> Behind | None:
    """The figure whose list the URL asks for."""
    wanted = st.query_params.get(OF, "")
    return Behind(wanted) if wanted in set(Behind) else None


def show(view: View, figure: Behind) -> None:
    """The orders behind a figure, what they are, and the way back."""
    by = st.query_params.get("by", "")
    by = by if by in {*Side, BY_FAULT} else ""
    category = view.category or _read(st.query_params.get(CATEGORY, "")) or None
    key = _read(st.query_params.get("whose", ""))
    band, step = _place("band", len(AGE_BANDS)), _place("step", len(STEPS) + 1)

    def page(number: int, rows: int) -> WorkList:
        return ask(
            work_behind,
            view.community_id,
            view.period,
            view.grids,
            category,
            figure=figure,
            now=view.now,
            by=by or None,
            key=key,
            band=band if figure in NOW else None,
            step=step,
            page=number,
            rows=rows,
        )

    back = {"part": st.query_params.get("part"), "by": by if by in set(Side) else None}
    navigation.link("maintenance", _("Back to the figures"), icon=":material/arrow_back:", **back)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        heading = st.container(width="content")
        st.space("stretch")
        pages = st.empty()
        whole = st.container(width="content")
    words = [say(figure.label)]
    if by:
        side = _("Fault") if by == BY_FAULT else say(Side(by).label)
        words.append(_("{side}: {name}", side=side, name=names(view, by)(key)))
    if band is not None and figure in NOW:
        words.append(band_names()[band])
    if category and category != view.category:
        words.append(term(category, WorkCategory))
    if step is not None:
        words.append(step_names()[step])
    if figure not in NOW:
        words.append(period(view.period))
    st.caption(plain(" · ".join(words)))
    found = orders.work_pages(page, key="behind", pages=pages, whole=whole)
    heading.header(count(found.total), anchor=False)


def count(total: int) -> str:
    """How many orders a list has."""
    if total >= MANY:
        return _("{n} or more work orders", n=number(MANY))
    return n_("{n} work order", "{n} work orders", total)


def _place(name: str, most: int) -> int | None:
    wanted = st.query_params.get(name, "")
    return int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 3 and int(wanted) < most else None


# --- how it is said
def names(view: View, by: str) -> Callable[[str], str]:
    """How the keys of one side are said."""
    if by == Side.CATEGORY:
        return lambda key: term(key, WorkCategory)
    if by == BY_FAULT:
        return lambda key: term(key, Fault)
    known: Mapping[str, str]
    if by == Side.FACILITY:
        known = ask(facility_names, view.community_id, retired=True)
    elif by == Side.COMPANY:
        known = ask(company_names, view.community_id, former=True)
    else:
        known = ask(grid_names if by == Side.GRID else people_by_id, view.community_id)
    return lambda key: known.get(key, key) or _("None named")


def band_names() -> list[str]:
    """The age bands in words."""
    bands = [_("{low}–{high} days", low=low, high=high) for low, high in AGE_BANDS[:-1]]
    return [*bands, _("over {n} days", n=AGE_BANDS[-1][0] - 1)]


def step_names() -> list[str]:
    """The steps of durations in words."""
    edges = (_("1 h"), _("4 h"), _("1 day"), _("3 days"), _("1 week"), _("30 days"))
    said = [_("up to {time}", time=edges[0]), *(_("to {time}", time=edge) for edge in edges[1:])]
    return [*said, _("over {time}", time=edges[-1])]
