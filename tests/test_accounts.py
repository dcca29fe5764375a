"""Who may sign in, what a password has to be, and how quickly what is taken away is gone. ASVS 5.0: 6.2, 6.3, 7.x."""

import contextlib
import functools
import statistics
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dashboard import cli
from repository import accounts, attempts, audit
from repository.access import Actor, Refused, Role
from repository.accounts import FIRST_HOURS, Expired, Terms, User, Visitor, Way, Wrong
from repository.attempts import Locked
from repository.grids import Community, Grid
from repository.organizations import add_organization
from repository.people import Person, add_person
from repository.store import (
    AUDIT,
    EVERYWHERE,
    SIGN_INS,
    Conflict,
    Duplicate,
    Invalid,
    NotFound,
    SignedOut,
    Store,
    Write,
    entry_mark,
)
from repository.words import Trouble
from tests.conftest import Clock, once

GOOD, OTHER = "violet anchor bread", "seven quiet lanterns"
TERMS = Terms()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
@once
def boss(store: Store, admin: Actor) -> User:
    """An administrator whose password is their own."""
    made = accounts.add_user(store, admin, {"login": "Boss", "name": "书记", "role": "admin"}, password=GOOD)
    return accounts.edit_user(store, admin, made.id, made.revision, {"must_change": False})


@pytest.fixture
@once
def worker(store: Store, admin: Actor, boss: User) -> User:
    """An editor beside the administrator."""
    made = accounts.add_user(store, admin, {"login": "wang", "name": "王芳", "role": "editor"}, password=GOOD)
    return accounts.edit_user(store, admin, made.id, made.revision, {"must_change": False})


