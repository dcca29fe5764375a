"""The generated form: field specs into widgets, what was typed into a checked record, and what to do when it cannot be
saved. Nothing typed is lost: not on an error, not on a conflict, not while the database is away.

Not an ``st.form``: the fields of a facility's details follow its category, and nothing inside a form reruns. The
widgets commit with ``on_change="ignore"`` instead, so typing costs no rerun until a button is pressed.
"""

import re
import secrets
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, TypeVar, get_args, get_origin

import streamlit as st
from pydantic import BaseModel

from dashboard import cards, session, spreadsheets, tables
from dashboard.discretion import NOT_KEPT, mind_numbers
from dashboard.i18n import MISSING, _, money, n_, plain, say
from repository.access import Operation, may_set
from repository.record import (
    Choice,
    Day,
    FieldSpec,
    Part,
    Precision,
    Record,
    Ref,
    field_specs,
    folded,
    sentences,
    spellings,
)
from repository.store import Conflict, Duplicate, Invalid, build
from repository.words import Message, msg

R = TypeVar("R", bound=Record)
D = TypeVar("D", date, date | None)

FEW = 5  # so many choices stand side by side; more go into a list
EARLIEST, LATEST = date(1000, 1, 1), date(9899, 12, 31)
"""A calendar drops what it may not hold, so the field's bounds judge later; but one that may turn to the last years
there are never ends looking for those after them, and the reader's window hangs with all that was typed."""


def day(label: str, value: D, **shared: Any) -> D:
    """A day that is asked for, in a form drawn by hand too: what was typed is what comes back, however far off. Whoever
    saves it has to refuse what cannot be."""
    first, last = min(EARLIEST, value or EARLIEST), max(LATEST, value or LATEST)
    return st.date_input(label, value=value, min_value=first, max_value=last, format="YYYY-MM-DD", **shared)


class Values(dict[str, Any]):
    """What ``save`` is given: values by field, checked and typed as the record has them. For a change only the fields
    the user changed, to be saved on ``revision`` (0 for a new record). ``reason``: as the user gave it, where the form
    asks for one."""

    revision: int = 0
    reason: str | None = None


@dataclass
class _Entry:
    """One opening of a form, kept in the session: what stood there, the key that makes its saving happen once, and
    what was wrong with the last try. ``round`` names its widgets: a new round is an empty form."""

    id: str | None
    opened: Record | None
    round: int
    submission: str = field(default_factory=lambda: secrets.token_hex(16))
    problems: Mapping[str, Message] = field(default_factory=dict)
    theirs: Record | None = None
    sent: Values | None = None
    """What an earlier press sent that brought no record back."""

    @property
    def mark(self) -> str:
        """What ends the keys of its inputs. The revision is in it so that what a browser held on to over a restart is
        taken up only where nobody has changed the record since."""
        return str(self.round) if self.opened is None else f"{self.round}.{self.opened.revision}"


@dataclass
class _Drawn:
    """A field on the page: what its widget showed at first, what it shows now, and where its error goes."""

    path: str
    spec: FieldSpec
    before: Any
    typed: Any
    spot: Any


class _Unreadable(Exception):
    """What stands in a widget cannot be a value of its field."""


