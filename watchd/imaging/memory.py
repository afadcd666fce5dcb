"""What is freed goes back to the system, so that a picture costs memory only while it is worked on."""

import contextlib
import ctypes

from PIL import Image

# malloc.h of the GNU C library
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_TRIM = 4 << 20
_THRESHOLD = 8 << 20

_BLOCKS = 16  # of 16 MB: two pictures of 24 megapixels, and what composing takes of them for its bands


def give_back_now() -> None:
    """What Pillow keeps, and what has been freed in small pieces, which the threshold below does not reach.

    Of a network of 176 MB that is loaded, 180 MB (25 ms); of one that is dropped, 130 MB.
    """
    Image.core.clear_cache()  # type: ignore[attr-defined]  # documented, but not exported
    with contextlib.suppress(AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


def give_back_what_is_freed() -> None:
    """For this process, once, before its threads begin.

    glibc raises by itself the size from which memory is mapped, and unmapped again: after the first
    large picture each worker keeps what it has freed. Eight workers with one picture of 100 megapixels at
    a time among them took 3.1 GB; with a threshold that is set, and so stays, 0.9 GB, and no more time.
    To set it leaves the other one, of what lies at the end of the heap, at 128 KB: then the bands of a cutout
    are mapped again and again, 15 % of the time of a picture beside the network.
    """
    with contextlib.suppress(AttributeError):  # another C library
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, _THRESHOLD)
        libc.mallopt(_M_TRIM_THRESHOLD, _TRIM)
    # But for some, which Pillow hands from one picture to the next until `give_back_now`: to have it mapped
    # anew is half of the time that decoding takes. Small pictures take of it, too, and cut what they take:
    # with the blocks of one picture the bands of a cutout spoil most of them.
    Image.core.set_blocks_max(_BLOCKS)  # type: ignore[attr-defined]  # as above
