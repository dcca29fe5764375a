"""Photos: drawn anew without anything but their pixels, linked in the write that names them, seen by whoever may see
the record, swept when nothing names them."""

import io
import random
import struct
import zlib
from datetime import UTC, datetime, timedelta

import pytest
from bson import ObjectId
from PIL import Image

from repository import photos
from repository.access import Actor, Refused, Role
from repository.maintenance import WorkOrder, comment, delete, log_repair, merge
from repository.photos import CHUNKS, FILES, MOST_BYTES, BadPhoto, keep, photo, redrawn, sweep, sweep_pieces, thumbnails
from repository.store import Invalid, NotFound, Store
from tests.conftest import NOW, Clock
from tests.pages import picture


@pytest.fixture
def clock() -> Clock:
    return Clock()


def opened(content: bytes) -> Image.Image:
    """A JPEG, decoded whole."""
    with Image.open(io.BytesIO(content)) as image:
        assert image.format == "JPEG"
        image.load()
        return image


def with_everything() -> bytes:
    """What a phone writes: turned by a quarter, where and when, with which phone, and a comment."""
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned to the right
    exif[0x010F], exif[0x0110] = "SecretMaker", "SecretPhone"
    exif.get_ifd(0x8825).update({1: "N", 2: (28.0, 46.0, 12.0), 3: "E", 4: (105.0, 22.0, 8.0)})
    file = io.BytesIO()
    image = Image.new("RGB", (400, 200), "red")
    image.paste("blue", (0, 0, 400, 100))  # above; turned right it stands at the right side
    image.save(file, "JPEG", exif=exif, comment=b"SecretComment", quality=95)
    return file.getvalue()


# --- drawing anew
def test_a_photo_is_upright_and_carries_nothing_but_its_pixels() -> None:
    source = with_everything()
    assert b"SecretPhone" in source
    drawn = redrawn(source)
    for content in (drawn.large, drawn.small):
        image = opened(content)
        assert b"Secret" not in content
        assert not image.getexif()
        assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    image = opened(drawn.large)
    assert image.size == (drawn.width, drawn.height) == (200, 400)
    assert image.getpixel((190, 200))[2] > 200, "its upper half was not turned to the right"
    assert image.getpixel((10, 200))[0] > 200


@pytest.mark.parametrize(("kind", "more"), [("PNG", {}), ("WEBP", {}), ("JPEG", {"progressive": True})])
def test_large_pictures_of_every_kind_become_small_jpegs(kind: str, more: dict[str, bool]) -> None:
    drawn = redrawn(picture((4000, 3000), kind, **more))
    assert (opened(drawn.large).size, opened(drawn.small).size) == ((1600, 1200), (320, 240))


def test_what_is_transparent_becomes_white_and_text_stays_out() -> None:
    from PIL import PngImagePlugin

    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "SecretText", zip=True)
    file = io.BytesIO()
    Image.new("RGBA", (50, 50), (255, 0, 0, 0)).save(file, "PNG", pnginfo=info)
    drawn = redrawn(file.getvalue())
    assert min(opened(drawn.large).getpixel((25, 25))) > 250
    assert b"Secret" not in drawn.large