def edit(
    record_class: type[R],
    *,
    key: str,
    save: Callable[[Values, str], R | None],
    current: R | None = None,
    fields: Sequence[str] | None = None,
    defaults: Mapping[str, Any] | None = None,
    references: Mapping[str, Mapping[str, str]] | None = None,
    zone: tzinfo | None = None,
    submit: str | None = None,
    notes: Mapping[str, str] | None = None,
    reason: str | None = None,
) -> R | None:
    """Draw the form of a record and return the record once it is saved, else None.

    Without ``current`` it makes a new record, starting from ``defaults`` (which may name fields that are not drawn).
    ``fields`` picks and orders what is drawn. ``references`` holds what can be picked: ``{"people": {id: name}}``.
    ``zone`` is the clock that moments are typed on (default: the community's). ``notes`` stand under fields: what a
    change of them brings with it. ``reason``: below the fields the form asks why, and this says when it has to be told.

    ``save(values, submission)`` writes and returns the record. ``values.revision`` is the revision to save on;
    ``submission`` goes to the store as the idempotency key. It may raise Invalid, Duplicate and Conflict, which are
    shown here; None (it has told the user itself) keeps everything as it is. After a record came back, close the form
    or call ``st.rerun()``: this run still shows what was typed, the next one an empty form.

    Widget keys are ``{key}-{field}-{round}``, the round starting at 1, with ``.{revision}`` for a record that is there;
    the button's is ``do_{key}-{round}``.
    """
    entry = _entry(key, current)
    names = {collection: told_apart(labels) for collection, labels in (references or {}).items()}
    form = _Form(record_class, key, entry, dict(defaults or {}), names, zone or session.zone(), notes or {}, reason)
    banner = st.container(gap="small")
    form.draw(fields)

    touched = form.touched()
    if current is not None and entry.opened is not None and current.revision != entry.opened.revision and not touched:
        _reset(key, current)  # somebody saved, nothing was typed: simply show what stands there now
        st.rerun()

    pressed = st.button(
        submit or _("Save"), type="primary", key=f"do_{key}-{entry.round}", icon=":material/check:", width="content"
    )
    saved: R | None = None
    if pressed:
        saved = form.submit(save, current)
    if saved is None and entry.theirs is not None:
        with banner:
            answer = form.compare()
        if answer == "theirs":
            _reset(key, entry.theirs)
            st.rerun()
        if answer == "mine":
            saved = form.submit(save, current, over=entry.theirs)
            if saved is None:
                st.rerun()
    if saved is not None:
        _reset(key, None)
        return saved
    form.show_problems(banner)
    return None


def _entry(key: str, current: Record | None) -> _Entry:
    """The form's entry in the session; a new round when it was opened for another record."""
    entry = st.session_state.get(f"form.{key}")
    wanted = current.id if current else None
    if entry is None or entry.id != wanted:
        entry = _reset(key, current)
    return entry


def _reset(key: str, current: Record | None) -> _Entry:
    before = st.session_state.get(f"form.{key}")
    round_ = before.round + 1 if before else 1
    if before is None and (found := session.taken_up(rf"-{re.escape(key)}-.+-(\d+){_revision(current)}$")):
        round_ = int(found[1])
    entry = _Entry(current.id if current else None, current, round_)
    st.session_state[f"form.{key}"] = entry
    return entry


def _revision(current: Record | None) -> str:
    return "" if current is None else rf"\.{current.revision}"


