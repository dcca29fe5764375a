"""Draws a photo anew in a process of its own with little memory, little time and no right to write a file.

Run by ``photos`` as a script: the picture comes in on standard input; one line of JSON goes out and, when it says
``done``, the small and the large JPEG behind it. Imports nothing of this project, so that it starts quickly and nothing
here can be reached from a picture that breaks out of the decoder.
"""

import io
import json
import sys
import warnings

MEMORY = 768 * 2**20
CPU_SECONDS = 15
LONGEST, THUMB = 1600, 320  # pixels of the longer side
PIXELS = 64_000_000  # a telephone's camera has no more; a bomb has
FORMATS = ("JPEG", "PNG", "WEBP")


def limit() -> None:
    """Memory, processor time, and files that may be written: none. Where the system knows no limits, there are none."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    """Read, judge, draw, answer."""
    content = sys.stdin.buffer.read()

    def say(end: str, *pictures: bytes, **facts: int | str) -> None:
        head = {"end": end, "sizes": [len(picture) for picture in pictures], **facts}
        sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + b"".join(pictures))

    from PIL import Image, ImageOps, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

    del JpegImagePlugin, PngImagePlugin, WebPImagePlugin  # imported to be known, before nothing can be read any more
    limit()
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    Image.MAX_IMAGE_PIXELS = PIXELS
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as source:
            width, height = source.size
            if width * height > PIXELS:
                say("pixels")
                return
            source.draft("RGB", (LONGEST, LONGEST))  # a JPEG is decoded at a size near this one
            source.load()
            drawn = ImageOps.exif_transpose(source)
            drawn.thumbnail((LONGEST, LONGEST))
            if drawn.mode not in ("RGB", "L"):
                drawn = drawn.convert("RGBA")
            # a sheet of our own: nothing that stood beside the pixels comes along, and what was transparent is white
            large = Image.new("RGB", drawn.size, "white")
            large.paste(drawn, mask=drawn.getchannel("A") if drawn.mode == "RGBA" else None)
        small = large.copy()
        small.thumbnail((THUMB, THUMB))
        pictures = []
        for picture, quality in ((small, 70), (large, 80)):
            file = io.BytesIO()
            picture.save(file, "JPEG", quality=quality, optimize=True)
            pictures.append(file.getvalue())
    except MemoryError:
        say("memory")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        say("pixels")
    except Exception as error:  # noqa: BLE001 (whatever a strange file makes of the decoder)
        say("damaged", reason=type(error).__name__)
    else:
        say("done", *pictures, width=large.width, height=large.height)


if __name__ == "__main__":
    sys.path[:] = json.loads(sys.argv[1])["path"]
    main()