@pytest.fixture
def hashed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same password against the same hash is judged once: for tests that count tries, not their cost."""
    monkeypatch.setattr(accounts, "_fits", functools.cache(accounts._fits))


def signed_in(store: Store, login: str, password: str = GOOD, **more: Any) -> tuple[str, Visitor]:
    """A token, and who it stands for."""
    token, _user = accounts.sign_in(store, login, password, terms=TERMS, **more)
    visitor = accounts.visitor(store, token, TERMS)
    assert visitor is not None
    return token, visitor


def everywhere(store: Store) -> str:
    """All that is kept, as text."""
    return "".join(repr(list(store.db[name].find())) for name in store.db.list_collection_names())


# --- passwords
@pytest.mark.parametrize(
    "password", ["", "short", "password12", "1234567890", "gridboard2026", "bossbossboss", "a" * 129]
)
def test_a_password_that_is_easily_guessed_is_refused(store: Store, admin: Actor, password: str) -> None:
    with pytest.raises(Invalid):
        accounts.add_user(store, admin, {"login": "boss", "name": "书记", "role": "admin"}, password=password)
    assert not accounts.anybody(store)


@pytest.mark.usefixtures("dear_passwords")
def test_a_password_is_kept_as_argon2id_and_stands_nowhere_else(store: Store, boss: User) -> None:
    kept = store.db[accounts.PASSWORDS].find_one({"_id": boss.id})
    assert kept is not None
    assert kept["hash"].startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    token, _visitor = signed_in(store, "boss")
    assert GOOD not in everywhere(store)
    assert token not in everywhere(store)
    assert "argon2" not in repr(list(store.db["audit"].find()))


def test_a_new_password_is_unlike_the_last_and_good_enough() -> None:
    made = {accounts.new_password() for _ in range(100)}
    assert len(made) == 100
    for one in made:
        accounts.judge_password(one, "boss")


def test_a_first_password_opens_nothing_but_the_form_for_another(store: Store, admin: Actor) -> None:
    accounts.add_user(store, admin, {"login": "boss", "name": "书记", "role": "admin"}, password=GOOD)
    token, visitor = signed_in(store, "boss")
    assert visitor.must_change
    with pytest.raises(SignedOut):
        store.insert(visitor.actor, Community(id="D", community_id="D", code="D", name="D"))

    with pytest.raises(Invalid):
        accounts.change_password(store, visitor, GOOD, GOOD)
    with pytest.raises(Wrong):
        accounts.change_password(store, visitor, "not it", OTHER)
    accounts.change_password(store, visitor, GOOD, OTHER)

    again = accounts.visitor(store, token, TERMS)
    assert again is not None
    assert not again.must_change
    with pytest.raises(Wrong):
        accounts.sign_in(store, "boss", GOOD, terms=TERMS)
    signed_in(store, "boss", OTHER)


def test_a_first_password_holds_for_three_days(store: Store, admin: Actor, clock: Clock) -> None:
    made = accounts.add_user(store, admin, {"login": "boss", "name": "书记", "role": "admin"}, password=GOOD)
    until = clock.now + timedelta(hours=FIRST_HOURS)
    assert accounts.first_passwords(store, admin) == {made.id: until}
    clock.now = until - timedelta(seconds=1)
    _, visitor = signed_in(store, "boss")
    clock.now = until
    with pytest.raises(Expired):  # also on the form that was open already
        accounts.change_password(store, visitor, GOOD, OTHER)
    for _ in range(attempts.TRIES + 1):
        with pytest.raises(Expired):
            accounts.sign_in(store, "boss", GOOD, terms=TERMS)
    with pytest.raises(Wrong):  # who does not know it learns nothing
        accounts.sign_in(store, "boss", OTHER, terms=TERMS)

    accounts.reset_password(store, admin, made.id, OTHER)
    assert accounts.first_passwords(store, admin) == {made.id: until + timedelta(hours=FIRST_HOURS)}
    _, visitor = signed_in(store, "boss", OTHER)
    accounts.change_password(store, visitor, OTHER, GOOD)
    assert accounts.first_passwords(store, admin) == {}
    clock.now += timedelta(days=1000)
    signed_in(store, "boss", GOOD)  # one's own holds for as long as one likes


def test_a_new_password_ends_the_other_sign_ins(store: Store, boss: User, admin: Actor) -> None:
    mine, visitor = signed_in(store, "boss")
    other, _ = signed_in(store, "boss")
    accounts.change_password(store, visitor, GOOD, OTHER)
    assert accounts.visitor(store, mine, TERMS) is not None
    assert accounts.visitor(store, other, TERMS) is None

    accounts.reset_password(store, admin, boss.id, GOOD)
    assert accounts.visitor(store, mine, TERMS) is None
    assert signed_in(store, "boss")[1].must_change


# --- coming in
def test_capital_letters_make_no_difference_and_names_are_one_persons(store: Store, boss: User, admin: Actor) -> None:
    assert boss.login == "boss"
    signed_in(store, " BOSS ")
    with pytest.raises(Duplicate):
        accounts.add_user(store, admin, {"login": "bOSS", "name": "x", "role": "viewer"})


@pytest.mark.parametrize("login", ["", "x", "a b", "a|b", "$ne", "<b>", "x" * 61])
def test_a_name_that_is_none_is_refused(store: Store, admin: Actor, login: str) -> None:
    with pytest.raises(Invalid):
        accounts.add_user(store, admin, {"login": login, "name": "x", "role": "viewer"})


def test_a_name_is_never_an_operator(store: Store, boss: User) -> None:
    for login in ("$ne", '{"$gt": ""}', "\x00", "boss\x00", "..", "\ud800"):
        with pytest.raises(Trouble):
            accounts.sign_in(store, login, GOOD, terms=TERMS)


def test_five_wrong_passwords_lock_the_name_for_that_address(store: Store, boss: User, clock: Clock) -> None:
    refused = []
    for _ in range(100):
        with pytest.raises(Trouble) as told:
            accounts.sign_in(store, "boss", "wrong", address="10.0.0.9", terms=TERMS)
        refused.append(type(told.value))
    assert refused == [Wrong] * 5 + [Locked] * 95
    with pytest.raises(Locked):
        accounts.sign_in(store, "boss", GOOD, address="10.0.0.9", terms=TERMS)
    signed_in(store, "boss", address="10.0.0.1")

    clock.now += timedelta(minutes=15, seconds=1)
    signed_in(store, "boss", address="10.0.0.9")


@pytest.mark.usefixtures("hashed_once")
def test_one_address_may_not_try_all_names(store: Store, boss: User) -> None:
    told = []
    for number in range(60):
        with pytest.raises(Trouble) as error:
            accounts.sign_in(store, f"name{number}", "wrong", address="10.0.0.9", terms=TERMS)
        told.append(type(error.value))
    assert told == [Wrong] * 50 + [Locked] * 10


def wrong(store: Store, login: str, address: str) -> type[Trouble]:
    """A try with a wrong password, and what came of it."""
    with pytest.raises(Trouble) as told:
        accounts.sign_in(store, login, "wrong", address=address, terms=TERMS)
    return type(told.value)


@pytest.mark.usefixtures("hashed_once")
def test_one_who_guesses_in_the_office_locks_nobody_else_out(store: Store, boss: User, worker: User) -> None:
    """Behind one address: whoever came in from there lately goes on doing so; a name that never did has to wait."""
    office = "203.0.113.5"
    signed_in(store, "boss", address=office)
    assert {wrong(store, f"guess{number}", office) for number in range(50)} == {Wrong}
    assert wrong(store, "guess", office) is Locked
    signed_in(store, "boss", address=office)
    with pytest.raises(Locked):
        signed_in(store, "wang", address=office)
    signed_in(store, "wang", address="203.0.113.6")


@pytest.mark.usefixtures("hashed_once")
def test_changing_addresses_does_not_help(store: Store, boss: User, clock: Clock) -> None:
    """One name from everywhere: twenty tries, then locks that double; but not where its owner comes in."""
    home = "2001:db8:1::5"
    signed_in(store, "boss", address=home)
    told = [wrong(store, "boss", f"198.51.100.{number}") for number in range(30)]
    assert told == [Wrong] * 20 + [Locked] * 10
    with pytest.raises(Locked):
        signed_in(store, "boss", address="198.51.100.99")
    signed_in(store, "boss", address=home)

    waits = []
    for number in range(9):
        with pytest.raises(Locked) as lock:
            accounts.sign_in(store, "boss", GOOD, address=f"192.0.2.{number}", terms=TERMS)
        waits.append(lock.value.message.params["minutes"])
        clock.now += timedelta(minutes=waits[-1], seconds=1)
        again = [wrong(store, "boss", f"192.0.2.{100 + number}.{n}") for n in range(21)]
        assert again == [Wrong] * 20 + [Locked]
    assert waits == [15, 30, 60, 120, 240, 480, 960, 1440, 1440]
    signed_in(store, "boss", address=home)  # all the while

    clock.now += timedelta(days=2, seconds=1)  # two days of rest: as at first
    assert wrong(store, "boss", "192.0.2.200") is Wrong
    signed_in(store, "boss", address="192.0.2.201")


@pytest.mark.usefixtures("hashed_once")
def test_an_ipv6_network_is_one_address(store: Store, boss: User) -> None:
    told = [wrong(store, "boss", f"2001:db8:0:7:{number:x}::1") for number in range(1, 9)]
    assert told == [Wrong] * 5 + [Locked] * 3
    assert wrong(store, "boss", "2001:db8:0:8::1") is Wrong
    assert attempts.network("::ffff:203.0.113.5") == attempts.network("203.0.113.5") == "203.0.113.5"
    assert attempts.network("fe80::1%eth0") == "fe80::/64"
    assert attempts.network("a|b") == "ab"


@pytest.mark.usefixtures("hashed_once")
def test_an_address_is_not_known_for_ever_nor_after_a_new_password(
    store: Store, boss: User, admin: Actor, clock: Clock
) -> None:
    def flooded() -> None:
        clock.now += timedelta(days=3)
        for number in range(21):
            wrong(store, "boss", f"198.51.100.{number}")

    signed_in(store, "boss", address="10.0.0.7")
    flooded()
    signed_in(store, "boss", address="10.0.0.7")
    clock.now += timedelta(days=28)
    flooded()
    with pytest.raises(Locked):
        signed_in(store, "boss", address="10.0.0.7")
    accounts.reset_password(store, admin, boss.id, OTHER)  # the way out for whoever is locked out
    _, visitor = signed_in(store, "boss", OTHER, address="10.0.0.7")
    signed_in(store, "boss", OTHER, address="10.0.0.8")
    accounts.change_password(store, visitor, OTHER, GOOD, address="10.0.0.7")
    flooded()
    signed_in(store, "boss", address="10.0.0.7")
    with pytest.raises(Locked):
        signed_in(store, "boss", address="10.0.0.8")


@pytest.mark.usefixtures("hashed_once")
def test_a_lock_tells_nothing_of_whether_there_is_such_a_name(store: Store, boss: User) -> None:
    told = {
        login: [wrong(store, login, f"198.51.100.{number}") for number in range(25)] for login in ("boss", "nobody")
    }
    assert told["boss"] == told["nobody"]


@pytest.mark.usefixtures("dear_passwords")
def test_a_hundred_tries_at_once_get_no_more_than_five(store: Store, boss: User) -> None:
    told: list[type] = []

    def attempt() -> None:
        try:
            accounts.sign_in(store, "boss", "wrong", address="10.0.0.9", terms=TERMS)
        except Trouble as trouble:
            told.append(type(trouble))

    threads = [threading.Thread(target=attempt) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told, key=str) == sorted([Wrong] * 5 + [Locked] * 15, key=str)


@pytest.mark.usefixtures("dear_passwords")
def test_an_unknown_name_takes_as_long_as_a_known_one(store: Store, boss: User) -> None:
    """By the work of this process: how long that takes depends on what else the machine does."""

    def took(login: str, number: int) -> float:
        began = time.process_time()
        with pytest.raises(Wrong):
            accounts.sign_in(store, login, "wrong", address=f"{login}{number}", terms=TERMS)
        return time.process_time() - began

    took("nobody", 0)
    pairs = [(took("boss", number), took("nobody", number)) for number in range(1, 8)]
    known, unknown = (statistics.median(side) for side in zip(*pairs, strict=True))
    assert abs(known / unknown - 1) < 0.2


def test_a_closed_account_is_told_from_nothing(store: Store, boss: User, worker: User, admin: Actor) -> None:
    accounts.edit_user(store, admin, worker.id, accounts.user_named(store, admin, "wang").revision, {"active": False})
    with pytest.raises(Wrong):
        accounts.sign_in(store, "wang", GOOD, terms=TERMS)


def test_a_single_sign_on_needs_an_account_of_that_name(store: Store, boss: User, admin: Actor) -> None:
    with pytest.raises(Refused):
        accounts.sign_in_as(store, "wang@street", Way.PROXY, terms=TERMS)
    values = {"login": "wang", "name": "王芳", "role": "viewer", "subject": "wang@street"}
    accounts.add_user(store, admin, values)
    token, _ = accounts.sign_in_as(store, "wang@street", Way.PROXY, terms=TERMS)
    visitor = accounts.visitor(store, token, TERMS)
    assert visitor is not None
    assert (visitor.actor.role, visitor.subject, visitor.must_change) == (Role.VIEWER, "wang@street", False)
    assert not accounts.followed(store, token)
    accounts.sign_in_as(store, "wang@street", Way.PROXY, again=token, terms=TERMS)
    assert accounts.followed(store, token)
    with pytest.raises(Wrong):  # an account without a password has none to guess
        accounts.sign_in(store, "wang", "", terms=TERMS)
    with pytest.raises(Refused):
        accounts.sign_in_as(store, "", Way.PROXY, terms=TERMS)


def test_a_first_password_is_nothing_to_who_comes_in_by_a_single_sign_on(
    store: Store, boss: User, admin: Actor, clock: Clock
) -> None:
    values = {"login": "wang", "name": "王芳", "role": "viewer", "subject": "wang@street"}
    made = accounts.add_user(store, admin, values, password=OTHER)
    token, _ = accounts.sign_in_as(store, "wang@street", Way.PROVIDER, terms=TERMS)

    def waits() -> bool:
        visitor = accounts.visitor(store, token, TERMS)
        assert visitor is not None
        return visitor.must_change

    assert not waits()
    accounts.edit_user(store, admin, made.id, accounts.user_named(store, admin, "wang").revision, {"role": "editor"})
    assert not waits(), "the account was changed, and is carried into what is open"
    assert signed_in(store, "wang", OTHER)[1].must_change
    clock.now += timedelta(hours=FIRST_HOURS)
    again, _ = accounts.sign_in_as(store, "wang@street", Way.PROVIDER, terms=TERMS)
    assert accounts.visitor(store, again, TERMS) is not None


def test_whom_a_single_sign_on_knows_by_another_name_is_out_at_once(store: Store, boss: User, admin: Actor) -> None:
    values = {"login": "wang", "name": "王芳", "role": "admin", "subject": "wang@stret"}
    made = accounts.add_user(store, admin, values, password=GOOD)
    token, _ = accounts.sign_in_as(store, "wang@stret", Way.PROVIDER, terms=TERMS)
    own, _ = signed_in(store, "wang")
    now = accounts.user_named(store, admin, "wang")
    accounts.edit_user(store, admin, made.id, now.revision, {"subject": "wang@street"})
    assert accounts.visitor(store, token, TERMS) is None
    assert accounts.visitor(store, own, TERMS) is not None, "whoever knows the password is the same person"


@pytest.mark.parametrize("typed", ["josé", "JOSE\u0301 ", "jose\u0301"])
def test_a_sign_in_name_is_the_same_however_it_is_typed(store: Store, boss: User, admin: Actor, typed: str) -> None:
    accounts.add_user(store, admin, {"login": "José", "name": "José", "role": "viewer"}, password=GOOD)
    assert signed_in(store, typed)[1].login == "jos\u00e9"
    assert accounts.user_named(store, admin, typed).login == "jos\u00e9"


def test_a_new_first_password_unlocks_the_desk_it_was_forgotten_at(store: Store, boss: User, admin: Actor) -> None:
    for _ in range(6):
        wrong(store, "boss", "10.0.0.7")
    accounts.reset_password(store, admin, boss.id, OTHER)
    signed_in(store, "boss", OTHER, address="10.0.0.7")


def test_an_address_that_is_locked_leaves_nothing_behind_and_no_name_is_kept(
    store: Store, boss: User, clock: Clock, hashed_once: None
) -> None:
    for number in range(attempts.TRIES_OF_AN_ADDRESS):
        assert wrong(store, f"my password {number}", "203.0.113.1") is Wrong
    tries = store.db[attempts.ATTEMPTS]
    before = tries.count_documents({})
    for number in range(100):
        assert wrong(store, f"other {number}", "203.0.113.1") is Locked
    assert tries.count_documents({}) == before
    assert "my password" not in everywhere(store)
    clock.now += attempts.LOCKED_LONGEST + 2 * attempts.LOCKED
    signed_in(store, "boss")
    assert tries.count_documents({}) >= before, "nobody's way in waits for it"
    accounts.clear_away(store)
    assert tries.count_documents({}) == 3, "the administrator's name, address, and that they go together"


def test_without_a_primary_who_is_in_stays_in(
    store: Store, boss: User, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, _ = signed_in(store, "boss")
    clock.now += timedelta(minutes=2)
    monkeypatch.setattr(Store, "led", lambda _self: False)
    assert accounts.visitor(store, token, TERMS) is not None
    assert store.db[SIGN_INS].count_documents({"seen_at": clock.now}) == 0, "nothing was asked of a primary"
    monkeypatch.undo()
    assert accounts.visitor(store, token, TERMS) is not None
    assert store.db[SIGN_INS].count_documents({"seen_at": clock.now}) == 1


def test_a_page_that_looks_by_itself_keeps_only_a_viewer_in(
    store: Store, admin: Actor, boss: User, clock: Clock
) -> None:
    """A wall goes on; a desk that somebody left is signed out all the same."""
    accounts.add_user(store, admin, {"login": "wall", "name": "大屏", "role": "viewer"}, password=GOOD)
    tokens = {login: signed_in(store, login)[0] for login in ("boss", "wall")}
    for _minutes in range(0, int(TERMS.idle.total_seconds() // 60) + 4, 2):
        clock.now += timedelta(minutes=2)
        found = {login: accounts.visitor(store, token, TERMS, by_itself=True) for login, token in tokens.items()}
    assert (found["boss"], found["wall"] is not None) == (None, True)


def test_signing_out_is_on_record_however_it_is_done(store: Store, boss: User, admin: Actor) -> None:
    token, _ = signed_in(store, "boss")
    accounts.sign_out(store, token, TERMS)
    accounts.sign_out(store, token, TERMS)
    assert accounts.visitor(store, token, TERMS) is None
    assert store.db["audit"].count_documents({"operation": "sign_out", "record_id": boss.id}) == 1
    made = accounts.add_user(store, admin, {"login": "new", "name": "新", "role": "viewer"}, password=OTHER)
    token, _ = signed_in(store, "new", OTHER)
    accounts.sign_out(store, token, TERMS)
    assert store.db["audit"].count_documents({"operation": "sign_out", "record_id": made.id}) == 1


# --- how long it holds
def test_a_sign_in_that_is_not_used_ends(store: Store, boss: User, clock: Clock) -> None:
    token, _ = signed_in(store, "boss")
    for _ in range(5):
        clock.now += timedelta(minutes=29)
        assert accounts.visitor(store, token, TERMS) is not None
    clock.now += timedelta(minutes=30)
    assert accounts.visitor(store, token, TERMS) is None


def test_a_sign_in_ends_after_eight_hours_whatever_is_done(store: Store, boss: User, clock: Clock) -> None:
    token, visitor = signed_in(store, "boss")
    for _ in range(24):
        assert accounts.visitor(store, token, TERMS) is not None
        clock.now += timedelta(minutes=20)
    assert accounts.visitor(store, token, TERMS) is None
    with pytest.raises(SignedOut):
        store.insert(visitor.actor, Community(id="D", community_id="D", code="D", name="D"))


@pytest.mark.parametrize("after", [timedelta(0), timedelta(hours=1), timedelta(hours=9), timedelta(days=6)])
def test_who_signs_in_again_gets_another_token_and_the_one_before_never_lives_again(
    store: Store, boss: User, clock: Clock, after: timedelta
) -> None:
    """While it holds, after it was not used, after its longest time: ASVS 7.2.4, 7.3.2."""
    before, visitor = signed_in(store, "boss")
    clock.now += after
    token, _ = signed_in(store, "boss", again=before)
    assert token != before
    assert accounts.visitor(store, before, TERMS) is None
    with pytest.raises(SignedOut):
        store.insert(visitor.actor, Community(id="D", community_id="D", code="D", name="D"))
    kept = store.db[SIGN_INS].find_one({"_id": accounts._fingerprint(token)})
    assert kept is not None
    assert kept["ends_at"] == clock.now + TERMS.longest, "its own time, not the rest of the one before"


def test_an_open_page_learns_that_its_reader_and_nobody_else_has_signed_in_again(
    store: Store, boss: User, worker: User, clock: Clock
) -> None:
    before, _ = signed_in(store, "boss")
    clock.now += timedelta(hours=1)
    for token in (before, "", "x", "a" * 500):
        assert not accounts.followed(store, token)
    signed_in(store, "wang", again=before)
    assert not accounts.followed(store, before), "somebody else"
    signed_in(store, "boss")
    assert not accounts.followed(store, before), "in another browser"
    signed_in(store, "boss", again=before)
    assert accounts.followed(store, before)

    out, _ = signed_in(store, "boss")
    accounts.sign_out(store, out, TERMS)
    signed_in(store, "boss", again=out)
    assert not accounts.followed(store, out), "who signed out has left"


@pytest.mark.parametrize("token", ["", "x", "a" * 500, "\ud800", "$ne", "../..", "\x00"])
def test_a_made_up_token_is_nobodys(store: Store, boss: User, token: str) -> None:
    assert accounts.visitor(store, token, TERMS) is None


def test_what_the_database_holds_of_a_token_is_no_token(store: Store, boss: User) -> None:
    signed_in(store, "boss")
    kept = store.db[SIGN_INS].find_one({})
    assert kept is not None
    assert accounts.visitor(store, kept["_id"], TERMS) is None


# --- taking away
def test_a_demotion_holds_at_the_next_action(store: Store, worker: User, admin: Actor) -> None:
    token, visitor = signed_in(store, "wang")
    store.insert(admin, Community(id="D", community_id="D", code="D", name="D"))
    add_person(store, visitor.actor, "D", {"name": "甲"})

    now = accounts.user_named(store, admin, "wang")
    accounts.edit_user(store, admin, now.id, now.revision, {"role": "viewer"})

    with pytest.raises(Refused):  # with the rights that were read before
        add_person(store, visitor.actor, "D", {"name": "乙"})
    after = accounts.visitor(store, token, TERMS)
    assert after is not None
    assert after.actor.role is Role.VIEWER
    with pytest.raises(Refused):
        add_person(store, after.actor, "D", {"name": "乙"})
    assert store.count(admin, Person, "D") == 1


@pytest.mark.parametrize("taken", ["signed out", "account closed", "account removed", "password reset"])
def test_a_revoked_sign_in_does_nothing_more(store: Store, worker: User, admin: Actor, taken: str) -> None:
    token, visitor = signed_in(store, "wang")
    store.insert(admin, Community(id="D", community_id="D", code="D", name="D"))
    add_person(store, visitor.actor, "D", {"name": "甲"})  # from here on the store knows the sign-in
    now = accounts.user_named(store, admin, "wang")
    if taken == "signed out":
        accounts.end_sign_in(store, admin, visitor.actor.sign_in)
    elif taken == "account closed":
        accounts.edit_user(store, admin, now.id, now.revision, {"active": False})
    elif taken == "account removed":
        accounts.remove_user(store, admin, now.id, now.revision)
    else:
        accounts.reset_password(store, admin, now.id, OTHER)

    assert accounts.visitor(store, token, TERMS) is None
    with pytest.raises(SignedOut):
        add_person(store, visitor.actor, "D", {"name": "乙"})


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Actor]:
    """Who began a write by asking what stands."""
    real, found = Store._standing, []

    def ask(self: Store, actor: Actor, session: Any) -> Any:
        found.append(actor)
        return real(self, actor, session)

    monkeypatch.setattr(Store, "_standing", ask)
    return found


def test_who_goes_on_writing_is_looked_up_again_only_after_something_has_changed(
    store: Store, worker: User, admin: Actor, asked: list[Actor], clock: Clock
) -> None:
    store.insert(admin, Community(id="D", community_id="D", code="D", name="D"))
    audit.seal(store)
    _, visitor = signed_in(store, "wang")

    def looks() -> int:
        """How often three writes ask."""
        asked.clear()
        for _ in range(3):
            add_person(store, visitor.actor, "D", {"name": "甲"})
        assert set(asked) <= {visitor.actor}
        return len(asked)

    assert looks() == 1
    assert looks() == 0
    signed_in(store, "boss")
    assert looks() == 1
    assert audit.seal(store, now=datetime.now(UTC) + audit.REST)
    assert looks() == 1
    newest = audit.seals(store, admin)[0]
    written = store.db[AUDIT].find({"operation": "create", "actor_id": worker.id}).sort("_id", -1).limit(3)
    assert {each["_id"][:8] for each in written} == {entry_mark(newest.mark)}
    clock.now += TERMS.idle
    with pytest.raises(SignedOut):
        looks()


def test_an_error_tells_nothing_to_who_has_just_been_signed_out(store: Store, worker: User, admin: Actor) -> None:
    """What the store knows of a sign-in is asked again before the reason of a refusal is told."""
    store.insert(admin, Community(id="D", community_id="D", code="D", name="D"))
    made = store.insert(admin, Grid(id="g", community_id="D", code="g", name="g"))
    later = store.update(admin, Grid, "D", "g", made.revision, {"name": "h"})
    tries: dict[type[Exception], Callable[[Actor], object]] = {
        Conflict: lambda actor: store.update(actor, Grid, "D", "g", made.revision, {"name": "i"}),
        NotFound: lambda actor: store.update(actor, Grid, "D", "h", made.revision, {"name": "i"}),
        Duplicate: lambda actor: store.insert(actor, Grid(id="j", community_id="D", code="g", name="j")),
    }
    _, visitor = signed_in(store, "wang")
    add_person(store, visitor.actor, "D", {"name": "甲"})
    for trouble, act in tries.items():
        with pytest.raises(trouble):
            act(visitor.actor)
    assert store._stood(visitor.actor)

    accounts.end_sign_in(store, admin, visitor.actor.sign_in)
    for act in tries.values():
        with pytest.raises(SignedOut):
            act(visitor.actor)
    with pytest.raises(SignedOut):  # even where nothing would be written
        store.update(visitor.actor, Grid, "D", "g", later.revision, {"name": "h"})


def test_a_sign_in_elsewhere_does_not_stop_a_write_that_is_under_way(store: Store, worker: User, admin: Actor) -> None:
    store.insert(admin, Community(id="D", community_id="D", code="D", name="D"))
    _, visitor = signed_in(store, "wang")
    add_person(store, visitor.actor, "D", {"name": "甲"})
    runs = []

    def work(write: Write) -> None:
        runs.append(write.insert(Person(community_id="D", name="乙")))
        signed_in(store, "boss")  # after this one has begun, before it ends

    store.write(visitor.actor, work)
    assert len(runs) == 1
    assert store.count(admin, Person, "D") == 2


def test_a_reach_that_is_cut_holds_at_the_next_action(store: Store, worker: User, admin: Actor) -> None:
    for code in "DE":
        store.insert(admin, Community(id=code, community_id=code, code=code, name=code))
    token, _ = signed_in(store, "wang")
    now = accounts.user_named(store, admin, "wang")
    accounts.edit_user(store, admin, now.id, now.revision, {"communities": ["E"]})
    visitor = accounts.visitor(store, token, TERMS)
    assert visitor is not None
    assert [one["_id"] for one in store.communities(visitor.actor)] == ["E"]
    with pytest.raises(Refused):
        add_person(store, visitor.actor, "D", {"name": "乙"})


def test_nobody_is_given_a_sign_in_with_rights_that_were_just_taken_away(
    store: Store, worker: User, admin: Actor
) -> None:
    """A demotion and a sign-in at the same moment, fifty times: afterwards the sign-in never has the old rights."""
    for number in range(50):
        role = "viewer" if number % 2 else "editor"
        now = accounts.user_named(store, admin, "wang")
        gate = threading.Barrier(2)
        tokens: list[str] = []

        def enter(gate: threading.Barrier = gate, tokens: list[str] = tokens, now: User = now) -> None:
            gate.wait()
            with contextlib.suppress(Wrong):
                tokens.append(accounts._open(store, now, Way.PASSWORD, "", "", "", TERMS))

        thread = threading.Thread(target=enter)
        thread.start()
        gate.wait()
        accounts.edit_user(store, admin, now.id, now.revision, {"role": role})
        thread.join()
        roles = {each["role"] for each in store.db[SIGN_INS].find({"user_id": now.id})}
        assert roles <= {role}


@pytest.mark.parametrize("new", ["changed", "given"])
def test_a_sign_in_with_the_old_password_does_not_outlive_the_new_one(
    store: Store, boss: User, worker: User, admin: Actor, monkeypatch: pytest.MonkeyPatch, new: str
) -> None:
    """The old one was judged before the change and opens after it."""
    _, visitor = signed_in(store, "wang")
    if new == "given":  # twice, so that the second leaves "has to be changed" as it is
        accounts.reset_password(store, admin, worker.id, GOOD)
    judge = accounts._check

    def slow(*args: Any) -> datetime:
        since = judge(*args)
        monkeypatch.setattr(accounts, "_check", judge)
        if new == "given":
            accounts.reset_password(store, admin, worker.id, OTHER)
        else:
            accounts.change_password(store, visitor, GOOD, OTHER)
        return since

    monkeypatch.setattr(accounts, "_check", slow)
    with pytest.raises(Wrong):
        accounts.sign_in(store, "wang", GOOD, terms=TERMS)
    held = {each["_id"] for each in store.db[SIGN_INS].find({"user_id": worker.id})}
    assert held == (set() if new == "given" else {visitor.actor.sign_in})
    signed_in(store, "wang", OTHER)


def test_a_first_password_that_is_given_is_not_replaced_by_who_knew_the_old_one(
    store: Store, worker: User, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An administrator gives a new password while a thief is changing the old one."""
    _, thief = signed_in(store, "wang")
    judge = accounts._check

    def slow(*args: Any) -> datetime:
        since = judge(*args)
        accounts.reset_password(store, admin, worker.id, OTHER)
        return since

    monkeypatch.setattr(accounts, "_check", slow)
    with pytest.raises((Conflict, SignedOut)):
        accounts.change_password(store, thief, GOOD, "three green umbrellas")
    monkeypatch.setattr(accounts, "_check", judge)
    assert signed_in(store, "wang", OTHER)[1].must_change

    _, ended = signed_in(store, "wang", OTHER)
    accounts.end_sign_in(store, admin, ended.actor.sign_in)
    with pytest.raises(SignedOut):
        accounts.change_password(store, ended, OTHER, "three green umbrellas")