@dataclass
class _Form:
    record: type[Record]
    key: str
    entry: _Entry
    defaults: dict[str, Any]
    names: Mapping[str, Mapping[str, str]]
    zone: tzinfo
    notes: Mapping[str, str]
    asks: str | None
    reason: str | None = None
    reason_spot: Any = None
    drawn: dict[str, _Drawn] = field(default_factory=dict)
    readings: dict[str, Any] = field(default_factory=dict)

    # --- drawing
    def draw(self, fields: Iterable[str] | None) -> None:
        """All fields that the reader may set, two beside each other where there is room; long texts and details take
        the whole width."""
        specs = field_specs(self.record)
        if fields is None:
            drawable = [spec for spec in specs.values() if spec.mark.form and _drawable(spec)]
            chosen = sorted(drawable, key=lambda spec: not _demanded(self.record, spec))
        else:
            chosen = [specs[name] for name in fields]
        operation = Operation.CREATE if self.entry.opened is None else Operation.UPDATE
        actor = session.actor()
        chosen = [spec for spec in chosen if may_set(actor, operation, self.record.collection, spec.name)]
        wide = [spec for spec in chosen if spec.mark.long]
        variants = [spec for spec in chosen if spec.kind == "variant"]
        narrow = [spec for spec in chosen if spec not in wide and spec not in variants]
        leaders = {_tag(spec) for spec in variants}
        with st.grid(2, min_column_width=280, gap=("small", "medium")) as cells:
            for spec in narrow:
                with cells.cell():
                    self._field(spec.name, spec, self._start(spec), self.record, reruns=spec.name in leaders)
            for spec in variants:
                self._variant(spec, cells)
        for spec in wide:
            self._field(spec.name, spec, self._start(spec), self.record)
        if self.asks:
            with st.container(gap="xxsmall"):
                key = f"{self.key}-why-{self.entry.mark}"
                self.reason = st.text_input(_("Reason"), max_chars=300, key=key, **session.STAGED)
                st.caption(plain(self.asks))
                self.reason_spot = st.empty()

    def _start(self, spec: FieldSpec) -> Any:
        """What the field holds when the form opens."""
        if self.entry.opened is not None:
            return getattr(self.entry.opened, spec.name)
        if spec.name in self.defaults:
            return self.defaults[spec.name]
        return _default(self.record, spec.name)

    def _variant(self, spec: FieldSpec, cells: Any) -> None:
        """The fields of the part that belongs to the chosen category."""
        part = self._part(spec)
        if part is None:
            return
        stood = self._start(spec)
        for inner in field_specs(part).values():
            if inner.name == _tag(spec) or not _drawable(inner):
                continue
            start = getattr(stood, inner.name) if isinstance(stood, part) else _default(part, inner.name)
            path = f"{spec.name}.{_tag_of(part, _tag(spec))}.{inner.name}"
            with cells.cell():
                self._field(path, inner, start, part)

    def _part(self, spec: FieldSpec) -> type[Part] | None:
        """Which of a variant's parts is meant: by its leading field, as it is typed, or as it stands."""
        leader = self.drawn.get(_tag(spec))
        if leader is not None:
            word = leader.typed
        else:
            owner = self.entry.opened
            word = getattr(owner, _tag(spec)) if owner is not None else self.defaults.get(_tag(spec))
        return next((part for part in spec.parts if word and _tag_of(part, _tag(spec)) == str(word)), None)

    def _field(self, path: str, spec: FieldSpec, start: Any, owner: type[BaseModel], *, reruns: bool = False) -> None:
        demanded = _demanded(owner, spec)
        with st.container(gap="xxsmall"):
            drawn = self._widget(path, spec, start, demanded, reruns)
            if note := self.notes.get(path):
                st.caption(plain(note))
            drawn.spot = st.empty()
        self.drawn[path] = drawn

    def _widget(self, path: str, spec: FieldSpec, start: Any, demanded: bool, reruns: bool) -> _Drawn:
        shared: dict[str, Any] = {
            "key": f"{self.key}-{path}-{self.entry.mark}",
            "help": self._help(spec) or None,
            "on_change": "rerun" if reruns else "ignore",
        }
        label = _label(spec, demanded)
        drawn = _Drawn(path, spec, None, None, None)
        if spec.many:
            held = [str(_choice_word(item)) for item in start or ()]
            words = self._words(spec, held)
            drawn.before = held
            drawn.typed = st.multiselect(
                label,
                list(words),
                default=held,
                format_func=lambda word: words.get(word, word),
                accept_new_options=spec.kind in ("text", "term"),
                placeholder=_("Type and press Enter") if spec.kind in ("text", "term") else _("Choose"),
                **shared,
            )
        elif spec.kind in ("choice", "term", "ref"):
            held_word = None if start is None else str(_choice_word(start))
            words = self._words(spec, [held_word] if held_word is not None else [])
            drawn.before = held_word
            drawn.typed = self._pick(spec, label, words, held_word, demanded, shared)
        elif spec.kind == "yes_no":
            drawn.before = start
            if start is None or not demanded:
                answers = {True: _("Yes"), False: _("No")}
                drawn.typed = st.segmented_control(
                    label, list(answers), default=start, format_func=answers.__getitem__, **shared
                )
            else:
                drawn.typed = st.toggle(label, value=bool(start), **shared)
        elif spec.kind == "day":
            drawn.before = start
            drawn.typed = day(label, start, **shared)
        elif spec.kind == "moment":
            local = None if start is None else start.astimezone(self.zone).replace(tzinfo=None, second=0, microsecond=0)
            drawn.before = local
            drawn.typed = st.datetime_input(
                label,
                value=local,
                min_value=datetime.combine(EARLIEST, datetime.min.time()),
                max_value=datetime.combine(LATEST, datetime.min.time()),
                format="YYYY-MM-DD",
                **shared,
            )
        else:  # text and numbers: typed, so that nothing is cut, clamped or rounded before it is judged
            drawn.before = _as_typed(spec, start)
            if spec.mark.long:
                drawn.typed = st.text_area(label, value=drawn.before, **shared)
            else:
                drawn.typed = st.text_input(label, value=drawn.before, **(shared | session.STAGED))
        return drawn

    def _pick(
        self,
        spec: FieldSpec,
        label: str,
        words: Mapping[str, str],
        held: str | None,
        demanded: bool,
        shared: dict[str, Any],
    ) -> str | None:
        if spec.kind == "choice" and len(words) <= FEW:
            return st.segmented_control(
                label,
                list(words),
                default=held,
                required=demanded and held is not None,
                format_func=lambda word: plain(words.get(word, word)),
                **shared,
            )
        # a selectbox that opens with a choice has no button to clear it: what may be empty offers nothing as a choice
        options = [*words] if demanded or held is None else ["", *words]
        return st.selectbox(
            label,
            options,
            index=options.index(held) if held is not None else None,
            format_func=lambda word: words.get(word, word) or MISSING,
            accept_new_options=spec.kind == "term",
            placeholder=_("Choose or type") if spec.kind == "term" else _("Choose"),
            **shared,
        )

    def _words(self, spec: FieldSpec, held: Iterable[str]) -> dict[str, str]:
        """What can be picked: words by value. What is held now is always among them."""
        if isinstance(spec.mark, Ref):
            known = dict(self.names.get(spec.mark.to, {}))
            return known | {value: _("No longer in the list") for value in held if value not in known}
        known = {str(member.value): say(member.label) for member in spec.choices or ()}
        return known | {value: value for value in held if value not in known}

    def _help(self, spec: FieldSpec) -> str:
        lines = [plain(say(spec.help))] if spec.help else []
        opened = self.entry.opened
        if opened is not None and isinstance(spec.mark, Day) and spec.mark.precision:
            precision = getattr(opened, spec.mark.precision, None)
            if precision in (Precision.MONTH, Precision.YEAR) and getattr(opened, spec.name, None) is not None:
                lines.append(_("Known so far: {precision}", precision=plain(say(precision.label))))
        return "  \n".join(lines)

    # --- reading
    def touched(self) -> bool:
        """Whether anything differs from what the form opened with."""
        return any(not _same(drawn.typed, drawn.before) for drawn in self.drawn.values())

    def _read(self) -> tuple[dict[str, Any], dict[str, Message]]:
        """Values of all drawn fields, and what cannot be read at all. What nobody touched keeps its exact value."""
        values: dict[str, Any] = {}
        wrong: dict[str, Message] = {}
        specs = field_specs(self.record)
        for path, drawn in self.drawn.items():
            if "." in path:
                continue
            spec = drawn.spec
            if self.entry.opened is not None and _same(drawn.typed, drawn.before):
                values[path] = getattr(self.entry.opened, path)
                continue
            try:
                values[path] = self._value(drawn)
            except _Unreadable as unreadable:
                wrong[path] = unreadable.args[0]
                continue
            if values[path] is None and _demanded(self.record, spec):
                wrong[path] = Message(msg("Please fill this in"))
            kept = spec.mark.precision if isinstance(spec.mark, Day) else ""
            if kept and kept not in self.drawn and values[path] is not None:
                values[kept] = Precision.DAY
        for spec in specs.values():
            if spec.kind == "variant" and any(path.startswith(f"{spec.name}.") for path in self.drawn):
                part, problems = self._read_variant(spec)
                wrong |= problems
                values[spec.name] = part  # what can be read of it is judged with the rest
        return values, wrong

    def _read_variant(self, spec: FieldSpec) -> tuple[Any, dict[str, Message]]:
        part = self._part(spec)
        if part is None:
            return None, {}
        word = _tag_of(part, _tag(spec))
        inner = {path: drawn for path, drawn in self.drawn.items() if path.startswith(f"{spec.name}.{word}.")}
        stood = self._start(spec)
        if not any(not _same(drawn.typed, drawn.before) for drawn in inner.values()) and (
            isinstance(stood, part) or self.entry.opened is not None
        ):
            return (stood if isinstance(stood, part) else None), {}
        values: dict[str, Any] = {_tag(spec): word}
        wrong: dict[str, Message] = {}
        for path, drawn in inner.items():
            try:
                value = self._value(drawn)
            except _Unreadable as unreadable:
                wrong[path] = unreadable.args[0]
                continue
            if value is not None:
                values[drawn.spec.name] = value
        return values, wrong

    def _value(self, drawn: _Drawn) -> Any:
        """What was typed as the record has it; raises _Unreadable."""
        spec, typed = drawn.spec, drawn.typed
        if spec.many:
            if spec.kind == "term":
                return [_known_word(spec.choices, word) for word in typed]
            return list(typed)
        if typed is None or (isinstance(typed, str) and not typed.strip()):
            return None
        if spec.kind == "term":
            return _known_word(spec.choices, typed)
        if spec.kind == "moment":
            return typed.replace(tzinfo=self.zone).astimezone(UTC)
        if spec.kind in ("integer", "number", "money"):
            return _number(typed, spec.kind)
        return typed

    # --- saving
    def submit(
        self, save: Callable[[Values, str], R | None], current: R | None, over: Record | None = None
    ) -> R | None:
        """Check, then save; what stands in the way is kept in the entry. ``over`` saves on somebody else's change."""
        entry = self.entry
        entry.problems = {}
        values, wrong = self._read()
        record, problems = self._built(values)
        entry.problems = {**problems, **wrong} if wrong or problems else self._doubts(record) or self._unkept(values)
        if entry.problems:
            return None
        if entry.opened is None:
            given = Values({**self.defaults, **{name: getattr(record, name) for name in values}})
            given = Values({name: value for name, value in given.items() if value is not None})
        else:
            given = Values(
                {name: getattr(record, name) for name in values if getattr(record, name) != getattr(entry.opened, name)}
            )
            stands = entry.opened.revision if over is None else over.revision
            if current is not None and current.revision != stands:
                return self._met(given, current)
            given.revision = stands
        given.reason = self.reason
        try:
            saved = save(given, entry.submission)
        except Invalid as invalid:
            entry.problems = invalid.problems
        except Duplicate as duplicate:
            entry.problems = {name: duplicate.message for name in duplicate.fields if name in self.drawn} or {
                "": duplicate.message
            }
        except Conflict as conflict:
            return self._met(given, conflict.current)
        else:
            return self._first_sent(given, saved)
        return None

    def _met(self, given: Values, there: Record) -> R | None:
        """What to do about a record that was changed since it was opened: nothing if it stands as wanted already (an
        earlier press whose answer was lost had gone through), else it is shown beside what was typed."""
        if type(there) is self.record and all(getattr(there, name) == value for name, value in given.items()):
            return there  # type: ignore[return-value]
        self.entry.theirs = there
        return None

    def _first_sent(self, given: Values, saved: R | None) -> R | None:
        """A new record as the store has it: after a lost answer that may be what was sent first, and what was changed
        in the form since then is said not to be in it."""
        first, self.entry.sent = self.entry.sent, given
        if self.entry.opened is None and saved is not None and first is not None:
            since = [name for name in given if first.get(name) != given[name]]
            if any(getattr(saved, name, None) == first.get(name) for name in since):
                session.toast(
                    _(
                        "It had been saved the first time you pressed. What you changed since then is not in it: open "
                        "it and change it there."
                    )
                )
        return saved

    def _built(self, values: Mapping[str, Any]) -> tuple[Any, dict[str, Message]]:
        """The record these values make, or what is wrong with them. Fields that the command fills in itself get a
        stand-in, and problems of fields that are not drawn are the command's to report."""
        opened = self.entry.opened
        if opened is not None:
            everything = {**dict(opened), **values}
        else:
            hidden = {name: value for name, value in self.defaults.items() if name in self.record.model_fields}
            given = {name: value for name, value in values.items() if value is not None}
            everything = {**_stand_ins(self.record), **hidden, **given}
            for name in values:
                if values[name] is None:
                    everything.pop(name, None)
        try:
            return build(self.record, everything), {}
        except Invalid as invalid:
            mine = {}
            for path, message in invalid.problems.items():
                shown = next((name for name in self.drawn if path == name or path.startswith(f"{name}.")), None)
                if shown is not None:
                    mine[shown] = message
                elif path == "" or path.split(".")[0] in values:
                    mine[""] = message
            return None, mine or {"": Message(msg("This value does not fit here"))}

    def _unkept(self, values: Mapping[str, Any]) -> dict[str, Message]:
        """Identity numbers in what was typed, which the record does not keep: said once, beside the field."""
        written = sentences(self.record)
        typed = {name: value for name, value in values.items() if name in written and isinstance(value, str)}
        try:
            mind_numbers(f"{self.key}.{self.entry.round}", NOT_KEPT, **typed)
        except Invalid as invalid:
            return dict(invalid.problems)
        return {}

    def _doubts(self, record: Record) -> dict[str, Message]:
        """A doubt that an import may carry is an error in a form, unless it was there before; said beside the field
        whose change brought it."""
        opened = self.entry.opened
        accepted = set(opened.flags) if opened is not None else set()
        found: dict[str, Message] = {}
        for flag in set(record.doubts(record.to_document())) - accepted:
            found[self._cause(record, flag)] = Message(flag.label)
        return found

    def _cause(self, record: Record, flag: Any) -> str:
        changed = [
            name
            for name, drawn in self.drawn.items()
            if drawn.spec.kind in ("day", "moment") and not _same(drawn.typed, drawn.before)
        ]
        for name in reversed(changed):
            before = getattr(self.entry.opened, name) if self.entry.opened is not None else None
            document = record.model_copy(update={name: before}).to_document()
            try:
                if flag not in set(record.doubts(document)):
                    return name
            except (KeyError, TypeError):  # without it there is nothing left to compare: it is the cause
                return name
        return changed[-1] if changed else ""

    # --- telling
    def show_problems(self, banner: Any) -> None:
        """Each problem in red under its field, and one line on top."""
        problems = self.entry.problems
        if not problems:
            return
        spots = {path: drawn.spot for path, drawn in self.drawn.items()}
        if self.asks:
            spots["reason"] = self.reason_spot
        for path, message in problems.items():
            if path in spots:
                spots[path].markdown(f":red[:small[:material/error: {plain(say(message))}]]")
        general = [message for path, message in problems.items() if path not in spots]
        text = n_(
            "Not saved: {n} entry needs a second look. What you typed is still here.",
            "Not saved: {n} entries need a second look. What you typed is still here.",
            len(problems),
        )
        cards.told(text, *general, spot=banner)

    def compare(self) -> Literal["mine", "theirs"] | None:
        """Where the other person's values and mine differ, with what stood when I opened; and the choice."""
        theirs, opened = self.entry.theirs, self.entry.opened
        if theirs is None or opened is None:
            return None
        who = theirs.updated_by or _("Somebody")
        cards.conflict(theirs.updated_by, theirs.updated_at)
        values, _wrong = self._read()
        mine, _problems = self._built(values)
        mine = mine or opened
        compared = [
            self._said(spec, opened, theirs, mine, who)
            for spec in field_specs(self.record).values()
            if _differ(spec.name, opened, theirs, mine) and (spec.mark.table or spec.mark.form)
        ]
        if compared:
            with st.container(key=f"{self.key}-conflict"):
                st.table(compared, border="horizontal", hide_index=True)
        with st.container(horizontal=True, gap="small"):
            round_ = self.entry.round
            if st.button(_("Save mine over theirs"), key=f"{self.key}-mine-{round_}"):
                return "mine"
            if st.button(_("Keep theirs"), key=f"{self.key}-theirs-{round_}"):
                return "theirs"
        return None

    def _said(self, spec: FieldSpec, opened: Record, theirs: Record, mine: Record, who: str) -> dict[str, str]:
        def words(record: Record) -> str:
            value = getattr(record, spec.name)
            if value is None or value == ():
                return MISSING
            if spec.kind == "money":
                return money(value, exact=True)
            if isinstance(value, BaseModel):
                return ", ".join(
                    f"{say(inner.title)}: {spreadsheets.as_text(tables.value_of(value, inner, self.names, self.zone))}"
                    for inner in field_specs(type(value)).values()
                )
            return spreadsheets.as_text(tables.value_of(record, spec, self.names, self.zone))

        my_words = plain(words(mine))
        return {
            _("Field"): plain(say(spec.title)),
            _("When you opened it"): plain(words(opened)),
            plain(_("{who}'s", who=who)): plain(words(theirs)),
            _("Yours"): f"**{my_words}**" if _changed(spec.name, opened, mine) else my_words,
        }


