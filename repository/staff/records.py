"""The team's files: who works here since when, with which education, certificates and training; what is planned for the
year; who could take over which post. Pure: no I/O.

A member is somebody of the people register, who may hold posts of the grids. No birth dates are kept, only a band; how
long somebody has served follows from the day they joined, as of any day.
"""

import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationInfo, field_validator

from repository.grids import Tier
from repository.record import LINE, PAGE, Choice, Day, Index, Part, Record, Ref, Shown, Term, day_then
from repository.store import FieldProblem
from repository.words import msg

FIRST_DAY, LAST_DAY = date(1950, 1, 1), date(2100, 12, 31)


class Education(Choice):
    """The highest degree, lowest first."""

    JUNIOR = "junior_middle", msg("Junior middle school"), "初中", "初中及以下"
    SENIOR = "senior_middle", msg("Senior middle school"), "高中", "中专", "职高", "高中/中专", "高中（中专）"
    COLLEGE = "college", msg("College (3 years)"), "大专", "专科", "大学专科", "高职"
    BACHELOR = "bachelor", msg("Bachelor"), "本科", "大学", "大学本科", "学士"
    GRADUATE = "graduate", msg("Postgraduate"), "研究生", "硕士", "博士", "硕士研究生", "博士研究生"


EDUCATED = frozenset({Education.COLLEGE, Education.BACHELOR, Education.GRADUATE})
"""大专以上: what the source document's 4.2 calls for when it names education a condition of selection."""


class StaffAge(Choice):
    """Four bands by which a team is planned; the last one is near leaving. No birth date is kept."""

    TO_35 = "18-35", msg("35 and younger"), "18–35", "35岁以下", "35岁及以下", "青年"
    TO_45 = "36-45", msg("36–45"), "36–45", "36-45岁", "36岁-45岁"
    TO_54 = "46-54", msg("46–54"), "46–54", "46-54岁", "46岁-54岁"
    FROM_55 = "55+", msg("55 and older"), "55岁以上", "55岁及以上", "临近退休"


class LeftReason(Choice):
    """Why somebody left; other words are kept as they are."""

    RETIRED = "retired", msg("Retirement"), "退休"
    TERM = "term", msg("End of the term of office"), "任期届满", "换届"
    MOVED = "moved", msg("Moved to another post"), "调动", "调离"
    RESIGNED = "resigned", msg("Resigned"), "辞职", "离职"


class StaffMember(Record):
    """Somebody of the people register who works, or worked, for the community."""

    collection = "staff_members"
    title = msg("Staff")
    name_field = "person_id"
    natural_key = ("person_id",)
    grid_field = None
    indexes = (
        Index(("community_id", "person_id"), "a person has one file", unique=True),
        Index(("batch_id",), "an import's rows", where={"batch_id": {"$exists": True}}),
    )
    began = "joined_on"
    stirred = ("updated_at",)
    traced = frozenset({"left_on", "left_reason"})  # no more: told of neighbouring days it would single somebody out

    person_id: Annotated[str, Ref(to="people", aliases=("姓名", "干部姓名", "工作人员"))] = Field(
        max_length=64, title=msg("Person")
    )
    joined_on: Annotated[date, Day(aliases=("入职时间", "入职日期", "到岗时间", "参加社区工作时间"))] = Field(
        ge=FIRST_DAY, le=LAST_DAY, title=msg("Joined on"), description=msg("First day of work for the community")
    )
    education: Annotated[Education | None, Shown(aliases=("学历", "文化程度", "最高学历"))] = Field(
        default=None, title=msg("Education")
    )
    age_band: Annotated[StaffAge | None, Shown(aliases=("年龄段", "年龄"))] = Field(default=None, title=msg("Age band"))
    party_member: Annotated[bool | None, Shown(aliases=("党员", "是否党员", "中共党员"))] = Field(
        default=None, title=msg("Party member")
    )
    returned: Annotated[bool | None, Shown(aliases=("返乡大学生", "返乡", "是否返乡大学生"))] = Field(
        default=None, title=msg("Graduate who came back home")
    )
    specialism: Annotated[str | None, Shown(aliases=("专业", "专长", "所学专业"))] = Field(
        default=None, max_length=LINE, title=msg("Specialism")
    )
    left_on: Annotated[date | None, Day(aliases=("离职时间", "离职日期"), form=False)] = Field(
        default=None, ge=FIRST_DAY, le=LAST_DAY, title=msg("Left on"), description=msg("Last day of work")
    )
    left_reason: Annotated[str | None, Term(of=LeftReason, aliases=("离职原因",), form=False)] = Field(
        default=None, max_length=60, title=msg("Reason for leaving")
    )
    remark: Annotated[str | None, Shown(long=True, aliases=("备注",))] = Field(
        default=None, max_length=PAGE, title=msg("Remark")
    )

    @field_validator("left_on")
    @classmethod
    def _in_order(cls, value: date | None, info: ValidationInfo) -> date | None:
        since = info.data.get("joined_on")
        if value and since and value < since:
            raise FieldProblem(msg("It cannot end before it began ({since})."), since=since.isoformat())
        return value

    @classmethod
    def as_it_stood(
        cls, document: Mapping[str, Any], moment: datetime, was: Mapping[str, Any], zone: ZoneInfo
    ) -> dict[str, Any] | None:
        """As every record's; a last day by then is one, whenever somebody wrote it down."""
        left = document.get("left_on")
        gone = left is not None and left <= day_then(moment, zone)
        known = {name: value for name, value in was.items() if not (gone and name.startswith("left_"))}
        return super().as_it_stood(document, moment, known, zone)

    def serves_on(self, day: date) -> bool:
        """Whether they work here on a day; the last day counts."""
        return self.joined_on <= day and (self.left_on is None or day <= self.left_on)

    def service_years(self, day: date) -> float:
        """Years from the first day of work to a day, or to the last day of work; 0 before the first."""
        until = day if self.left_on is None else min(day, self.left_on)
        return max(0, (until - self.joined_on).days) / 365.2425

    def has_served(self, years: int, day: date) -> bool:
        """Whether so many whole years of service were complete on a day; by the calendar, so that an anniversary
        counts in leap years too."""
        until = day if self.left_on is None else min(day, self.left_on)
        begun = self.joined_on
        whole = until.year - begun.year - ((until.month, until.day) < (begun.month, begun.day))
        return until >= begun and whole >= years


