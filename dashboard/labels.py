"""Labels on the page: choose what gets one, make the sheet, enter and correct places, renew a code that is misused."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from dashboard import drawer, forms, session
from dashboard.data import ask, fetch, tell
from dashboard.i18n import _, n_, plain, say
from dashboard.labelsheet import Size, Words, link, sheet
from dashboard.server import LOOPBACK
from dashboard.settings import Settings
from repository import labels
from repository.access import Operation, may
from repository.facilities import Facility, ServiceStatus
from repository.grids import community
from repository.labels import MOST, Label, Place, code_of, mint, places, renew, spoken
from repository.store import Invalid

Names = Mapping[str, Mapping[str, str]]
PARAMETER = "labels"  # of the URL: the drawer is open


def button() -> None:
    """Open the drawer; for whoever may make labels."""
    if may(session.actor(), Operation.CREATE, Label.collection) and st.button(
        _("Labels"), icon=":material/qr_code_2:", key="labels", width="content"
    ):
        drawer.open_at(PARAMETER, "sheet")


def opened() -> bool:
    """Is the drawer open, and may it be?"""
    return drawer.opened(PARAMETER) is not None and may(session.actor(), Operation.CREATE, Label.collection)


def line(facility: Facility) -> None:
    """Which label is on this facility, if any, for whoever may know."""
    if not may(session.actor(), Operation.READ, Label.collection) or facility.status is ServiceStatus.RETIRED:
        return
    code = ask(code_of, facility.community_id, facility_id=facility.id)
    if code is not None:
        st.caption(f":material/qr_code_2: {plain(spoken(code))} · {plain(link(address(), code))}")


def address() -> str:
    """Under which address whoever scans a label reaches us: the public one, else that of the page that is open."""
    public = Settings.from_environment().public_url
    if public:
        return public
    here = urlsplit(st.context.url or "")
    return f"{here.scheme}://{here.netloc}" if here.netloc else "http://localhost"


def show(view: session.View, rows: Sequence[Facility], names: Names) -> None:
    """The drawer, over the facilities that the register shows. Call it last."""
    drawer.show(PARAMETER, _("Labels to scan and report"), lambda: _draw(view, rows, names))


def _draw(view: session.View, rows: Sequence[Facility], names: Names) -> None:
    kinds = {"facilities": _("Facilities"), "places": _("Places without a facility")}
    kind = st.segmented_control(
        _("What for?"),
        list(kinds),
        default="facilities",
        required=True,
        format_func=kinds.__getitem__,
        label_visibility="collapsed",
        key="labels-kind",
    )
    if kind == "places":
        there = ask(places, view.community_id, grids=view.grids)
        options = {place.id: " · ".join(filter(None, (place.name, place.site))) for place in there}
        _enter(view, names, first=not there)
        _mend(view, names, there)
    else:
        options = {row.id: " · ".join(filter(None, (row.name, row.site, row.code))) for row in rows}
    if not options:
        if kind == "facilities":
            st.markdown(":gray[" + _("The register shows none: choose another filter on the page.") + "]")
        return
    chosen = st.multiselect(
        _("Which ones?"),
        list(options),
        format_func=options.__getitem__,
        placeholder=n_("The one that is shown", "All {n} that are shown", len(options)),
        key=f"labels-which-{kind}",
    )
    _sheet(view, kind, chosen or list(options))
    _renew(view, kind, options)


def _sheet(view: session.View, kind: str, ids: Sequence[str]) -> None:
    size = st.selectbox(_("Paper"), list(Size), format_func=lambda one: say(one.label), key="labels-size")
    words = st.segmented_control(
        _("Language of the labels"),
        list(Words),
        default=Words.BOTH,
        required=True,
        format_func=lambda one: say(one.label),
        key="labels-words",
    )
    where = address()
    st.caption(_("The codes lead to {address}", address=plain(link(where, "…"))))
    if urlsplit(where).hostname in LOOPBACK:
        st.warning(
            _(
                "Only this machine reaches this address, so the labels would lead nowhere. Set GRIDBOARD_PUBLIC_URL to "
                "the address that phones use, then make the sheet."
            ),
            icon=":material/wifi_off:",
        )
    asked = (tuple(ids), size, words, where)
    if st.button(
        n_("Make the sheet: {n} label", "Make the sheet: {n} labels", len(ids)),
        icon=":material/print:",
        type="primary",
        key="do_labels",
    ):
        try:
            made = tell(mint, view.community_id, **{kind: list(ids)})
        except Invalid as trouble:
            for problem in trouble.problems.values():
                st.error(plain(say(problem)), icon=":material/error:")
            return
        if made is not None:
            name = ask(community, view.community_id).name
            st.session_state["labels.sheet"] = (asked, sheet(made, where, size=size, words=words, community=name))
    ready = st.session_state.get("labels.sheet")
    if ready is not None and ready[0] == asked:
        st.download_button(
            _("Download the PDF"),
            data=fetch(lambda _store, _actor: ready[1]),
            file_name=f"labels-{view.now:%Y-%m-%d}.pdf",
            mime="application/pdf",
            on_click="ignore",
            icon=":material/download:",
            key="labels-pdf",
        )
        st.caption(_("Print at 100 %, without fitting to the page."))
    if len(ids) > MOST:
        st.caption(_("{most} labels are the most at once. Filter first.", most=MOST))


def _renew(view: session.View, kind: str, options: Mapping[str, str]) -> None:
    with st.popover(_("A label is misused"), icon=":material/autorenew:", type="tertiary"):
        st.markdown(_("With a new code the old label leads nowhere any more. Print the new one and stick it over it."))
        one = st.selectbox(
            _("Which one?"),
            list(options),
            index=None,
            format_func=options.__getitem__,
            placeholder=_("Choose"),
            key=f"labels-renew-{kind}",
        )
        if st.button(_("Give it a new code"), key="do_renew", disabled=one is None) and one is not None:
            target = {"facility_id" if kind == "facilities" else "place_id": one}
            code = tell(renew, view.community_id, **target)
            if code is not None:
                st.session_state.pop("labels.sheet", None)
                st.success(_("The new code is {code}.", code=plain(spoken(code))), icon=":material/check:")


def _enter(view: session.View, names: Names, *, first: bool) -> None:
    """A place that is no facility."""
    if first:
        st.markdown(":gray[" + _("No places yet: a staircase, a bin store, a square that should bear a label.") + "]")
    if not may(session.actor(), Operation.CREATE, Place.collection):
        return

    def save(values: Any, submission: str) -> Place | None:
        return tell(labels.add_place, view.community_id, values, key=submission, done=_("The place is entered."))

    with st.expander(_("Enter a place"), expanded=first, icon=":material/add_location:"):
        made = forms.edit(
            Place, key="place-new", defaults={"grid_id": view.grid_id}, references={"grids": names["grids"]}, save=save
        )
    if made is not None:
        drawer.done()


def _mend(view: session.View, names: Names, there: Sequence[Place]) -> None:
    """A place whose name changed, or that was entered by mistake."""
    if not there or not may(session.actor(), Operation.UPDATE, Place.collection):
        return
    with st.expander(_("Correct a place"), icon=":material/edit_location:"):
        known = {place.id: place for place in there}
        chosen = st.selectbox(
            _("Which place?"),
            list(known),
            index=None,
            format_func=lambda id: known[id].name,
            placeholder=_("Choose"),
            key="labels-place",
        )
        if chosen is None:
            return
        found = known[chosen]
        saved = forms.edit(
            Place,
            key="place-edit",
            current=found,
            references={"grids": names["grids"]},
            save=lambda values, _submission: tell(
                labels.edit_place, view.community_id, found.id, values.revision, values, done=_("Saved.")
            ),
        )
        if saved is not None:
            drawer.done()
        st.caption(_("Without the place, its label leads nowhere any more."))
        drawer.offer_deletion(PARAMETER, found, labels.remove_place)
