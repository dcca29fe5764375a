"""The demonstration: D community with the source document's figures, and three years of history that tell its story.

The figures are in ``community``; everything that happens here is invented. What a presenter can point at:

- **体育公园 3 号单杠** (grid 3): eleven years old with a service life of eight, tightened three times, now loose and
  dangerous, shut, and overdue. Beside it stand two bars and two walkers that are nearly new (section 3.1: 新旧不一).
- **北门道闸** (grid 3): doesn't recognise number plates, so the guard writes them down and lifts the bar by hand; four
  repairs in half a year, each slower than the last, and now it waits for a part that is no longer made. The 东门道闸
  in grid 1 shows the other way: since the smart gate replaced the old one, hardly a fault.
- **幸福里 6 栋电梯** (grid 3): the property company's repair came back twice.
- **3 号网格**: more households than any other, the oldest equipment, no safety officer, the slowest answers; most of
  the growth of the backlog in the last three months is there.
- **巡检**: the weekly round found the loose bar and opened its order; since then grid 3 has made no rounds for three
  weeks. A hazard in grid 4 was rectified and nobody has looked again; one in grid 3 is major and past its deadline. The
  plans for walkers, lifts, gates and pumps are kept in grids 1, 2 and 5, and late in 3 and 4.
- **网格巡查**: grids 1, 2 and 5 visit nine in ten households in a quarter, grid 3 hardly more than half and nobody for
  nearly three weeks; the safety points of grid 4 are not walked since its assistant left seven weeks ago, and 蒋伟
  walks those of three grids.
- **干部队伍**: seven of thirteen went to college, three are certified; the director of grid 2 is near leaving and
  nobody is ready; grid 3's director was hardly ever at a training. Two results of the last assessment are invalid.
- **例会**: a month without its meeting, a quarter's review that came late; 补齐 3 号网格小组安全员 is carried from
  meeting to meeting, the new bar and the north gate too, each with the decision it comes of and the order it is about;
  the property company of grids 3 and 4 and the stationed units are often absent; the next meeting waits for its agenda.
- **健康大讲堂**: eight of the last eleven activities are lectures; visits grow, people don't, for the same elderly
  residents come; those of 18 to 35 hardly ever. Deliberation and parent-child crafts have never been tried. The same
  festival lecture was held seven times one after the other; the last skills market, long ago, had reached the young.
- **志愿者**: some twenty are registered and help now and then; three who used to come became volunteers just now.
  residents come; those of 18 to 35 hardly ever. Deliberation and parent-child crafts have never been tried. Of
  those who sign up for a lecture fewer and fewer come, while others wait for a place; the next ones are a weekly series
  whose first is full, with the code for its door.
- **群众接待**: electric bicycles charged in stairwells come up more and more, most in grid 3; parents ask for
  something to do with their children, which no activity answers; the lift of 幸福里 6 栋 comes again and again; the
  loose bar and the north gate were residents' requests; less than half are called back.
- **辖区单位**: of fifteen stationed organisations few take part and half are silent; the lunch project has clear duties
  and keeps to its plan, 企地共建文明小区 has neither target nor duties and is overdue (section 3.2). Money is needed
  and nobody offers it; an electrician is needed and one is on the list of resources.

- **目标**: on-time repairs, participation and certificates have targets of the community's own, raised twice; equipment
  past its life is off target, and the secretary has accepted that until the next budget.

Everything is a function of ``as_of`` alone: the same day gives the same documents.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random

from repository.activities import Activity, Attendance
from repository.checkin import Door
from repository.entries import EntryLog
from repository.facilities import Facility
from repository.grids import Community, Grid, Post
from repository.hazards import Hazard
from repository.inspections import Checklist, Inspection, InspectionPlan
from repository.maintenance import WorkOrder
from repository.maintenance.commands import SERIES
from repository.meetings import ActionItem, Decision, Meeting
from repository.organizations import Engagement, Need, Organization, Resource
from repository.patrols import Patrol, PatrolPlan
from repository.people import Person
from repository.preventive import MaintenancePlan
from repository.projects import Milestone, Project, ProjectTask
from repository.record import Record
from repository.requests import Request
from repository.requests.commands import SERIES as REQUESTS
from repository.residents import ResidentCard, Volunteer
from repository.signups import SignUp
from repository.staff import (
    AssessmentBallots,
    AssessmentRound,
    StaffCertificate,
    StaffMember,
    StaffSuccessor,
    StaffTraining,
    TrainingPlan,
)
from repository.store import Store
from repository.targets import Acceptance, MetricTarget
from seed import (
    aims,
    estate,
    gates,
    gatherings,
    helpers,
    history,
    meetings,
    partners,
    signing,
    team,
    voices,
    walks,
    watch,
)
from seed.batch import SEEDER, Batch, loading, require_no_communities
from seed.community import DISTRICT, HOUSEHOLDS, RESIDENTS, population
from seed.estate import ZONE

CREW_HOURS_PER_WEEK = 36.0
ENTRY_DAYS = 455  # of entry logs: a year since the east gate became smart, and some weeks before


def community() -> Community:
    """D community's own record, marked as demonstration data."""
    return Community(
        id=estate.COMMUNITY_ID,
        community_id=estate.COMMUNITY_ID,
        code="D",
        name="D社区",
        district=DISTRICT,
        households=HOUSEHOLDS,
        residents=RESIDENTS,
        crew_hours_per_week=CREW_HOURS_PER_WEEK,
        population=population(),
        demonstration=True,
    )


