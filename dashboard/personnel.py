"""The team's files: registers of members, certificates, training and plans, and the drawer of each; one's own file."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import assessments, cards, data, drawer, forms, i18n, navigation, session, succession
from dashboard.i18n import MISSING, _, listed, n_, number, plain, say, term
from repository import staff
from repository.access import Actor, Operation, may
from repository.evidence import Evidence, evidence
from repository.staff import (
    EXPERIENCED_YEARS,
    PROFESSIONAL,
    CertificateName,
    LeftReason,
    PlannedTopic,
    StaffCertificate,
    StaffFile,
    StaffMember,
    StaffTraining,
    TrainingKind,
    TrainingPlan,
    Wish,
)
from repository.store import NotFound, Store, build

Names = Mapping[str, Mapping[str, str]]
MEMBER, CERTIFICATE, TRAINING, PLAN = "member", "certificate", "training", "plan"
"""URL parameters: what is open in the drawer."""
LISTED = 10
YES, NO = "is-", "no-"  # of the URL: who is as wished, and who is not


# --- registers
def list_of(key: Wish) -> None:
    """Go to the list of who is not as the document wishes, where that is somebody's wish; else of who is."""
    kind = NO if key not in (Wish.PARTY, Wish.RETURNED) else YES
    navigation.go("staff", part="files", which=f"{kind}{key}")


def registers(view: session.View, names: Names) -> None:
    """One at a time, chosen in the URL."""
    words = {
        "members": _("Members"),
        "certificates": _("Certificates"),
        "training": _("Training entries"),
        "plans": _("Training plans"),
    }
    adds = {
        "members": (MEMBER, _("Enter somebody")),
        "certificates": (CERTIFICATE, _("Enter a certificate")),
        "training": (TRAINING, _("Enter training")),
        "plans": (PLAN, _("Enter a plan")),
    }
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        chosen = st.segmented_control(
            _("Register"),
            list(words),
            required=True,
            format_func=words.__getitem__,
            label_visibility="collapsed",
            **session.in_url("list", words, "members"),
        )
        st.space("stretch")
        parameter, label = adds[str(chosen)]
        if st.button(plain(label), icon=":material/add:", type="primary", key=f"do_add_{chosen}", width="content"):
            drawer.open_at(parameter)
    if chosen == "certificates":
        rows = data.ask_as_seen(staff.certificates, view.community_id)
        drawer.register(CERTIFICATE, StaffCertificate, rows, key="staff-certificates", names=names)
    elif chosen == "training":
        entries = data.ask_as_seen(staff.trainings, view.community_id, view.period.first, view.period.last)
        st.caption(_("Training held in {period}", period=plain(i18n.period(view.period))))
        more = _("{n} and more", n=number(len(entries))) if len(entries) >= staff.TRAININGS_LISTED else None
        drawer.register(TRAINING, StaffTraining, entries, key="staff-trainings", names=names, total=more)
    elif chosen == "plans":
        plans, topics = data.ask_as_seen(staff.training_plans, view.community_id), _("Topics")
        columns = ["year", "hours", topics, "remark"]
        count: dict[str, Callable[[Any], Any]] = {topics: lambda row: len(row.topics)}
        drawer.register(PLAN, TrainingPlan, plans, key="training-plans", columns=columns, more=count)
    else:
        _members(view, names)


def word(key: Wish) -> str:
    """What a dimension wishes, in a few words."""
    words = {
        Wish.AGE: _("35 or younger"),
        Wish.EDUCATION: _("College or more"),
        Wish.CERTIFIED: _("Certified in social work"),
        Wish.SERVICE: _("{n}+ years of service", n=EXPERIENCED_YEARS),
        Wish.PARTY: _("Party members"),
        Wish.RETURNED: _("Graduates who came back home"),
    }
    return words[key]