# --- values and widgets ----------------------------------------------------------------------------------------------
def _drawable(spec: FieldSpec) -> bool:
    if spec.kind == "part":
        return False
    return not spec.many or spec.kind in ("text", "term", "choice", "ref")


def _default(owner: type[BaseModel], name: str) -> Any:
    info = owner.model_fields[name]
    return None if info.is_required() else info.get_default(call_default_factory=True)


def _demanded(owner: type[BaseModel], spec: FieldSpec) -> bool:
    """Whether it may not stay empty: required, or never None."""
    return not spec.many and (spec.required or _default(owner, spec.name) is not None)


def _label(spec: FieldSpec, demanded: bool) -> str:
    title = plain(say(spec.title))
    unit = tables.unit_beside(spec)
    optional = not demanded and spec.kind != "yes_no"
    if unit and optional:
        return _("{title} ({unit}, optional)", title=title, unit=plain(unit))
    if unit:
        return _("{title} ({unit})", title=title, unit=plain(unit))
    return _("{title} (optional)", title=title) if optional else title


def _tag(spec: FieldSpec) -> str:
    """The name of the field that tells a variant's parts apart; the record has one of the same name."""
    return next(name for name, info in spec.parts[0].model_fields.items() if get_origin(info.annotation) is Literal)


def _tag_of(part: type[Part], tag: str) -> str:
    return str(get_args(part.model_fields[tag].annotation)[0].value)