def test_the_last_administrator_stays_even_when_two_go_at_once(store: Store, boss: User, admin: Actor) -> None:
    """C2, write skew: each sees the other still there. Twenty times, one of them is refused."""
    made = accounts.add_user(store, admin, {"login": "second", "name": "副", "role": "admin", "subject": "second"})
    ids = (boss.id, made.id)
    for _ in range(20):
        gate, refused = threading.Barrier(2), []

        def resign(id: str, gate: threading.Barrier = gate, refused: list[bool] = refused) -> None:
            user = store.get(admin, User, EVERYWHERE, id)
            gate.wait()
            try:
                accounts.edit_user(store, admin, id, user.revision, {"role": "viewer"})
            except Invalid:
                refused.append(True)

        threads = [threading.Thread(target=resign, args=(id,)) for id in ids]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert refused == [True]
        for id in ids:
            user = store.get(admin, User, EVERYWHERE, id)
            if user.role is not Role.ADMIN:
                accounts.edit_user(store, admin, id, user.revision, {"role": "admin"})


@pytest.mark.parametrize("changes", [{"role": "viewer"}, {"active": False}, {"communities": ["D"]}, {"grids": ["g1"]}])
def test_somebody_who_manages_accounts_is_always_left(
    store: Store, boss: User, admin: Actor, changes: dict[str, Any]
) -> None:
    others: dict[str, dict[str, Any]] = {
        "of a grid": {"login": "n1", "grids": ["g1"], "subject": "s1"},
        "without a way in": {"login": "n2"},
        "closed": {"login": "n3", "active": False, "subject": "s3"},
    }
    for name, more in others.items():  # none of them is one
        accounts.add_user(store, admin, {"name": name, "role": "admin", **more})
    with pytest.raises(Invalid):
        accounts.edit_user(store, admin, boss.id, boss.revision, changes)
    with pytest.raises(Invalid):
        accounts.remove_user(store, admin, boss.id, boss.revision)
    with pytest.raises(Conflict):
        accounts.edit_user(store, admin, boss.id, boss.revision + 1, {"name": "x"})