def _members(view: session.View, names: Names) -> None:
    words = {"": _("Serving"), "left": _("Have left"), "all": _("All")}
    words |= {f"{YES}{key}": _("Serving: {wish}", wish=word(key)) for key in Wish}
    words |= {f"{NO}{key}": _("Serving, not: {wish}", wish=word(key)) for key in Wish}
    today = view.now.date()
    found = data.ask_as_seen(staff.members, view.community_id)
    which = st.selectbox(
        _("Which"),
        list(words),
        format_func=words.__getitem__,
        label_visibility="collapsed",
        width=280,
        **session.in_url("which", words),
    )
    chosen = str(which or "")
    rows = [each for each in found if chosen == "all" or each.serves_on(today) is (chosen != "left")]
    if chosen.startswith((YES, NO)):  # the list behind the team's structure, which is of the period's end
        on = min(today, view.period.last)
        yes, no = data.ask(staff.fulfilling, view.community_id, on=on)[Wish(chosen[len(YES) :])]
        rows = [each for each in found if each.person_id in (yes if chosen.startswith(YES) else no)]
        if on < today:
            st.caption(_("As of {day}", day=i18n.date(on)))
    years = _("Years of service")
    columns = ["person_id", "education", "age_band", years, "joined_on", "party_member", "returned", "specialism"]
    drawer.register(
        MEMBER,
        StaffMember,
        rows,
        key="staff-members",
        columns=[*columns, "left_on", "left_reason"] if chosen in ("left", "all") else columns,
        names=names,
        more={years: lambda row: round(row.service_years(today), 1)},
    )


# --- the drawer
def open_drawer(view: session.View, names: Names) -> None:
    """Draw what is open. Call it last."""
    if not may(session.actor(), Operation.READ, StaffMember.collection):
        return
    if wanted := drawer.opened(MEMBER):
        _member_drawer(view, names, wanted)
    elif wanted := drawer.opened(CERTIFICATE):
        found = data.ask(staff.certificates, view.community_id)
        _entry_drawer(
            view, names, CERTIFICATE, wanted, StaffCertificate, found, _("Enter a certificate"),
            staff.add_certificate, staff.edit_certificate, staff.remove_certificate,
        )  # fmt: skip
    elif wanted := drawer.opened(TRAINING):
        if wanted.partition(".")[0] == drawer.NEW:
            drawer.show(TRAINING, _("Enter training"), lambda: _new_training(view, names, wanted.partition(".")[2]))
        else:
            entry = data.ask(staff.training_entry, view.community_id, wanted)
            _entry_drawer(
                view, names, TRAINING, wanted, StaffTraining, [entry], _("Enter training"),
                staff.add_training, staff.edit_training, staff.remove_training,
            )  # fmt: skip
    elif wanted := drawer.opened(PLAN):
        plans = {each.id: each for each in data.ask(staff.training_plans, view.community_id)}
        if wanted == drawer.NEW:
            drawer.show(PLAN, _("Enter a plan"), lambda: _new_plan(view))
        elif wanted in plans:
            title = _("Training plan of {year}", year=str(plans[wanted].year))
            drawer.show(PLAN, plain(title), lambda: _plan(view, plans[wanted]))
        else:
            _gone(PLAN)


def _gone(parameter: str) -> None:
    st.warning(_("This record is not there any more, or not in your charge."), icon=":material/search_off:")
    drawer.close(parameter)


def _picks(view: session.View, names: Names) -> Names:
    """Only members of the staff can be picked."""
    there = data.ask(staff.members, view.community_id)
    return {**names, "people": {each.person_id: names["people"].get(each.person_id, MISSING) for each in there}}


def _entry_drawer(
    view: session.View,
    names: Names,
    parameter: str,
    wanted: str,
    record: type[Any],
    there: list[Any],
    label: str,
    add: Callable[..., Any],
    edit: Callable[..., Any],
    remove: Callable[..., None],
) -> None:
    """A certificate or a training entry: its form."""
    kind, _dot, person = wanted.partition(".")
    if kind == drawer.NEW:
        drawer.show(parameter, plain(label), lambda: _new(view, _picks(view, names), parameter, person, record, add))
        return
    found = next((each for each in there if each.id == wanted), None)
    if found is None:
        _gone(parameter)
        return
    title = names["people"].get(found.person_id, MISSING)
    drawer.show(parameter, plain(title), lambda: _one(view, _picks(view, names), parameter, found, edit, remove))


def _new(
    view: session.View, picks: Names, parameter: str, person: str, record: type[Any], add: Callable[..., Any]
) -> None:
    made = forms.edit(
        record,
        key=f"{parameter}-new",
        references=picks,
        defaults={"person_id": person} if person in picks["people"] else None,
        save=lambda values, submission: data.tell(
            add, view.community_id, values, key=submission, done=_("The entry is saved.")
        ),
    )
    if made is not None:
        drawer.done(parameter)