def _choice_word(value: Any) -> str:
    return str(value.value) if isinstance(value, Choice) else str(value)


def _same(typed: Any, before: Any) -> bool:
    """Whether a widget still shows what it began with; empty text is nothing."""
    return (typed or None) == (before or None) if not isinstance(typed, bool) else typed == before


def _as_typed(spec: FieldSpec, value: Any) -> str:
    if value is None:
        return ""
    if spec.kind == "money":
        yuan = Decimal(value) / 100
        return f"{yuan:.0f}" if value % 100 == 0 else f"{yuan:.2f}"
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _number(typed: str, kind: str) -> int | float:
    """A number as people write it: full-width digits, thousands separators, a currency sign or 元."""
    text = unicodedata.normalize("NFKC", typed).replace("−", "-").replace("，", ",").strip()
    if kind == "money":
        text = text.removeprefix("¥").removeprefix("￥").removesuffix("元").strip()
    whole = text.replace(" ", "").replace("\u00a0", "")
    if "," in whole:
        groups = whole.partition(".")[0].lstrip("-").split(",")
        if not groups[0] or any(len(group) != 3 for group in groups[1:]):
            raise _Unreadable(Message(msg("Must be a number")))
        whole = whole.replace(",", "")
    try:
        exact = Decimal(whole)
    except InvalidOperation:
        raise _Unreadable(Message(msg("Must be a number"))) from None
    if not exact.is_finite() or abs(exact) >= Decimal(10) ** 15:
        raise _Unreadable(Message(msg("This number is too large")))
    if kind == "money":
        exact *= 100
        if exact != exact.to_integral_value():
            raise _Unreadable(Message(msg("Must be yuan with two decimals at most")))
        return int(exact)
    if kind == "integer":
        if exact != exact.to_integral_value():
            raise _Unreadable(Message(msg("Must be a whole number")))
        return int(exact)
    return float(exact)


