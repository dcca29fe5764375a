"""``gridboard audit``: the audit trail sealed, and checked against its seals."""

import argparse
from typing import Any

from dashboard import i18n
from dashboard.cli.database import opened, operator
from dashboard.cli.usage import Command
from dashboard.settings import Settings


def audit(args: argparse.Namespace) -> int:
    """Seals."""
    from repository import audit

    settings = Settings.from_environment()
    with opened(settings) as store:
        proof: dict[str, Any] = {
            "key": settings.audit_key(make=args.action == "seal"),
            "head_file": settings.audit_head,
        }
        if args.action == "seal":
            print(i18n._("{n} entries sealed.", n=i18n.number(audit.seal(store, **proof, adopt=args.adopt))))
        verdict = audit.verify(store, operator(), **proof, head=args.head)
    print(
        i18n._(
            "{seals} seals over {entries} entries; {open} newer ones are not sealed yet.",
            seals=i18n.number(verdict.seals),
            entries=i18n.number(verdict.entries),
            open=i18n.number(verdict.unsealed),
        )
    )
    for warning in verdict.warnings:
        print(f"? {i18n.say(warning)}")
    for problem in verdict.problems:
        print(f"! {i18n.say(problem)}")
    if verdict.head:
        print(i18n._("Newest digest: {digest}", digest=verdict.head))
    return 1 if verdict.problems else 0


def _options(made: argparse.ArgumentParser) -> None:
    made.add_argument("action", choices=["seal", "verify"], help="verify changes nothing; exit code 1 if a seal breaks")
    made.add_argument("--head", metavar="DIGEST", default="", help="verify: a digest that was written down elsewhere")
    made.add_argument(
        "--adopt", action="store_true", help="seal: vouch for the trail as it stands, also without the earlier key"
    )


AUDIT = Command(
    "audit",
    "seal the audit trail, or check that nothing in it was changed",
    """\
封存或核对操作记录。

The running server seals by itself, what is written within some twenty minutes. The digest that is printed can be
written down elsewhere and given to verify. After a lost or new key nothing is sealed until a person looked at the trail
and ran seal --adopt; verify names that seal from then on.""",
    audit,
    _options,
)