# --- one's own
def test_everybody_sees_and_ends_their_own_sign_ins_and_no_others(store: Store, boss: User, worker: User) -> None:
    _, mine = signed_in(store, "wang", address="10.0.0.7", agent="Firefox")
    _, theirs = signed_in(store, "boss")
    (seen,) = accounts.sign_ins(store, mine.actor)
    assert (seen.id, seen.address, seen.agent, seen.open) == (mine.actor.sign_in, "10.0.0.7", "Firefox", True)
    with pytest.raises(Refused):
        accounts.sign_ins(store, mine.actor, boss.id)
    with pytest.raises(Refused):
        accounts.end_sign_in(store, mine.actor, theirs.actor.sign_in)
    accounts.end_sign_in(store, mine.actor, mine.actor.sign_in)
    with pytest.raises((SignedOut, NotFound)):
        accounts.end_sign_in(store, mine.actor, mine.actor.sign_in)


# --- the first account
def test_the_first_account_is_opened_once_by_whoever_was_given_the_code(store: Store, clock: Clock) -> None:
    old = accounts.setup_code(store)
    code = accounts.setup_code(store)
    for wrong in (old, "", "x"):
        with pytest.raises(Refused):
            accounts.set_up(store, wrong, "boss", "书记", GOOD)
    with pytest.raises(Invalid):
        accounts.set_up(store, code, "boss", "书记", "short")
    user = accounts.set_up(store, code, "Boss", "书记", GOOD)
    assert (user.login, user.role, user.must_change) == ("boss", Role.ADMIN, False)
    with pytest.raises(Refused):
        accounts.set_up(store, code, "second", "x", OTHER)
    assert not accounts.setup_open(store, accounts.setup_code(store))