def _one(
    view: session.View,
    picks: Names,
    parameter: str,
    found: Any,
    edit: Callable[..., Any],
    remove: Callable[..., None],
) -> None:
    saved = forms.edit(
        type(found),
        key=f"{parameter}-edit",
        current=found,
        references=picks,
        save=lambda values, _submission: data.tell(
            edit, view.community_id, found.id, values.revision, values, done=_("Saved.")
        ),
    )
    if saved is not None:
        drawer.done(parameter)
    drawer.offer_deletion(parameter, found, remove)


def _new_training(view: session.View, names: Names, person: str) -> None:
    """One training of many people at once."""
    today = view.now.date()
    there = [each for each in data.ask(staff.members, view.community_id) if each.serves_on(today)]
    people = forms.told_apart({each.person_id: names["people"].get(each.person_id, MISSING) for each in there})
    if not people:
        st.info(_("Who is trained is a member of the staff: enter those first."), icon=":material/info:")
    key = session.submission("training")
    chosen = st.multiselect(
        _("Who took part"),
        list(people),
        default=[person] if person in people else [],
        format_func=people.__getitem__,
        key=f"who-{key}",
        placeholder=_("Choose"),
    )
    made = forms.edit(
        StaffTraining,
        key="training-new",
        fields=("topic", "held_on", "hours", "kind"),
        defaults={"held_on": today},
        save=lambda values, submission: data.tell(
            staff.add_training, view.community_id, values, chosen, key=submission, done=_("The training is entered.")
        ),
    )
    if made is not None:
        session.submitted("training")
        drawer.done(TRAINING)


def _new_plan(view: session.View) -> None:
    made = forms.edit(
        TrainingPlan,
        key="plan-new",
        defaults={"year": view.now.year},
        save=lambda values, submission: data.tell(
            staff.add_training_plan, view.community_id, values, key=submission, done=_("The entry is saved.")
        ),
    )
    if made is not None:
        drawer.open_at(PLAN, made.id)  # its topics come next
        drawer.done()


def _plan(view: session.View, found: TrainingPlan) -> None:
    form = f"topics.{found.id}"
    mine = drawer.draft(form, found, "topics")
    topic, by, kind = _("Topic of training"), _("Target date"), _("Form of training")
    words = {str(each): say(each.label) for each in TrainingKind}
    table = pd.DataFrame(
        {
            topic: pd.Series([each.topic for each in mine.opened.topics], dtype=object),
            by: pd.Series([pd.Timestamp(each.by) for each in mine.opened.topics], dtype="datetime64[ns]"),
            kind: pd.Series([words[str(each.kind)] for each in mine.opened.topics], dtype=object),
        }
    )
    typed = st.data_editor(
        table,
        hide_index=True,
        num_rows="dynamic",
        column_config={
            topic: st.column_config.TextColumn(width="large", required=True, max_chars=200),
            by: st.column_config.DateColumn(format="YYYY-MM-DD", required=True),
            kind: st.column_config.SelectboxColumn(options=list(words.values())),
        },
        key=f"topics-{mine.key}",
    )
    if st.button(_("Save the topics"), type="primary", key="do_topics", icon=":material/check:"):
        back = {label: word for word, label in words.items()}

        def save() -> TrainingPlan | None:
            topics = tuple(
                build(
                    PlannedTopic,
                    {
                        "topic": row[topic],
                        "by": row[by].date() if pd.notna(row[by]) else None,
                        "kind": back.get(row[kind], str(TrainingKind.CLASS)),
                    },
                )
                for row in typed.to_dict("records")
                if str(row[topic] or "").strip()
            )
            change, revision = staff.edit_training_plan, mine.stands.revision
            return data.tell(change, view.community_id, found.id, revision, {"topics": topics}, done=_("Saved."))

        drawer.act(save, form=form)
    with st.expander(_("Year and hours")):
        saved = forms.edit(
            TrainingPlan,
            key="plan-edit",
            current=found,
            save=lambda values, _submission: data.tell(
                staff.edit_training_plan, view.community_id, found.id, values.revision, values, done=_("Saved.")
            ),
        )
        if saved is not None:
            drawer.done()
    drawer.offer_deletion(PLAN, found, staff.remove_training_plan)


