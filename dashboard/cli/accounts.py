"""``gridboard user``: the accounts of those who sign in."""

import argparse
from collections.abc import Callable, Mapping
from typing import Any

from dashboard import i18n
from dashboard.cli.database import Stop, opened, operator
from dashboard.cli.usage import Command
from repository.words import msg

ACTIONS = ("add", "list", "role", "password", "lock", "unlock", "sign-out", "remove")


def user(args: argparse.Namespace) -> int:
    """The accounts."""
    from repository import migrations

    if not args.login and args.action != "list":
        raise Stop(msg("Name the account: gridboard user {action} NAME."), action=args.action)
    with opened() as store:
        migrations.migrate(store)
        match args.action:
            case "list":
                _list(store)
            case "add":
                _add(store, args)
            case _:
                _change(store, args)
                print(i18n._("Done."))
    return 0


def _list(store: Any) -> None:
    from repository import accounts

    waiting = accounts.first_passwords(store, operator())
    for each in accounts.users(store, operator()):
        state = "" if each.active else i18n._("closed")
        if each.active and (until := waiting.get(each.id)) is not None:
            state = i18n._("first password until {until}", until=i18n.datetime_(until))
        print("\t".join((each.login, each.name, i18n.say(each.role.label), state)))


def _add(store: Any, args: argparse.Namespace) -> None:
    from repository import accounts

    password = None if args.no_password else accounts.new_password()
    made = accounts.add_user(store, operator(), _values(store, args), password=password)
    print(i18n._("Account {login} opened.", login=made.login))
    if password is not None:
        _tell(password)


def _change(store: Any, args: argparse.Namespace) -> None:
    """What can be done to an account that is there."""
    from repository import accounts

    user = accounts.user_named(store, operator(), args.login)
    match args.action:
        case "role":
            accounts.edit_user(store, operator(), user.id, user.revision, _values(store, args, user))
        case "lock" | "unlock":
            accounts.edit_user(store, operator(), user.id, user.revision, {"active": args.action == "unlock"})
        case "password":
            password = accounts.new_password()
            accounts.reset_password(store, operator(), user.id, password)
            _tell(password)
        case "sign-out":
            for each in accounts.sign_ins(store, operator(), user.id):
                accounts.end_sign_in(store, operator(), each.id)
        case "remove":
            accounts.remove_user(store, operator(), user.id, user.revision)


def _tell(password: str) -> None:
    from repository.accounts import FIRST_HOURS

    print(i18n._("First password, shown only here: {password}", password=password))
    print(i18n._("It holds for {hours} hours.", hours=FIRST_HOURS))


# --- what the options say of an account
def _values(store: Any, args: argparse.Namespace, user: Any = None) -> dict[str, Any]:
    """What the options say of an account; the rest as it stands."""
    from repository.organizations import company_names
    from repository.people import people_by_id

    communities = {one["code"]: one["_id"] for one in store.communities(operator())}
    if unknown := set(args.community or ()) - set(communities):
        raise Stop(msg("There is no community with the code {code}."), code=unknown.pop())
    values: dict[str, Any] = {"login": args.login} if user is None else {}
    if args.name or user is None:
        values["name"] = args.name or args.login
    if args.role or user is None:
        values["role"] = args.role or "viewer"
    if args.subject:
        values["subject"] = args.subject
    if args.community:
        values["communities"] = [communities[code] for code in args.community]
    reach = values.get("communities") or (user.communities if user else ()) or communities.values()
    within = {code: id for code, id in communities.items() if id in reach}
    if args.grid:
        values["grids"] = [_grid_called(store, code, within) for code in args.grid]
    if args.person:
        values["people"] = _called(store, args.person, within, people_by_id)
    if args.company:
        values["companies"] = _called(store, args.company, within, company_names)
    return values


def _called(store: Any, name: str, communities: Mapping[str, str], asked: Callable[..., Any]) -> list[str]:
    """The ids of this name in some communities (ids by code): somebody may stand in the registers of several, once in
    each."""
    found: list[str] = []
    for code, where in communities.items():
        ids = [id for id, known in asked(store, operator(), where).items() if known == name]
        if len(ids) > 1:
            raise Stop(
                msg("{name} stands {n} times in the register of {community}. Choose on the page Administration."),
                name=name,
                n=len(ids),
                community=code,
            )
        found += ids
    if not found:
        raise Stop(msg("{name} is not in the register."), name=name)
    return found


def _grid_called(store: Any, code: str, communities: Mapping[str, str]) -> str:
    """The id of the one grid of this code in some communities (ids by code): a code says which only within one."""
    from repository.grids import grids

    found = {
        where: grid.id
        for where, id in communities.items()
        for grid in grids(store, operator(), id)
        if grid.code == code
    }
    if not found:
        raise Stop(msg("There is no grid with the code {code}."), code=code)
    if len(found) > 1:
        raise Stop(
            msg(
                "Several communities have a grid with the code {code}: {communities}. Choose one with --community, or "
                "choose the grids on the page Administration."
            ),
            code=code,
            communities=", ".join(sorted(found)),
        )
    return next(iter(found.values()))


def _options(made: argparse.ArgumentParser) -> None:
    made.add_argument("action", choices=ACTIONS, help="what to do")
    made.add_argument("login", nargs="?", metavar="NAME", help="the sign-in name")
    made.add_argument("--name", metavar="TEXT", help="the person's name (default: the sign-in name)")
    made.add_argument(
        "--role", metavar="ROLE", help="viewer, grid_worker, facility_manager, editor, secretary or admin"
    )
    made.add_argument("--community", metavar="CODE", action="append", help="bound to this community; may be repeated")
    made.add_argument("--grid", metavar="CODE", action="append", help="bound to this grid; may be repeated")
    made.add_argument("--person", metavar="NAME", help="who this is in the people register")
    made.add_argument("--company", metavar="NAME", help="the company whose work is this account's too")
    made.add_argument("--subject", metavar="NAME", help="the name under which a single sign-on knows the person")
    made.add_argument("--no-password", action="store_true", help="add: only through a single sign-on")


USER = Command(
    "user",
    "open, change and close the accounts of those who sign in",
    """\
管理可以登录的账号。

add and password print a first password once; its owner has to change it at the first sign-in, within three days. lock
ends all sign-ins of the account; what its owner did stays on record.""",
    user,
    _options,
)
