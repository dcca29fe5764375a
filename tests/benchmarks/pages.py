"""The data time of every page at 1,000,000 work orders and attendances, in 100 communities and in one, against 10,000.

Each page is run as a reader would open it when no answer can be given again, as when the minute ends; and, as it opens,
once more after a repair was logged, when only what rests on repairs is asked anew. What it then asks of the database is
noted in ``dashboard.data`` and asked again, round after round, page by page, set by set. Drawing is left out here;
``reruns`` measures the whole.
"""

import os
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from dashboard.navigation import PageRow
from repository import maintenance
from repository.maintenance.behind import Behind
from repository.store import Store
from tests.benchmarks.sets import SETS, community, loaded
from tests.benchmarks.stand import ACTOR, ROUNDS, Report, Stand, median, ms, ping, say, seconds

AFTER_A_REPAIR = "after a logged repair"
PINGS, FLOOR = 20, 0.010
LISTS = 0.050
GROWTH = 1.3
LIST_QUESTIONS = (
    "find",
    "register",
    "list",
    "orders",
    "work_list",
    "history",
    "batches",
    "audit",
    "calendar",
    "timetable",
    "upcoming",
    "work_behind",
    "entry_list",
    "hazards_over",
    "names",
)
"""Endings of the names of questions whose answer is a list of records and not figures."""

VIEWS: dict[str, dict[str, str]] = {
    "as it opens": {},
    "all time": {"period": "ever"},
    "one grid, a year": {"period": "year", "grid": "{community}-3"},
    "one category": {"period": "year", "category": "fitness"},
}
PARTS: dict[str, dict[str, dict[str, str]]] = {
    "grids": {part: {"part": part} for part in ("posts", "patrols", "workload", "handling")},
    "facilities": {
        part: {"part": part}
        for part in ("inspections", "preventive", "hazards", "entrances", "replacement", "companies")
    },
    "maintenance": {"analysis": {"part": "analysis"}, "analysis, a year": {"part": "analysis", "period": "year"}}
    | {f"behind {figure}": {"of": figure} for figure in Behind},
    "activities": {part: {"part": part} for part in ("residents", "calendar")},
    "organizations": {part: {"part": part} for part in ("matching", "projects", "register")},
    "requests": {"themes": {"part": "themes"}},
    "staff": {part: {"part": part} for part in ("training", "succession", "assessment", "files")},
    "data": {part: {"part": part} for part in ("batches", "export", "erase")},
    "admin": {part: {"part": part} for part in ("trail", "seals", "backups")},
}
"""Page -> its further views."""


def _views(row: PageRow) -> Iterator[tuple[str, dict[str, str]]]:
    for view, query in VIEWS.items():
        if view == "as it opens" or (row.periods and ("category" not in query or "category" in row.choices)):
            yield view, query
    yield from PARTS.get(row.key, {}).items()


def run(stand: Stand, report: Report) -> None:
    """Figures in 20 pings or 10 ms and no more than 1.3 times as at 10,000, unless they take no more than two pings
    longer; lists and drill-downs in 50 ms. The same after a repair was logged."""
    report.title("pages: seconds in the database and in reading its answers, of one opening with nothing kept")
    stores = {name: loaded(stand, report, name) for name in SETS}
    found, pings = _measure(stores)
    bound = max(PINGS * pings, FLOOR)
    report.line("one database ping", ms(pings), f"so figures <= {ms(bound)}")
    for page, view in dict.fromkeys((page, view) for page, view, _ in found):
        small = found[page, view, "small"]
        for name in ("city", "town"):
            large = found[page, view, name]
            figures, lists, again = (median(values) for values in zip(*large, strict=True))
            growth = median([a / b for (a, *_), (b, *_) in zip(large, small, strict=True)])
            longer = median([a - b for (a, *_), (b, *_) in zip(large, small, strict=True)])
            grows = growth > GROWTH and longer > 2 * pings
            opening = view in ("as it opens", AFTER_A_REPAIR)
            most = bound if opening else LISTS
            report.line(
                f"{page}, {view}, {name}",
                f"{ms(figures)} + lists {ms(lists)}, x {growth:.2f}; again {ms(again)}",
                f"<= {ms(most)} + {ms(LISTS)}" + (f", x {GROWTH}" if opening else ""),
                figures <= most and lists <= LISTS and not (grows and opening),
            )


Figures = dict[tuple[str, str, str], list[tuple[float, float, float]]]


def _measure(stores: dict[str, Store]) -> tuple[Figures, float]:
    import streamlit as st
    from streamlit.testing.v1 import AppTest

    from dashboard import data
    from dashboard.navigation import PAGES

    os.environ |= {"GRIDBOARD_ROLE": "admin", "GRIDBOARD_SIGN_IN": "none"}
    tests: dict[tuple[str, str, str], Any] = {}
    for row in PAGES:
        for view, query in _views(row):
            for name in stores:
                at = AppTest.from_function(_script, kwargs={"page": row.key}, default_timeout=120)
                at.query_params["community"] = community(name)
                for key, value in query.items():
                    at.query_params[key] = value.format(community=community(name))
                tests[row.key, view, name] = at

    def run(key: tuple[str, str, str], at: Any) -> None:
        with data.noted() as asked:
            at.run()
        if at.exception:
            say(f"  {key}: {at.exception[0].message}")
        else:
            questions[key] = asked

    questions: dict[tuple[str, str, str], list[data.Asked]] = {}
    actual = data.store
    try:
        for key, at in tests.items():
            data.store = lambda name=key[2]: stores[name]  # type: ignore[assignment]
            data.forget()  # what another set answered
            at.run()
            # all but the list of communities is asked anew
            stores[key[2]].write(ACTOR, lambda write, name=key[2]: write.touch(community(name)))
            run(key, at)
            if key[1] == "as it opens":
                maintenance.log_repair(stores[key[2]], ACTOR, community(key[2]), fault="loose", place="bench")
                run((key[0], AFTER_A_REPAIR, key[2]), at)
    finally:
        data.store = actual
        st.cache_resource.clear()

    found: Figures = defaultdict(list)
    pings: list[float] = []
    slow: dict[tuple[str, str], list[float]] = defaultdict(list)
    for number in range(ROUNDS + 1):
        for key, asked in questions.items():
            pings.append(ping(stores[key[2]]))
            took = [(name, seconds(again)) for name, again in asked]
            if number == 0:
                continue  # the first round makes connections and plans
            lists = sum(each for name, each in took if name.endswith(LIST_QUESTIONS))
            look = sum(each for name, each in took if name.endswith(".writes"))
            found[key].append((sum(each for _, each in took) - lists, lists, look))
            for name, each in took:
                slow[key[0], name].append(each)
    for (page, question), times in sorted(slow.items(), key=lambda item: -median(item[1]))[:5]:
        say(f"  dearest question: {page}: {question} {ms(median(times))}")
    return found, median(pings)


def _script(page: str) -> None:
    from dashboard.app import main

    main(page)
