"""``gridboard digest``: a period's review in few words, for a message or a mail."""

import argparse
from dataclasses import replace
from pathlib import Path

from dashboard import i18n
from dashboard.cli.database import community_of, opened, operator
from dashboard.cli.files import written
from dashboard.cli.usage import Command
from dashboard.settings import Settings


def digest(args: argparse.Namespace) -> int:
    """A review in few words."""
    from dashboard.pack import digest, paper
    from repository.access import Role
    from repository.metrics import Period
    from repository.review import reviewed

    settings = Settings.from_environment()
    with opened(settings) as store, i18n.speaking(args.language or i18n.current()):
        community_id = community_of(store, args.community)
        now = store.clock().astimezone(store.zone(community_id))
        if args.period in {"month", "quarter", "year"}:
            period = Period.containing(args.period, now.date()).previous
        else:
            period = Period.of(args.period)
        # it is passed on, so it holds what everybody may read
        reader = replace(operator(), role=Role.VIEWER)
        review = reviewed(store, reader, community_id, period, now=now)
        address = settings.public_url and f"{settings.public_url}/review?community={community_id}&period={period.key}"
        if args.pdf:
            with written(args.pdf) as file:
                file.write(paper.printed(review))
        print(digest.told(review, address or ""), end="")
    return 0


def _options(made: argparse.ArgumentParser) -> None:
    made.add_argument("--community", metavar="CODE", help="the community; may be left out where there is only one")
    made.add_argument(
        "--period",
        default="month",
        metavar="PERIOD",
        help="month, quarter or year: the last one that is over (default month); or 2026-04, 2026Q2, 2026, "
        "2026-02..2026-06",
    )
    made.add_argument("--language", choices=i18n.LANGUAGES, help="zh or en (default: the terminal's)")
    made.add_argument("--pdf", type=Path, metavar="FILE.pdf", help="the whole review too, in this file")


DIGEST = Command(
    "digest",
    "write a period's review as a short text, and as a PDF",
    """\
写出某一时段的评议摘要（可粘贴到微信或邮件），并可另存 PDF。

The text goes to the standard output; it says what every reader may see. For a cron job, on the 1st of each month:
  gridboard digest --period month --language zh --pdf /srv/reviews/month.pdf | mail -s 月度评议 team@example.org""",
    digest,
    _options,
)