# --- one member
def _member_drawer(view: session.View, names: Names, wanted: str) -> None:
    if wanted == drawer.NEW:
        if may(session.actor(), Operation.CREATE, StaffMember.collection):
            drawer.show(MEMBER, _("Enter somebody"), lambda: _new_member(view, names))
        return
    found = next((each for each in data.ask(staff.members, view.community_id) if each.id == wanted), None)
    if found is None:
        _gone(MEMBER)
        return
    title = names["people"].get(found.person_id, MISSING)
    drawer.show(MEMBER, plain(title), lambda: _member(view, names, found))


def _new_member(view: session.View, names: Names) -> None:
    filed = {each.person_id for each in data.ask(staff.members, view.community_id)}
    free = {id: name for id, name in names["people"].items() if id not in filed}
    st.caption(_("Of the people register (page Grids); who is not there yet is entered there first."))
    made = forms.edit(
        StaffMember,
        key="member-new",
        references={**names, "people": free},
        save=lambda values, submission: data.tell(
            staff.add_member, view.community_id, values, key=submission, done=_("The entry is saved.")
        ),
    )
    if made is not None:
        drawer.open_at(MEMBER, made.id)
        drawer.done()


def _member(view: session.View, names: Names, found: StaffMember) -> None:
    file = data.ask(staff.staff_file, view.community_id, found.person_id, now=view.now)
    beside = data.ask(evidence, view.community_id, (found.person_id,), *_this_year(view), now=view.now)
    _file(view, names, file, beside[found.person_id])
    with st.container(horizontal=True, gap="small"):
        if st.button(_("Enter training"), icon=":material/school:", key="member-training"):
            drawer.close(MEMBER)
            drawer.open_at(TRAINING, f"{drawer.NEW}.{found.person_id}")
            drawer.done()
        if st.button(_("Enter a certificate"), icon=":material/workspace_premium:", key="member-certificate"):
            drawer.close(MEMBER)
            drawer.open_at(CERTIFICATE, f"{drawer.NEW}.{found.person_id}")
            drawer.done()
    with st.expander(_("Correct the entry")):
        saved = forms.edit(
            StaffMember,
            key="member-edit",
            fields=[
                *("joined_on", "education", "age_band", "party_member", "returned", "specialism"),
                *(("left_on", "left_reason") if found.left_on else ()),
                "remark",
            ],
            current=found,
            save=lambda values, _submission: data.tell(
                staff.edit_member, view.community_id, found.id, values.revision, values, done=_("Saved.")
            ),
        )
        if saved is not None:
            drawer.done()
    if found.left_on is None:
        _leaving(view, found, len(file.posts))
    drawer.offer_deletion(
        MEMBER,
        found,
        staff.remove_member,
        why=_("Takes out the file, certificates and training; assessments stay. For who leaves, use “Leaves” instead."),
    )  # fmt: skip


def _leaving(view: session.View, found: StaffMember, posts: int) -> None:
    with st.expander(_("Leaves")):
        if posts:
            words = n_(
                "They hold {n} post: let them leave it on the page Grids too.",
                "They hold {n} posts: let them leave these on the page Grids too.",
                posts,
            )
            st.caption(plain(words))
        words = {str(each): say(each.label) for each in LeftReason}
        last = forms.day(_("Last day"), view.now.date(), key=f"left-{found.id}", width=170)
        why = st.selectbox(
            _("Reason for leaving"),
            list(words),
            index=None,
            format_func=lambda word: words.get(word, word),
            accept_new_options=True,
            placeholder=_("Choose or type"),
            key=f"why-{found.id}",
        )
        if st.button(_("Note it"), key="do_leave", type="primary", icon=":material/logout:"):
            leave = staff.leave
            drawer.act(
                lambda: data.tell(
                    leave, view.community_id, found.id, found.revision, on=last, reason=why or "", done=_("Noted.")
                )
            )


def _this_year(view: session.View) -> tuple[date, date]:
    today = view.now.date()
    return date(today.year, 1, 1), today