# --- certificates
class CertificateName(Choice):
    """Certificates a community's staff may hold; other names are kept as they are."""

    ASSISTANT = "social_work_assistant", msg("Assistant social worker"), "助理社会工作师", "社工初级", "初级社工师"
    SOCIAL_WORKER = "social_worker", msg("Social worker"), "社会工作师", "社工中级", "中级社工师", "社工证"
    SENIOR = "senior_social_worker", msg("Senior social worker"), "高级社会工作师", "高级社工师"
    MEDIATOR = "mediator", msg("People's mediator"), "人民调解员", "人民调解员证"
    SAFETY = "safety", msg("Safety officer"), "安全员", "安全管理员证", "安全生产管理"
    FIRE = "fire", msg("Fire equipment operator"), "消防设施操作员", "消防证"
    FIRST_AID = "first_aid", msg("First aid"), "急救员", "红十字救护员证"


GRADES = (CertificateName.ASSISTANT, CertificateName.SOCIAL_WORKER, CertificateName.SENIOR)
"""The grades of the national qualification in social work, the lowest first."""
PROFESSIONAL = frozenset(GRADES)
"""The three grades of the national qualification in social work: what "certified" means in metric C2."""


class CertificateLevel(Choice):
    """The grade of a certificate."""

    JUNIOR = "junior", msg("Junior"), "初级"
    INTERMEDIATE = "intermediate", msg("Intermediate"), "中级"
    SENIOR = "senior", msg("Senior"), "高级"


class StaffCertificate(Record):
    """One certificate of somebody. Renewed, it gets a new entry, so that what held when stays known."""

    collection = "staff_certificates"
    title = msg("Staff certificates")
    natural_key = ("person_id", "name", "obtained_on")
    grid_field = None
    indexes = (
        Index(("community_id", "person_id", "obtained_on"), "somebody's certificates"),
        Index(("batch_id",), "an import's rows", where={"batch_id": {"$exists": True}}),
    )
    began = "obtained_on"

    person_id: Annotated[str, Ref(to="people", aliases=("姓名", "持证人"))] = Field(max_length=64, title=msg("Person"))
    name: Annotated[str, Term(of=CertificateName, aliases=("证书名称", "证书", "资格证书"))] = Field(
        min_length=1, max_length=60, title=msg("Certificate")
    )
    level: Annotated[CertificateLevel | None, Shown(aliases=("级别", "等级", "证书等级"))] = Field(
        default=None, title=msg("Grade")
    )
    obtained_on: Annotated[date, Day(aliases=("取得日期", "发证日期", "取得时间"))] = Field(
        ge=FIRST_DAY, le=LAST_DAY, title=msg("Obtained on")
    )
    valid_until: Annotated[date | None, Day(aliases=("有效期至", "有效期", "到期日期"))] = Field(
        default=None, ge=FIRST_DAY, le=LAST_DAY, title=msg("Valid until"), description=msg("Empty: it does not run out")
    )

    @field_validator("valid_until")
    @classmethod
    def _in_order(cls, value: date | None, info: ValidationInfo) -> date | None:
        since = info.data.get("obtained_on")
        if value and since and value < since:
            raise FieldProblem(msg("It cannot end before it began ({since})."), since=since.isoformat())
        return value

    def holds_on(self, day: date) -> bool:
        """Whether it is valid on a day; the last one counts."""
        return self.obtained_on <= day and (self.valid_until is None or day <= self.valid_until)


# --- training
class TrainingKind(Choice):
    """How something was learnt (source document, section 4.2: lectures, training classes; practice)."""

    LECTURE = "lecture", msg("Lecture"), "讲座"
    CLASS = "class", msg("Training class"), "培训班", "集中培训"
    PRACTICE = "practice", msg("Practice"), "实践", "跟班学习", "实训"
    ONLINE = "online", msg("Online course"), "网络学习", "线上", "在线学习"


