"""Labels: codes that nobody guesses, one for each thing, renewed when misused; sheets that print alike everywhere."""

import re
from collections import Counter

import pytest
import segno

from dashboard import labelsheet, typeset
from dashboard.labelsheet import Size, Words, link, sheet
from dashboard.typeset import UNKNOWN
from repository import facilities, labels
from repository.access import Actor, Refused, Role
from repository.facilities import remove_facility
from repository.labels import ALPHABET, LENGTH, Label, Place, Stuck, mint, new_code, read_code, renew, spoken
from repository.maintenance import log_repair
from repository.store import Duplicate, InUse, Invalid, Store

ADDRESS = "https://dash.example.gov.cn/gridboard"


# --- codes
def test_codes_are_random_and_read_as_people_write_them() -> None:
    codes = [new_code() for _ in range(2000)]
    assert len(set(codes)) == 2000
    assert all(len(code) == LENGTH and set(code) <= set(ALPHABET) for code in codes)
    counts = Counter("".join(codes))
    assert set(counts) == set(ALPHABET)
    assert max(counts.values()) < 1.4 * min(counts.values())
    for code in codes[:50]:
        assert read_code(spoken(code)) == code
        assert read_code(f" {code.lower()} ") == code
    assert read_code("oIl0-ABCD") == "0110ABCD"
    for odd in ("", "1234567", "123456789", "ABCD123U", "ABCD\x00123", "一二三四五六七八", "../../..", "A" * 9999):
        assert read_code(odd) is None


def test_a_thing_keeps_its_code_until_it_is_renewed(yard: Store, admin: Actor) -> None:
    first = mint(yard, admin, "d", facilities=["d-F-01", "d-F-02"])
    assert [one.asset_code for one in first] == ["F-01", "F-02"]
    assert (first[0].name, first[0].site) == ("单杠", "体育公园")
    assert mint(yard, admin, "d", facilities=["d-F-02", "d-F-01"]) == first[::-1]
    code = renew(yard, admin, "d", facility_id="d-F-01")
    assert mint(yard, admin, "d", facilities=["d-F-01"])[0].code == code != first[0].code
    old = labels.label_with(yard, first[0].code)
    assert old is not None
    assert old.ended_at is not None
    assert labels.code_of(yard, admin, "d", facility_id="d-F-01") == code
    assert len({one.id for one in yard.find(admin, Label, "d")}) == 3
    with pytest.raises(Invalid):
        mint(yard, admin, "d", facilities=["x"] * 501)


def test_a_label_goes_with_what_it_is_stuck_on_to_another_grid(yard: Store, admin: Actor) -> None:
    place = labels.add_place(yard, admin, "d", {"name": "楼道", "grid_id": "d-g1"})
    code, staircase = (one.code for one in mint(yard, admin, "d", facilities=["d-F-01"], places=[place.id]))
    facilities.edit_facility(yard, admin, "d", "d-F-01", 1, {"grid_id": "d-g2"})
    here, there = (Actor("x", "x", Role.FACILITY_MANAGER, grids=frozenset({grid})) for grid in ("d-g2", "d-g1"))
    assert labels.code_of(yard, here, "d", facility_id="d-F-01") == code
    assert labels.code_of(yard, there, "d", facility_id="d-F-01") is None
    assert labels.code_of(yard, there, "d", place_id=place.id) == staircase
    assert labels.code_of(yard, here, "d", place_id=place.id) is None
    new = renew(yard, here, "d", facility_id="d-F-01")
    assert labels.code_of(yard, here, "d", facility_id="d-F-01") == new != code
    with pytest.raises(Refused):
        renew(yard, there, "d", facility_id="d-F-01")


def test_who_may_make_them(yard: Store, admin: Actor) -> None:
    place = labels.add_place(yard, admin, "d", {"name": "楼道", "grid_id": "d-g1"})
    for role in (Role.VIEWER, Role.GRID_WORKER):
        actor = Actor("x", "x", role)
        for call in (
            lambda actor=actor: mint(yard, actor, "d", facilities=["d-F-01"]),
            lambda actor=actor: renew(yard, actor, "d", facility_id="d-F-01"),
            lambda actor=actor: labels.add_place(yard, actor, "d", {"name": "x"}),
        ):
            with pytest.raises(Refused):
                call()
    stranger = Actor("x", "x", Role.FACILITY_MANAGER, grids=frozenset({"d-g2"}))
    for call in (
        lambda: mint(yard, stranger, "d", facilities=["d-F-01"]),
        lambda: mint(yard, stranger, "d", places=[place.id]),
        lambda: renew(yard, stranger, "d", place_id=place.id),
    ):
        with pytest.raises(Refused):
            call()
    assert yard.count(admin, Label, "d") == 0


def test_places_are_entered_once_and_stay_while_work_names_them(yard: Store, admin: Actor) -> None:
    place = labels.add_place(yard, admin, "d", {"name": "楼道", "grid_id": "d-g1"})
    with pytest.raises(Duplicate):
        labels.add_place(yard, admin, "d", {"name": "楼道"})
    assert [one.name for one in labels.places(yard, admin, "d")] == ["楼道"]
    changed = labels.edit_place(yard, admin, "d", place.id, 1, {"site": "6 栋"})
    order = log_repair(yard, admin, "d", fault="dead", place="楼道", grid_id="d-g1", also={"place_id": place.id})
    with pytest.raises(InUse):
        labels.remove_place(yard, admin, "d", place.id, changed.revision)
    yard.delete(admin, type(order), "d", order.id, order.revision)
    labels.remove_place(yard, admin, "d", place.id, changed.revision)
    assert yard.count(admin, Place, "d") == 0