def _file(view: session.View, names: Names, file: StaffFile, beside: Evidence) -> None:
    """What is known of one member: facts, posts, training, certificates, results beside the work."""
    member, today = file.member, view.now.date()
    facts = [
        say(member.education.label) if member.education else "",
        say(member.age_band.label) if member.age_band else "",
        _("{n} years of service", n=number(member.service_years(today), 1)),
        _("Party member") if member.party_member else "",
        _("Graduate who came back home") if member.returned else "",
        member.specialism or "",
    ]
    if member.left_on:
        why = term(member.left_reason or "", LeftReason)
        facts.append(_("left on {day}", day=i18n.date(member.left_on)) + (f" ({why})" if why else ""))
    st.markdown(plain(" · ".join(fact for fact in facts if fact)))
    posts = [succession.post_name(post.tier, post.grid_id, names) for post in file.posts]
    if posts:
        st.markdown(plain(_("Holds: {posts}", posts=listed(posts))))
    _training_of(file)
    _certificates_of(file, today)
    if file.could_take:
        st.markdown(plain(_("Could take over {n} posts", n=len(file.could_take))))
    st.markdown("**" + _("The work this year") + "**")
    st.markdown(plain(assessments.worded(beside)))
    for held, result in file.results:
        assessments.result_line(held, result)


def hours(amount: float) -> str:
    """Hours of training: with a decimal only where there is one."""
    return number(amount, 0 if round(float(amount), 1).is_integer() else 1)


def _training_of(file: StaffFile) -> None:
    gap = file.gap
    if gap is not None and gap.owed is not None:
        said = _("{owed} hours of training due by now, {hours} done", hours=hours(gap.hours), owed=hours(gap.owed))
        colour, icon = ("red", ":material/dangerous:") if gap.missing else ("green", ":material/check_circle:")
        st.markdown(f":{colour}[{icon}] {plain(said)}")
    elif gap is not None:
        st.markdown(plain(_("{hours} hours of training this year", hours=hours(gap.hours))))
    if file.trainings:
        st.table(
            [
                {
                    _("Held on"): i18n.date(each.held_on),
                    _("Topic of training"): plain(each.topic),
                    _("Hours of training"): number(each.hours),
                    _("Form"): plain(say(each.kind.label)),
                }
                for each in file.trainings[:LISTED]
            ],
            border="horizontal",
            hide_index=True,
        )
        if len(file.trainings) > LISTED:
            st.caption(_("The first {n} of {m}.", n=LISTED, m=len(file.trainings)))


def _certificates_of(file: StaffFile, today: date) -> None:
    for each in file.certificates:
        words = [term(each.name, CertificateName), say(each.level.label) if each.level else ""]
        words.append(_("since {day}", day=i18n.whole(i18n.date(each.obtained_on))))
        if each.valid_until:
            words.append(_("valid until {day}", day=i18n.date(each.valid_until)))
        icon = ":green[:material/workspace_premium:]" if each.name in PROFESSIONAL else ":material/workspace_premium:"
        if not each.holds_on(today):
            icon = ":gray[:material/history:]"
        st.markdown(f"{icon} {plain(' · '.join(filter(None, words)))}")


# --- one's own
def of_the_reader() -> str:
    """The person the reader's account says they are, if it does; who only says so is not believed."""
    actor = session.actor()
    return actor.people[0] if actor.people and not actor.shared else ""


def _own_file(store: Store, actor: Actor, community_id: str, person_id: str, now: Any) -> StaffFile | None:
    """As ``staff_file``; None for somebody without one."""
    try:
        return staff.staff_file(store, actor, community_id, person_id, now=now)
    except NotFound:
        return None


def own(view: session.View, names: Names) -> None:
    """The reader's own file, read anew each time: what was told to one is not told to another."""
    file = data.ask_anew(_own_file, view.community_id, of_the_reader(), view.now)
    if file is None:
        cards.empty(_("There is no file about you"), _("Who leads the team enters it."), key="own")
        return
    st.header(plain(names["people"].get(file.member.person_id, MISSING)), anchor=False)
    if not may(session.actor(), Operation.READ, StaffMember.collection):
        st.caption(
            _("Seen by you and who leads the team. Where a group of raters is small, only the whole result is told.")
        )
    mine = file.member.person_id
    beside = data.ask_anew(evidence, view.community_id, (mine,), *_this_year(view), now=view.now)
    _file(view, names, file, beside[mine])
