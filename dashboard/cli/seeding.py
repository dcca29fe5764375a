"""``gridboard seed``: demonstration and benchmark data, and which database may have it."""

import argparse
from datetime import date
from typing import Any

from dashboard import i18n
from dashboard.cli.database import Stop, opened
from dashboard.cli.usage import Command
from repository.words import msg


def never_used(store: Any) -> bool:
    """Has nobody ever written a record here? The audit trail keeps an entry of each write, also of what was deleted."""
    return all(store.db[name].find_one({}, {"_id": 1}) is None for name in ("audit", "communities"))


def is_demonstration(store: Any) -> bool:
    """Is there at least one community, and is each marked as demonstration data?"""
    communities = store.db["communities"]
    return communities.find_one({"demonstration": True}) is not None and not communities.find_one(
        {"demonstration": {"$ne": True}}
    )


def load_demo(store: Any, as_of: date | None = None) -> None:
    """The D community demonstration, into a database that holds nothing."""
    from seed import demo

    demo.load(store, as_of)


def load_demo_aloud(store: Any, as_of: date | None = None) -> None:
    """The same, told to whoever waits."""
    print(i18n._("Loading the demonstration of D community …"), flush=True)
    load_demo(store, as_of)


def seed(args: argparse.Namespace) -> int:
    """Demonstration or benchmark data."""
    if bool(args.demo) == bool(args.work_orders):
        raise Stop(msg("Say what to write: --demo, or --work-orders N."))
    from repository import migrations

    with opened() as store:
        migrations.migrate(store)
        if args.demo:
            load_demo_aloud(store, args.as_of)
            return 0
        from seed import bulk

        done = bulk.load(
            store,
            work_orders=args.work_orders,
            communities=args.communities,
            attendances=args.attendances,
            rounds=args.rounds,
            requests=args.requests,
            seed=args.seed,
            as_of=args.as_of,
        )
    print(
        i18n._(
            "{documents} documents of {communities} communities written in {seconds} s.",
            documents=i18n.number(done.documents),
            communities=i18n.number(done.communities),
            seconds=i18n.number(done.seconds),
        )
    )
    return 0


def _options(made: argparse.ArgumentParser) -> None:
    made.add_argument("--demo", action="store_true", help="the D community demonstration, into an empty database")
    made.add_argument(
        "--as-of", type=_day, metavar="DATE", help="the day the demonstration's history ends (YYYY-MM-DD)"
    )
    made.add_argument("--work-orders", type=_count, metavar="N", help="benchmark data: how many work orders")
    made.add_argument(
        "--communities", type=_count, metavar="K", default=1, help="… spread over K communities (default 1)"
    )
    made.add_argument(
        "--attendances", type=_count, metavar="M", default=0, help="… with M attendances as well (default none)"
    )
    made.add_argument(
        "--rounds", type=_count, metavar="R", default=0, help="… with R inspections and entries (default none)"
    )
    made.add_argument(
        "--requests",
        type=_count,
        metavar="Q",
        default=0,
        help="… with Q requests, and patrols, sign-ups, meetings, staff and projects to them (default none)",
    )
    made.add_argument("--seed", type=int, metavar="S", default=1, help="… the random numbers' seed (default 1)")


def _count(text: str) -> int:
    number = text.replace(",", "").replace("_", "")
    if not number.isdecimal() or int(number) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1, not {text!r}")
    return int(number)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"a day like 2026-04-02, not {text!r}") from None


SEED = Command(
    "seed",
    "fill a database with demonstration or benchmark data",
    """\
写入演示数据或性能测试数据。

Benchmark data (--work-orders) goes only into an empty database, which is then marked as being for benchmarks.""",
    seed,
    _options,
)
