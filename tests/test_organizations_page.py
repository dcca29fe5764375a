"""The page of local organisations, run as the app runs it."""

from collections.abc import Callable
from typing import Any

import pytest

from repository.access import Role

Visit = Callable[..., Any]
PARTS = ("participation", "matching", "projects", "register")


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_each_part_shows_the_demonstration(demo_uri: str, visit: Visit, part: str, lang: str) -> None:
    at = visit(demo_uri, "organizations", part=part, lang=lang, period="2026", role=Role.EDITOR)
    assert not at.exception
    assert at.header


@pytest.mark.parametrize(
    "opened",
    [
        {"organization": "d-org-6"}, {"organization": "new"}, {"resource": "d-resource-1"}, {"resource": "new.d-org-7"},
        {"engagement": "new.d-org-7.contact"}, {"need": "d-need-5"}, {"need": "d-need-53"}, {"need": "new"},
        {"need": "d-need-57"}, {"project": "d-project-civil"}, {"project": "d-project-lunch"},
        {"project": "d-project-lamps"}, {"project": "d-project-parking"}, {"project": "d-project-gym"},
        {"project": "new"}, {"project": "new.d-need-57"}, {"task": "d-project-fire-1"}, {"task": "new.d-project-fire"},
        {"milestone": "d-project-lunch-m1"}, {"milestone": "new.d-project-fire"}, {"need": "gone"}, {"project": "gone"},
        {"organization": "gone"},
    ],
    ids=lambda each: "-".join(f"{name}={id}" for name, id in each.items()),
)  # fmt: skip
@pytest.mark.parametrize("role", [Role.ADMIN, Role.VIEWER, Role.GRID_WORKER])
def test_every_drawer_opens_for_everybody(demo_uri: str, visit: Visit, opened: dict[str, str], role: Role) -> None:
    at = visit(demo_uri, "organizations", lang="en", role=role, **opened)
    assert not at.exception