def test_a_set_up_code_lives_a_day(store: Store, clock: Clock) -> None:
    code = accounts.setup_code(store)
    clock.now += timedelta(hours=24)
    assert not accounts.setup_open(store, code)


def test_the_trail_tells_of_sign_ins_and_changes_of_rights(store: Store, worker: User, admin: Actor) -> None:
    _, visitor = signed_in(store, "wang", address="10.0.0.7")
    now = accounts.user_named(store, admin, "wang")
    accounts.edit_user(store, admin, now.id, now.revision, {"role": "viewer"})
    entries = list(store.db["audit"].find({"record_id": worker.id}).sort([("at", 1), ("_id", 1)]))
    told = [(each["operation"], each["actor_name"]) for each in entries]
    assert told == [("create", "测试员"), ("update", "测试员"), ("sign_in", "王芳"), ("update", "测试员")]
    assert (entries[-1]["before"]["role"], entries[-1]["after"]["role"]) == ("editor", "viewer")
    assert entries[2]["after"] == {"way": "password", "address": "10.0.0.7"}


def test_who_comes_in_by_a_single_sign_on_alone_is_left_too(store: Store, boss: User, admin: Actor) -> None:
    values = {"login": "other", "name": "x", "role": "admin", "subject": "other@street"}
    other = accounts.add_user(store, admin, values)
    changed = accounts.edit_user(store, admin, boss.id, boss.revision, {"role": "viewer"})
    with pytest.raises(Invalid):
        accounts.edit_user(store, admin, other.id, other.revision, {"subject": None})
    accounts.edit_user(store, admin, changed.id, changed.revision, {"role": "admin"})
    accounts.edit_user(store, admin, other.id, other.revision, {"subject": None})


