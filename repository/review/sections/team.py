"""The team: which posts are vacant, how people were assessed, who can take over."""

from repository import staff
from repository.grids import Tier, staffing
from repository.review.desk import Desk
from repository.review.document import Column, Proposal, Section, Table
from repository.words import Message, msg


def section(desk: Desk) -> Section:
    """The team and its posts as of the end of the desk's period; what is to be filled is of now."""
    found = staff.team(desk.then.store, desk.actor, desk.community_id, on=desk.day)
    posts = desk.posts
    vacancies = posts.staffing.vacancies
    today = posts.staffing if desk.then is desk else staffing(desk.store, desk.actor, desk.community_id, on=desk.today)
    assessed = [each.value for each in found.dimensions if each.value is not None]
    nobody = (
        Message(
            msg("Nobody is ready to take over {n} of {all} key posts"),
            {"n": found.without_successor, "all": found.key_posts},
        )
        if found.without_successor
        else None
    )
    desk.because(found.succession, nobody)
    return Section.of(
        "team",
        msg("Team and posts"),
        Message(msg("Vacant posts: {n}"), {"n": len(vacancies)})
        if vacancies
        else Message(msg("Every required post is filled"))
        if posts.filled.n
        else Message(msg("No post is required yet")),
        [*map(desk.stock, (posts.filled, *assessed, found.gaps_value, found.succession))],
        [nobody],
        tables=(
            Table.of(
                Message(msg("Vacant posts")),
                (
                    Column(msg("Post")),
                    Column(msg("Grid")),
                    Column(msg("Vacant since"), "day"),
                    Column(msg("Days"), "days"),
                ),
                [(Message(each.tier.label), desk.grid(each.grid_id), each.since, each.days) for each in vacancies],
                page="grids",
                part="posts",
            ),
        ),
        proposals=tuple(
            Proposal(
                Message(
                    msg("Fill a post in {grid}: {post}"),
                    {"grid": desk.grid(each.grid_id), "post": Message(Tier(each.tier).label)},
                )
                if each.grid_id
                else Message(msg("Fill a post: {post}"), {"post": Message(Tier(each.tier).label)}),
                desk.director(each.grid_id),
                desk.in_weeks(4),
                "grids",
                {"part": "posts"},
            )
            for each in today.vacancies[:1]
        ),
    )