def _known_word(known: type[Choice] | None, typed: str) -> str:
    """The value behind a typed word if it is one that we know, also by its name in the reader's language, else the word
    itself."""
    return str(spellings(known, (say, str)).get(folded(typed), typed.strip())) if known else typed.strip()


def told_apart(labels: Mapping[str, str]) -> dict[str, str]:
    """Names to pick from. Widgets tell options apart by what they show: two people of one name get their ids' ends."""
    seen: dict[str, int] = {}
    for name in labels.values():
        seen[name] = seen.get(name, 0) + 1
    return {
        id: name if seen[name] == 1 else f"{name} · {id[-4:]}"
        for id, name in sorted(labels.items(), key=lambda item: item[1])
    }


def _stand_ins(owner: type[Record]) -> dict[str, Any]:
    """Something for every required field, so that the others can be judged before a command fills these in."""
    stand_in = {"moment": datetime.now(UTC), "day": datetime.now(UTC).date(), "yes_no": False}
    found: dict[str, Any] = {"community_id": "-"}
    for name, spec in field_specs(owner).items():
        if not spec.required:
            continue
        if spec.kind == "choice" and spec.choices is not None:
            found[name] = next(iter(spec.choices))
        elif spec.kind in ("integer", "number", "money"):
            found[name] = spec.minimum or 0
        else:
            found[name] = stand_in.get(spec.kind, "-")
    return found


def _differ(name: str, opened: Record, theirs: Record, mine: Record) -> bool:
    return _changed(name, opened, theirs) or _changed(name, opened, mine)


def _changed(name: str, before: Record, after: Record) -> bool:
    return bool(getattr(before, name) != getattr(after, name))