def test_accounts_are_put_right_where_nobody_manages_them_yet(store: Store, admin: Actor) -> None:
    """From the command line, before there is an administrator: nothing is taken away that was there."""
    made = accounts.add_user(store, admin, {"login": "wang", "name": "王", "role": "grid_worker"}, password=GOOD)
    accounts.edit_user(store, admin, made.id, made.revision, {"name": "王芳"})


@pytest.mark.parametrize(
    "bound", [{"communities": frozenset({"D"})}, {"grids": frozenset({"g2"})}], ids=["to a community", "to grids"]
)
def test_somebody_bound_manages_no_accounts(store: Store, boss: User, bound: dict[str, Any]) -> None:
    bound = Actor("b", "b", Role.ADMIN, **bound)  # type: ignore[assignment]
    calls: tuple[Callable[[], Any], ...] = (
        lambda: accounts.users(store, bound),
        lambda: accounts.add_user(store, bound, {"login": "me", "name": "me", "role": "admin"}),
        lambda: accounts.edit_user(store, bound, boss.id, boss.revision, {"name": "x"}),
        lambda: accounts.edit_user(store, bound, boss.id, boss.revision, {"grids": [], "communities": []}),
        lambda: accounts.remove_user(store, bound, boss.id, boss.revision),
        lambda: accounts.reset_password(store, bound, boss.id, OTHER),
        lambda: accounts.user_named(store, bound, "boss"),
        lambda: accounts.sign_ins(store, bound, boss.id),
    )
    for call in calls:
        with pytest.raises(Refused):
            call()