class StaffTraining(Record):
    """One training of one person, with its hours."""

    collection = "staff_trainings"
    title = msg("Staff training")
    name_field = "topic"
    natural_key = ("person_id", "topic", "held_on")
    grid_field = None
    indexes = (
        Index(("community_id", "held_on", "person_id", "hours"), "hours of a year, from keys alone"),
        Index(("community_id", "person_id", "held_on"), "somebody's training, newest first"),
        Index(("batch_id",), "an import's rows", where={"batch_id": {"$exists": True}}),
    )
    began = "held_on"

    person_id: Annotated[str, Ref(to="people", aliases=("姓名", "参训人", "参训人员"))] = Field(
        max_length=64, title=msg("Person")
    )
    topic: Annotated[str, Shown(aliases=("培训主题", "培训内容", "培训名称", "课程"))] = Field(
        min_length=1, max_length=LINE, title=msg("Topic of training")
    )
    held_on: Annotated[date, Day(aliases=("培训日期", "培训时间", "日期"))] = Field(
        ge=FIRST_DAY, le=LAST_DAY, title=msg("Held on")
    )
    hours: Annotated[float, Shown(unit=msg("h of training"), aliases=("学时", "课时", "培训学时"))] = Field(
        ge=0.25, le=1000, title=msg("Hours of training")
    )
    kind: Annotated[TrainingKind, Shown(aliases=("培训形式", "形式", "方式"))] = Field(
        default=TrainingKind.CLASS, title=msg("Form of training")
    )


def same_topic(text: str) -> str:
    """A topic as it is compared: one width, one case, without spaces and quotes."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in folded if not char.isspace() and char not in "《》“”\"'")


class PlannedTopic(Part):
    """Something the team is to learn by a day."""

    topic: str = Field(min_length=1, max_length=LINE, title=msg("Topic of training"))
    by: date = Field(ge=FIRST_DAY, le=LAST_DAY, title=msg("Target date"))
    kind: TrainingKind = Field(default=TrainingKind.CLASS, title=msg("Form of training"))


class TrainingPlan(Record):
    """What a year's training is to be: hours for everybody, topics with their days."""

    collection = "training_plans"
    title = msg("Training plans")
    name_field = "year"
    natural_key = ("year",)
    grid_field = None
    indexes = (Index(("community_id", "year"), "a year has one plan", unique=True),)
    began = "created_at"
    stirred = ("updated_at",)
    traced = frozenset({"hours", "topics"})

    year: int = Field(ge=1990, le=2100, title=msg("Year"))
    hours: Annotated[float, Shown(unit=msg("h of training"))] = Field(
        ge=0, le=1000, title=msg("Hours for each person"), description=msg("Of a whole year; less for who came later")
    )
    topics: Annotated[tuple[PlannedTopic, ...], Shown(form=False, table=False)] = Field(
        default=(), max_length=60, title=msg("Planned topics")
    )
    remark: Annotated[str | None, Shown(long=True)] = Field(default=None, max_length=PAGE, title=msg("Remark"))

    @field_validator("topics", mode="after")
    @classmethod
    def _each_once(cls, value: tuple[PlannedTopic, ...]) -> tuple[PlannedTopic, ...]:
        names = [same_topic(each.topic) for each in value]
        if len(set(names)) < len(names):
            raise FieldProblem(msg("A topic stands in the plan twice."))
        return value

    def owed(self, member: StaffMember, day: date) -> float:
        """Hours a member should have by a day of the plan's year: in proportion to the days served in it."""
        first, last = date(self.year, 1, 1), date(self.year, 12, 31)
        begins, ends = max(first, member.joined_on), min(last, day, member.left_on or last)
        return self.hours * max(0, (ends - begins).days + 1) / ((last - first).days + 1)


# --- succession
KEY_TIERS = (Tier.GRID_LEAD, Tier.COMMUNITY)
"""The posts the community itself has to fill again: its grid directors and safety assistants. The supervisor is the
street's, group leaders and group officers are residents."""


class Readiness(Choice):
    """How soon somebody could take over."""

    NOW = "now", msg("Ready now"), "可立即接任"
    SOON = "soon", msg("Within a year"), "一年内"
    LATER = "later", msg("In training"), "培养中"


class StaffSuccessor(Record):
    """Somebody who could take over a post."""

    collection = "staff_successors"
    title = msg("Successors")
    name_field = "readiness"
    grid_field = None
    indexes = (Index(("community_id", "post_id", "person_id"), "who could take over a post, each once", unique=True),)
    began = "created_at"
    stirred = ("updated_at",)
    traced = frozenset({"post_id", "person_id", "readiness"})
    ends_removed = True

    post_id: Annotated[str, Ref(to="posts")] = Field(max_length=64, title=msg("Post"))
    person_id: Annotated[str, Ref(to="people")] = Field(max_length=64, title=msg("Successor"))
    readiness: Readiness = Field(default=Readiness.LATER, title=msg("Ready"))
    note: Annotated[str | None, Shown(long=True)] = Field(
        default=None, max_length=LINE, title=msg("What is still needed")
    )