def a_bomb(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes that says it is that large."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * min(width * height, 5_000_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def hostile() -> dict[str, bytes]:
    """Files that are no photos, or ought not to be read to the end."""
    jpeg = picture()
    noise = random.Random(3)
    return {
        "empty": b"",
        "text": b"<script>alert(1)</script>" * 40,
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><image href="file:///etc/passwd"/></svg>',
        "only a head": jpeg[:60],
        "cut off": jpeg[: len(jpeg) // 2],
        "a head before noise": b"\xff\xd8\xff\xe0" + noise.randbytes(50_000),
        "gif": b"GIF89a" + noise.randbytes(5_000),
        "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(%pipe%id) (r) file\n",
        "tiff": b"II*\0" + noise.randbytes(5_000),
        "bmp": b"BM" + noise.randbytes(5_000),
        "a bomb": a_bomb(60_000, 60_000),
        "a wide bomb": a_bomb(2_000_000_000, 1),
        "zip": b"PK\3\4" + noise.randbytes(5_000),
        "exe": b"MZ" + noise.randbytes(5_000),
    }


@pytest.mark.parametrize("name", list(hostile()))
def test_what_is_no_photo_is_refused_with_a_sentence(name: str) -> None:
    with pytest.raises(BadPhoto) as told:
        redrawn(hostile()[name])
    assert len(str(told.value)) > 40


def test_a_picture_that_is_also_a_script_is_a_picture_only() -> None:
    """A polyglot: valid JPEG, valid ZIP at its end, a script in its comment."""
    both = picture(comment=b"*/=alert(1);/*") + b"PK\3\4<script>alert(1)</script>" + b"PK\5\6" + b"\0" * 18
    drawn = redrawn(both)
    assert b"alert" not in drawn.large
    assert b"PK\5\6" not in drawn.large


def test_ten_megabytes_are_the_most() -> None:
    with pytest.raises(BadPhoto, match="10 MB are the most"):
        redrawn(picture() + b"\0" * MOST_BYTES)


def test_a_child_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    slow = tmp_path / "slow.py"  # type: ignore[operator]
    slow.write_text("import time; time.sleep(60)")
    monkeypatch.setattr(photos, "_CHILD", str(slow))
    monkeypatch.setattr(photos, "_SECONDS", 0.5)
    with pytest.raises(BadPhoto, match="too long to read"):
        redrawn(picture())


# --- keeping
def test_a_photo_belongs_to_the_order_that_names_it(yard: Store, mender: Actor) -> None:
    id = keep(yard, mender, "d", picture())
    order = log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01", photos=[id])
    assert [one.id for one in thumbnails(yard, mender, "d", WorkOrder, order.id)] == [id]
    assert opened(photo(yard, mender, "d", WorkOrder, order.id, id)).size == (640, 480)
    with pytest.raises(NotFound):
        photo(yard, mender, "d", WorkOrder, order.id, "another")


def test_nobody_sees_or_takes_a_photo_beyond_their_reach(yard: Store, mender: Actor) -> None:
    id = keep(yard, mender, "d", picture())
    order = log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01", photos=[id])
    other = log_repair(yard, mender, "d", fault="loose", facility_id="d-F-02")
    for stranger in (
        Actor("s", "s", Role.ADMIN, communities=frozenset({"e"})),
        Actor("g", "g", Role.GRID_WORKER, grids=frozenset({"d-g2"})),
    ):
        with pytest.raises((Refused, NotFound)):
            photo(yard, stranger, "d", WorkOrder, order.id, id)
        with pytest.raises((Refused, NotFound)):
            thumbnails(yard, stranger, "d", WorkOrder, order.id)
    # naming somebody else's photo would be a way to see it
    with pytest.raises(Invalid):
        comment(yard, Actor("g", "g", Role.GRID_WORKER, grids=frozenset({"d-g2"})), "d", other.id, "", photos=[id])
    loose = keep(yard, mender, "d", picture())
    with pytest.raises(Invalid):
        comment(yard, Actor("x", "x", Role.ADMIN), "d", other.id, "", photos=[loose])
    with pytest.raises(Refused):
        keep(yard, Actor("v", "v", Role.VIEWER), "d", picture())


def test_a_write_that_fails_leaves_the_photo_loose(yard: Store, mender: Actor) -> None:
    id = keep(yard, mender, "d", picture())
    with pytest.raises(Invalid):
        log_repair(yard, mender, "d", fault="", facility_id="d-F-01", photos=[id])
    log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01", photos=[id])


def test_what_nothing_names_is_swept_after_a_day(yard: Store, mender: Actor, admin: Actor, clock: Clock) -> None:
    kept, loose, of_deleted = (keep(yard, mender, "d", picture()) for _ in range(3))
    log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01", photos=[kept])
    gone = log_repair(yard, mender, "d", fault="noise", facility_id="d-F-01", photos=[of_deleted])
    delete(yard, admin, "d", gone.id, gone.revision)
    clock.now = NOW + timedelta(hours=23)
    assert sweep(yard, admin) == 0
    clock.now = NOW + timedelta(hours=25)
    assert sweep(yard, admin) == 2
    assert [one["_id"] for one in yard.db[FILES].find()] == [kept]
    assert yard.db[CHUNKS].distinct("files_id") == [kept]
    with pytest.raises(Refused):
        sweep(yard, mender)
    with pytest.raises(Invalid):
        log_repair(yard, mender, "d", fault="dead", facility_id="d-F-01", photos=[loose])


def test_pieces_of_an_upload_that_broke_off_are_swept_after_an_hour(
    yard: Store, mender: Actor, admin: Actor, clock: Clock
) -> None:
    clock.now = datetime.now(UTC)  # ids tell the time
    kept = keep(yard, mender, "d", picture())
    lost, running = (str(ObjectId.from_datetime(clock.now - timedelta(minutes=ago))) for ago in (61, 59))
    for id in (lost, running):
        yard.db[CHUNKS].insert_many([{"files_id": id, "n": n, "data": b"x"} for n in range(2)])
    assert sweep_pieces(yard, admin) == 1
    assert sorted(yard.db[CHUNKS].distinct("files_id")) == sorted([running, kept])
    clock.now += timedelta(hours=2)
    assert sweep_pieces(yard, admin) == 1
    assert yard.db[CHUNKS].distinct("files_id") == [kept], "what has a file stays"
    with pytest.raises(Refused):
        sweep_pieces(yard, mender)


def test_a_merged_order_hands_its_photos_over(yard: Store, mender: Actor, admin: Actor, clock: Clock) -> None:
    ids = [keep(yard, mender, "d", picture()) for _ in range(2)]
    stays = log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01", photos=ids[:1])
    twice = log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01", photos=ids[1:])
    stays = merge(yard, mender, "d", twice.id, twice.revision, stays.id)
    gone = yard.get(admin, WorkOrder, "d", twice.id)
    delete(yard, admin, "d", gone.id, gone.revision)
    clock.now = NOW + timedelta(days=3)
    assert sweep(yard, admin) == 0
    assert [one.id for one in thumbnails(yard, mender, "d", WorkOrder, stays.id)] == ids


def test_an_order_has_twenty_photos_at_most(yard: Store, mender: Actor) -> None:
    order = log_repair(yard, mender, "d", fault="loose", facility_id="d-F-01")
    with pytest.raises(Invalid):
        comment(yard, mender, "d", order.id, "", photos=["x"] * 21)