# --- how far an account reaches
@pytest.fixture
def two_communities(store: Store, admin: Actor) -> None:
    """A and B, each with a grid 1; B with a grid 2 as well."""
    for community, codes in (("A", ["1"]), ("B", ["1", "2"])):
        store.insert(admin, Community(id=community, community_id=community, code=community, name=community))
        for code in codes:
            id = f"{community}{code}"
            store.insert(admin, Grid(id=id, community_id=community, code=code, name=id))


@pytest.mark.usefixtures("two_communities")
def test_an_account_is_bound_to_no_grid_outside_its_communities(store: Store, admin: Actor) -> None:
    who = {"login": "li", "name": "李", "role": "grid_worker", "communities": ["A"]}
    with pytest.raises(Invalid) as refused:
        accounts.add_user(store, admin, {**who, "grids": ["A1", "B1"]})
    assert "B1" in str(refused.value.problems["grids"])
    assert "A1" not in str(refused.value.problems["grids"])
    assert not accounts.anybody(store)

    li = accounts.add_user(store, admin, {**who, "grids": ["A1"]})
    for wrong in ({"grids": ["B2"]}, {"communities": ["B"]}):
        with pytest.raises(Invalid) as refused:
            accounts.edit_user(store, admin, li.id, li.revision, wrong)
        assert set(refused.value.problems) == {"grids"}
    moved = accounts.edit_user(store, admin, li.id, li.revision, {"communities": ["B"], "grids": ["B1", "gone"]})
    free = accounts.edit_user(store, admin, li.id, moved.revision, {"communities": [], "grids": ["A1", "B1"]})
    assert free.grids == ("A1", "B1")

    store.db["users"].update_one({"_id": li.id}, {"$set": {"communities": ["A"]}})  # from before this was asked
    assert not accounts.edit_user(store, admin, li.id, free.revision, {"active": False}).active, "can still be closed"


