"""The page at an activity's door: who signed up types the one-time code, who was here before their own, who is new says
as much as they like and is given one.

As plain as the pages behind labels (see ``public``), and under the same suspicion. Many people come through one door
within minutes, often from one address: so pages and check-ins are bounded far more widely than reports, wrong codes are
not, and whoever has tried too many may still come in as somebody new, or go to the desk.
"""

import asyncio
import html
from collections.abc import Mapping
from dataclasses import dataclass, field

from dashboard import data, i18n
from dashboard.i18n import _, say
from dashboard.limits import Rate
from dashboard.public import (
    Answer,
    Form,
    Public,
    Rates,
    Unreadable,
    _action,
    _alert,
    _asked,
    _group,
    _page,
    _paragraph,
    _problem,
    _radio,
)
from dashboard.settings import Settings
from dashboard.signin import Call
from repository import checkin, labels
from repository.checkin import Closed, Doorway, StaleForm, Standing
from repository.people import AgeBand, Sex
from repository.store import Invalid
from repository.words import Message, msg

_HOUR = 3600.0


@dataclass
class DoorRates(Rates):
    """How much may be asked: ``forms`` and ``wrong`` by address, ``label``, ``strangers`` and ``missed`` (wrong codes)
    by door."""

    pages: Rate = field(default_factory=lambda: Rate(1_000, 6_000, 600.0, little=60))
    wrong: Rate = field(default_factory=lambda: Rate(20, 1_000, _HOUR, little=3))
    forms: Rate = field(default_factory=lambda: Rate(300, 3_000, _HOUR, little=20))
    label: Rate = field(default_factory=lambda: Rate(600, 6_000, _HOUR, little=60))
    strangers: Rate = field(default_factory=lambda: Rate(150, 1_500, _HOUR, little=15))
    missed: Rate = field(default_factory=lambda: Rate(150, 3_000, _HOUR, little=15))


class Doors(Public):
    """The ASGI application behind /d/. Serve it outside the sign-in."""

    brief = ("/d/",)
    unknown = msg(
        "It is not known whether you are checked in: the database stopped answering. Go back and send it once more; it "
        "counts once."
    )
    meanwhile = msg("Or tell the people at the desk that you are here.")

    def __init__(self, settings: Settings, rates: DoorRates | None = None) -> None:
        self.bounds = rates or DoorRates()
        super().__init__(settings, self.bounds)

    async def _about(self, call: Call, address: str, form: Form | None) -> Answer:
        rest = call.path.lstrip("/").partition("/")[2]
        typed = rest or call.query.get("code", "")
        if not typed:
            return _page(200, _("Check in"), _type_the_door(call), call)
        code = labels.read_code(typed)
        if seconds := self.bounds.wrong.wait(address) if code is None else 0.0:
            return self._later(call, seconds)
        there = None if code is None else await _asked(checkin.doorway, code)
        if there is None:
            if seconds := self.bounds.wrong.wait(address):
                return self._later(call, seconds)
            self.bounds.wrong.count(address)
            words = _("No door has this code. Look at it once more; it has {n} letters and digits.", n=labels.LENGTH)
            return _page(404, _("Not found"), _alert(words) + _type_the_door(call), call)
        if not rest and form is None:
            return self._to(f"/d/{there.door.id}?lang={i18n.current()}")
        if form is not None and there.standing is Standing.OPEN:
            return await self._here(call, address, there, form)
        return await self._entrance(call, there, Form({}), {}, 200 if form is None else 409)

    async def _label_of(self, call: Call) -> str:
        """All forms here are brief; one that is not is in nobody's way but its sender's."""
        return f"door {call.path[:20]}"

    async def _here(self, call: Call, address: str, there: Doorway, form: Form) -> Answer:
        if form.get("website"):
            raise Unreadable(
                400, msg("This form was filled in by a program. Nothing was sent. Leave the hidden field empty.")
            )
        door, new = there.door, form.get("new") == "yes"
        tries = (
            ((self.bounds.strangers, door.id),)
            if new
            else ((self.bounds.wrong, address), (self.bounds.missed, door.id))
        )
        for rate, whose in ((self.bounds.forms, address), (self.bounds.label, door.id), *tries):
            if seconds := rate.wait(whose):
                return self._later(call, seconds, sending=True)
        self.bounds.forms.count(address)
        self.bounds.label.count(door.id)
        token, given = form.get("token")[:300], ""
        try:
            if new:
                self.bounds.strangers.count(door.id)
                given = await _asked(
                    checkin.walk_in,
                    door.id,
                    token,
                    age_band=next((one for one in AgeBand if one == form.get("age_band")), None),
                    sex=next((one for one in Sex if one == form.get("sex")), None),
                    grid_id=next((id for id, _name in there.grids if id == form.get("grid")), None),
                )
            else:
                await _asked(checkin.enter, door.id, token, form.get("code")[:60])
        except Invalid as trouble:
            if not new:
                self.bounds.wrong.count(address)
                self.bounds.missed.count(door.id)
            return await self._entrance(call, there, form, trouble.problems, 422)
        except (StaleForm, Closed) as trouble:
            there = await _asked(checkin.doorway, door.id) or there
            return await self._entrance(call, there, form, {"": trouble.message}, 409)
        body = _alert(_("Welcome! You are checked in."), "good")
        if given:
            body += _paragraph(_("This is your own code from now on:"))
            body += f'<p class="step">{html.escape(given)}</p>'
            body += _paragraph(
                _("Write it down: with it you check in the next time. It says nothing about who you are.")
            )
        onward = html.escape(f"{call.settings.base}/d/{door.id}?lang={i18n.current()}")
        body += f'<p><a href="{onward}">{html.escape(_("Next person"))}</a></p>'
        return _page(200, there.name, body, call, by=there.community)

    async def _entrance(
        self, call: Call, there: Doorway, form: Form, problems: Mapping[str, Message], status: int
    ) -> Answer:
        if there.standing is Standing.GONE or there.hours is None:
            words = _("This code leads nowhere any more. Look for the new one, or tell the people at the desk.")
            return _page(410, _("Door replaced"), _paragraph(words), call)
        zone = await asyncio.to_thread(data.store().zone, there.door.community_id)
        hours = there.hours
        begins = i18n.in_zone(hours.begins, zone)
        whole_day = (hours.ends - hours.begins).days >= 1
        when = i18n.day_short(begins.date()) if whole_day else i18n.datetime_(hours.begins, zone)
        body = _paragraph(" · ".join(filter(None, (when, there.place))), "soft")
        if said := problems.get(""):
            body += _alert(say(said))
        if there.standing is Standing.OPEN:
            body += _forms(there, await _asked(checkin.door_token, there.door), form, problems)
            return _page(status, there.name, body, call, by=there.community)
        words = {
            Standing.CANCELLED: _("This activity has been cancelled."),
            Standing.OVER: _("This activity is over. Who was here and is not on the list tells the community office."),
        }.get(there.standing) or _("You can check in here from {when} on.", when=i18n.datetime_(hours.opens, zone))
        return _page(status, there.name, body + _alert(words, "soft"), call, by=there.community)

    def _later(self, call: Call, seconds: float, *, sending: bool = False) -> Answer:
        words = _("Too much was asked from here or at this door. Nothing was noted. Try again later.")
        after = (b"retry-after", str(int(seconds) + 1).encode())
        body = _paragraph(words) + _paragraph(say(self.meanwhile))
        if sending and call.path.startswith("/d/"):
            onward = html.escape(call.settings.base + "/d/" + "".join(filter(str.isalnum, call.path[3:20])))
            body += f'<p><a href="{onward}?lang={i18n.current()}">{html.escape(_("Back to the door"))}</a></p>'
        return _page(429, _("A little later"), body, call, after)