def test_a_label_keeps_nobody_from_taking_out_a_wrong_entry(yard: Store, admin: Actor) -> None:
    code = mint(yard, admin, "d", facilities=["d-F-02"])[0].code
    remove_facility(yard, admin, "d", "d-F-02", 1)
    assert labels.label_with(yard, code) is not None


# --- sheets
def some(many: int) -> list[Stuck]:
    """Labels with names of every kind."""
    names = [
        "3 号单杠",
        "North gate with a rather long English name",
        "幸福里 6 栋电梯（客梯）" * 6,
        "𠮷龘㙍·—",
        "x" * 200,
        "<b>&",
    ]
    return [Stuck(new_code(), names[n % len(names)], names[-n % len(names)], f"F-{n}") for n in range(many)]


@pytest.mark.parametrize("words", list(Words))
@pytest.mark.parametrize(("size", "pages"), [(Size.A4_24, 2), (Size.A4_8, 4), (Size.SINGLE, 25)])
def test_a_sheet_has_its_labels_and_its_fonts(size: Size, pages: int, words: Words) -> None:
    pdf = sheet(some(25), ADDRESS, size=size, words=words, community="D社区")
    assert pdf.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type /Page\b", pdf)) == pages
    fonts = set(re.findall(rb"/BaseFont /(\S+)", pdf))
    assert any(b"DroidSansFallback" in font for font in fonts)
    files = len(re.findall(rb"/FontFile2 ", pdf))
    used = {font for font in fonts if b"+" in font}
    assert files >= len(used) >= 2, "a font that is used is not embedded"
    assert not re.search(rb"STSong|Helvetica[^\n]*\n[^\n]*Tj", pdf)
    assert len(pdf) < 600_000, "whole fonts instead of the characters that are used"
    assert sheet(some(1)[:1], ADDRESS, size=size, words=words) != b""
    with pytest.raises(ValueError, match="needs a label"):
        sheet([], ADDRESS, size=size)


def test_the_code_in_the_sheet_is_the_link(monkeypatch: pytest.MonkeyPatch) -> None:
    """The dark modules that are drawn, put back into a matrix, are those of the link."""
    drawn: list[tuple[float, float, float, float]] = []

    class Path:
        def rect(self, *box: float) -> None:
            drawn.append(box)  # type: ignore[arg-type]

    class Paper:
        def beginPath(self) -> Path:
            return Path()

        def drawPath(self, *_path: object, **_how: object) -> None: ...

    text = link(ADDRESS + "/", "7K3M9QXT")
    assert text == f"{ADDRESS}/r/7K3M9QXT"
    labelsheet._qr(Paper(), text, 5, 5, 30)
    wanted = segno.make(text, error="m", micro=False).matrix
    module = 30 * labelsheet.MM / (len(wanted) + 2 * labelsheet.QUIET)
    back = [bytearray(len(wanted)) for _ in wanted]
    for left, bottom, wide, _high in drawn:
        row = len(wanted) + labelsheet.QUIET - 1 - round((bottom - 5 * labelsheet.MM) / module)
        first = round((left - 5 * labelsheet.MM) / module) - labelsheet.QUIET
        for column in range(first, first + round(wide / module)):
            back[row][column] = 1
    assert [bytes(row) for row in back] == [bytes(row) for row in wanted]
    assert 30 / (len(wanted) + 8) > 0.6, "too fine for an old phone"


def test_no_line_is_wider_than_its_room_and_nothing_falls_on_another(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[tuple[float, float, str, float, bool]] = []

    def noted(_canvas: object, x: float, y: float, text: str, points: float, *, bold: bool = False) -> None:
        lines.append((x, y, text, points, bold))

    monkeypatch.setattr(labelsheet, "_text", noted)
    monkeypatch.setattr(labelsheet, "_qr", lambda *_a: None)
    typeset.fonts()
    for size in Size:
        grid = labelsheet._GRIDS[size]
        width, height = grid.label
        for label in some(6):
            for words in Words:
                lines.clear()
                labelsheet._label(None, label, ADDRESS, (0, 0, width, height), grid.edge, words, "D社区")
                for x, y, text, points, bold in lines:
                    assert x + typeset.breadth(text, points, bold=bold) <= width - grid.edge + 0.2, (size, text)
                    assert y >= grid.edge - 0.01
                    assert y + points * 0.8 <= height - grid.edge + 0.2
                stack = sorted(lines, key=lambda line: line[1])
                for below, above in zip(stack, stack[1:], strict=False):
                    assert above[1] - below[1] >= below[3] * 0.75, (size, below[2], above[2])
                said = " ".join(line[2] for line in lines)
                assert spoken(label.code) in said
                assert "dash.example.gov.cn/gridboard/r/" in said


def test_what_a_font_lacks_is_marked_not_dropped() -> None:
    typeset.fonts()
    runs = list(typeset.runs("A单𠮷\n", bold=True))
    assert runs == [(typeset.BOLD, "A"), (typeset.CHINESE, "单" + UNKNOWN)]