@pytest.mark.usefixtures("two_communities")
def test_an_account_says_who_it_is_and_a_sign_in_follows(
    store: Store, admin: Actor, worker: User, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    people = {where: add_person(store, admin, where, {"name": "王芳"}).id for where in "AB"}
    firm = add_organization(store, admin, "A", {"name": "和顺物业"}).id
    token, before = signed_in(store, "wang")
    assert (before.actor.people, before.actor.companies) == ((), ())
    monkeypatch.setattr(cli.database, "open_store", lambda _settings: store)
    monkeypatch.setattr(store, "close", lambda: None)
    monkeypatch.setenv("LC_ALL", "en_GB.UTF-8")
    assert cli.main(["user", "role", "wang", "--person", "王芳", "--company", "和顺物业"]) == 0
    now = accounts.visitor(store, token, TERMS)
    assert now is not None
    assert (set(now.actor.people), now.actor.companies) == (set(people.values()), (firm,))
    assert now.actor.eyes == before.actor.eyes, "it opens nothing"

    user = accounts.user_named(store, admin, "wang")
    with pytest.raises(Invalid) as refused:
        accounts.edit_user(store, admin, user.id, user.revision, {"communities": ["B"]})
    assert set(refused.value.problems) == {"people", "companies"}
    capsys.readouterr()
    assert cli.main(["user", "role", "wang", "--person", "没有人"]) == 1
    assert "not in the register" in capsys.readouterr().err
    add_person(store, admin, "B", {"name": "王芳"})
    assert cli.main(["user", "role", "wang", "--person", "王芳"]) == 1
    assert "2 times in the register of B" in capsys.readouterr().err
    store.db[SIGN_INS].update_many({}, {"$unset": {"people": "", "companies": ""}})  # of an older version
    old = accounts.visitor(store, token, TERMS)
    assert old is not None
    assert old.actor.people == ()


@pytest.mark.usefixtures("two_communities")
def test_a_grids_code_names_it_only_within_a_community(
    store: Store, admin: Actor, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli.database, "open_store", lambda _settings: store)
    monkeypatch.setattr(store, "close", lambda: None)
    monkeypatch.setenv("LC_ALL", "en_GB.UTF-8")

    def grids_of(login: str) -> tuple[str, ...]:
        return accounts.user_named(store, admin, login).grids

    assert cli.main(["user", "add", "wang", "--no-password", "--community", "A", "--grid", "1"]) == 0
    assert grids_of("wang") == ("A1",)
    assert cli.main(["user", "role", "wang", "--grid", "1", "--role", "grid_worker"]) == 0, "within what it reaches"
    assert grids_of("wang") == ("A1",)
    assert cli.main(["user", "add", "zhao", "--no-password", "--grid", "2"]) == 0
    assert grids_of("zhao") == ("B2",)
    capsys.readouterr()
    assert cli.main(["user", "add", "li", "--no-password", "--grid", "1"]) == 1
    assert "A, B" in capsys.readouterr().err
    assert cli.main(["user", "add", "li", "--no-password", "--community", "A", "--grid", "2"]) == 1
    assert "no grid with the code 2" in capsys.readouterr().err