def _type_the_door(call: Call) -> str:
    action = html.escape(f"{call.settings.base}/d/")
    return (
        f'<form action="{action}"><input type="hidden" name="lang" value="{i18n.current()}">'
        f'<label class="field" for="code">{html.escape(_("Code at the door"))}</label>'
        '<input type="text" id="code" name="code" maxlength="20" autocomplete="off" autocapitalize="characters" '
        f'required placeholder="7K3M-9QXT"><button>{html.escape(_("Open"))}</button></form>'
    )


def _forms(there: Doorway, token: str, form: Form, problems: Mapping[str, Message]) -> str:
    """Two ways in: a code, or nothing."""
    hidden = (
        f'<input type="hidden" name="token" value="{html.escape(token)}">'
        f'<div class="trap" aria-hidden="true"><label>{html.escape(_("Leave this empty"))}'
        '<input type="text" name="website" tabindex="-1" autocomplete="off"></label></div>'
    )
    hint = _("The code you were given when you signed up, or your own such as R-7K3Q")
    by_code = (
        f"<form {_action()}>{hidden}"
        f'<label class="field" for="code">{html.escape(_("Your code"))}</label>{_problem(problems, "code")}'
        f"{_paragraph(hint, 'soft')}"
        '<input type="text" id="code" name="code" maxlength="40" autocomplete="off" '
        'autocapitalize="characters" required>'
        f"<button>{html.escape(_('I am here'))}</button></form>"
    )

    def choice(name: str, value: str, text: str) -> str:
        return _radio(name, value, text, form.get(name)).replace(" required", "")

    ages = "".join(choice("age_band", band, say(band.label)) for band in AgeBand)
    sexes = "".join(choice("sex", sex, say(sex.label)) for sex in Sex)
    grids = f'<option value="">{html.escape(_("I do not know, or will not say"))}</option>' + "".join(
        f'<option value="{html.escape(id)}"{" selected" if form.get("grid") == id else ""}>{html.escape(name)}</option>'
        for id, name in there.grids
    )
    as_new = (
        f"<details{' open' if form.get('new') else ''}><summary>{html.escape(_('I have no code'))}</summary>"
        f'<form {_action()}>{hidden}<input type="hidden" name="new" value="yes">'
        f"{_paragraph(_('You need not say anything of this. Nobody asks for your name.'), 'soft')}"
        f"{_group(_('Age band'), 'age_band', ages, problems)}{_group(_('Sex'), 'sex', sexes, problems)}"
        f'<label class="field" for="grid">{html.escape(_("Grid you live in"))}</label>'
        f'<select id="grid" name="grid">{grids}</select>'
        f"<button>{html.escape(_('Check in and get a code'))}</button></form></details>"
    )
    return by_code + as_new