def default_as_of(store: Store) -> date:
    """Today in Shanghai, or yesterday before the history's last hour: nothing may lie in the future."""
    now = store.clock()
    today = now.astimezone(ZONE).date()
    return today if history.end_of_history(today) <= now else today - timedelta(days=1)


def load(store: Store, as_of: date | None = None) -> None:
    """Load the demonstration with a history that ends on the morning of ``as_of`` (default: today in Shanghai).

    Takes a few seconds; readers see nothing before it is complete, and a load that was cut short leaves nothing that
    the next one doesn't clear. When another process loads it at the same time, waits for that one instead.
    Raises Occupied when the database holds a community already, Unavailable.
    """
    with loading(store) as waited:
        if waited and store.db["communities"].find_one({"_id": estate.COMMUNITY_ID}, {"_id": 1}):
            return
        require_no_communities(store)
        with Batch(store, [estate.COMMUNITY_ID]) as batch:
            _write(batch, as_of or default_as_of(store))


def _write(batch: Batch, as_of: date) -> None:
    end = history.end_of_history(as_of)
    began = end - timedelta(days=365 * history.YEARS)  # what was there all along was entered then
    stamp = {"created_at": began, "created_by": SEEDER.name, "updated_at": end, "updated_by": SEEDER.name}

    def add(kind: type[Record], records: Sequence[Record]) -> None:
        batch.add(kind, estate.COMMUNITY_ID, (record.to_document() for record in records), ZONE)

    def stamped(records: Sequence[Record]) -> list[Record]:
        return [record.model_copy(update=stamp) for record in records]

    standing = estate.facilities(as_of)
    add(Person, stamped(estate.people()))
    add(Grid, stamped(estate.grids()))
    add(Post, stamped(estate.posts(as_of)))
    add(MetricTarget, stamped(aims.targets(as_of)))
    add(Acceptance, stamped(aims.acceptances(as_of)))
    files = team.team(as_of)
    add(StaffMember, stamped(files.members))
    add(StaffCertificate, stamped(files.certificates))
    add(StaffTraining, stamped(files.trainings))
    add(TrainingPlan, stamped(files.plans))
    add(StaffSuccessor, stamped(files.successors))
    add(AssessmentRound, stamped(files.rounds))
    add(AssessmentBallots, stamped(files.ballots))
    orders = history.work_orders(as_of, standing, Random(42))
    watched = watch.watch(as_of, standing, orders)
    add(Facility, stamped(history.out_of_order(standing, orders)))
    heard, answering = voices.voices(as_of, watched.orders)
    add(WorkOrder, history.with_repeats(walks.postponed([*answering, *watched.preventive])))
    add(Request, heard)
    add(Checklist, stamped(watched.checklists))
    add(InspectionPlan, stamped(watched.plans))
    add(Inspection, watched.inspections)
    add(Hazard, watched.hazards)
    add(MaintenancePlan, stamped(watched.maintenance))
    walking = walks.plans(as_of)
    add(PatrolPlan, stamped(walking))
    add(Patrol, walks.patrols(as_of, walking, answering, watched.hazards))
    said = meetings.council(as_of, standing, orders, watched.hazards)
    told = list(meetings.stamped(said))
    for kind in (Meeting, Decision, ActionItem):
        own = [record for record in told if isinstance(record, kind)]
        add(kind, [record if record.created_at else record.model_copy(update=stamp) for record in own])
    gone = {one.record.id: (as_of - one.gone_after).days for one in standing if one.gone_after}
    used = gates.traffic([one.record for one in standing], gone, ENTRY_DAYS)
    batch.add(
        EntryLog, estate.COMMUNITY_ID, gates.entries(estate.COMMUNITY_ID, used, end, ENTRY_DAYS, ZONE, Random(42)), ZONE
    )
    rng = Random(42)
    held = helpers.told(gatherings.activities(as_of, rng), Random(511))
    joined = partners.partners(as_of, held)
    add(Organization, stamped([*estate.companies(as_of), *joined.organizations]))
    add(Resource, stamped(joined.resources))
    add(Need, joined.needs)
    add(Project, joined.projects)
    add(ProjectTask, joined.tasks)
    add(Milestone, joined.milestones)
    add(Engagement, [*joined.engagements, *meetings.attended(said)])
    came = list(gatherings.attendances(held, as_of, rng))
    signed = signing.signing(as_of, held, came)
    add(Activity, signed.activities)
    helped = helpers.helpers(held, came, as_of, Random(512))
    batch.add(Attendance, estate.COMMUNITY_ID, helped.attendances, ZONE)
    add(Volunteer, helped.volunteers)
    add(ResidentCard, helped.cards)
    add(SignUp, signed.sign_ups)
    add(Door, signed.doors)
    batch.numbered(estate.COMMUNITY_ID, SERIES, len(orders) + len(watched.preventive))
    batch.numbered(estate.COMMUNITY_ID, REQUESTS, len(heard))
    batch.finish(
        [community().model_copy(update=stamp).to_document()],
        {"as_of": as_of.isoformat(), "note": "演示数据：人物、设施和经过均为虚构"},
    )
