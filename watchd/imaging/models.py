"""The networks that watchd knows, and where their files are."""

import difflib
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from io import BufferedRandom, BufferedReader
from pathlib import Path
from typing import Literal

from watchd.domain.errors import ModelError
from watchd.domain.profile import Refine

Channels = tuple[float, float, float]
"""One number each for red, green and blue."""

_INT8 = ".int8"
_BF16 = ".bf16"

_UNKNOWN = (
    "A network that watchd does not know: its maker tells what it is good for, or a look at its cutouts."
)


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A network: where its weights are published, and what it wants to be fed.

    `file` is the name of the published file, in a model home it is always `{name}.onnx`. `checksum` is
    "md5:…" or "sha256:…", empty where none is known. `mean` and `std` are per channel, of values in 0..1.
    `megabytes` is what the weights take, on the disk and, loaded, in memory; `run_megabytes` what each run
    takes at the same time. `refine` is what its masks gain by, so far as that has been measured.
    """

    name: str
    file: str
    url: str
    checksum: str
    megabytes: float
    run_megabytes: float
    side: int
    mean: Channels
    std: Channels
    activation: Literal["none", "sigmoid"]
    licence: str
    good_for: str
    refine: Refine = Refine.NONE


@dataclass(frozen=True, slots=True)
class FoundModel:
    """The file of a network, and whether it is to be run in bf16 instead of as its file says."""

    spec: ModelSpec
    path: Path
    bf16: bool = False

    def __str__(self) -> str:
        return f"{self.path}{_BF16 if self.bf16 else ''}"


def find(model: str, environ: Mapping[str, str]) -> FoundModel:
    """The file of a model, given by its name or as the path of an .onnx file.

    Either with .bf16 behind it is the same file. ModelError: no such name (with the nearest), or its file is
    nowhere (with the ways to get it).
    """
    if model.endswith(_BF16):
        return replace(find(plain(model), environ), bf16=True)
    if _is_file(model):
        return _own_file(Path(model).expanduser())
    if model.endswith(_INT8):
        return _int8(model, environ)
    spec = known(model)
    if not spec.url:
        return FoundModel(spec, Path(__file__).with_name(spec.file))
    for path in _places(spec.name, environ):
        if path.is_file():
            return FoundModel(spec, path)
    raise ModelError(f"the model {spec.name} is not there: {three_ways(spec, model_home(environ))}")


def plain(model: str) -> str:
    """Without what says that its fp32 file is to be run in bf16."""
    return model.removesuffix(_BF16)


def known(name: str) -> ModelSpec:
    """The table's row. ModelError: there is none of that name."""
    if name in KNOWN:
        return KNOWN[name]
    near = difflib.get_close_matches(name, KNOWN, n=1)
    hint = f", did you mean {near[0]}?" if near else ";"
    raise ModelError(
        f"no model is called {name!r}{hint} known are {', '.join(KNOWN)}, or the path of an .onnx file"
    )


def fed_as(model: str) -> ModelSpec:
    """The row of the table by which a model is fed, whether or not its file is there.

    ModelError: no such name.
    """
    if _is_file(model):
        return _like(os.path.basename(plain(model)))
    return known(plain(model).removesuffix(_INT8))


def refining(model: str, wanted: Refine) -> Refine:
    """Either NONE or GUIDED: what is wanted, or else what suits the model. ModelError: no such name."""
    return fed_as(model).refine if wanted is Refine.AUTO else wanted


def int8_place(fp32: FoundModel, environ: Mapping[str, str]) -> Path:
    """Where its int8 network belongs: for a known model in the model home, else beside the file."""
    if KNOWN.get(fp32.spec.name) == fp32.spec:  # a file that was named by its path may be called the same
        return model_home(environ) / f"{fp32.spec.name}{_INT8}.onnx"
    return fp32.path.with_name(f"{fp32.path.stem}{_INT8}.onnx")


def model_home(environ: Mapping[str, str]) -> Path:
    """The folder of downloaded models, the one that rembg's users have: U2NET_HOME, else ~/.u2net."""
    return _expanded(Path(environ.get("U2NET_HOME") or "~/.u2net"), environ)


def three_ways(spec: ModelSpec, home: Path) -> str:
    """How to get a model that is not there, for the end of a message."""
    return (
        f"fetch it with `watchd models pull {spec.name}` ({spec.megabytes:g} MB), "
        f"or put the file at {home / spec.name}.onnx, or name another with --model FILE.onnx"
    )


def verify(found: FoundModel, environ: Mapping[str, str] = os.environ) -> str:
    """Reads the whole file and gives its checksum; MODEL_CHECKSUM_DISABLED lets any pass, as in rembg.

    ModelError: it is not the published one. A spec without a checksum cannot be compared.
    """
    try:
        with found.path.open("rb") as file:
            actual = checksum(file, found.spec.checksum)
    except OSError as error:
        raise ModelError(f"{found.path} cannot be read: {error.strerror}") from error
    if found.spec.checksum not in ("", actual) and "MODEL_CHECKSUM_DISABLED" not in environ:
        raise ModelError(
            f"{found.path} is not the published {found.spec.name}: its checksum is {actual}, "
            f"expected {found.spec.checksum}"
        )
    return actual


def checksum(file: BufferedReader | BufferedRandom, like: str = "") -> str:
    """Of a whole file that is open for reading, as "md5:…" or "sha256:…": of the kind that `like` is."""
    kind = like.partition(":")[0] or "sha256"
    file.seek(0)
    return f"{kind}:{hashlib.file_digest(file, kind).hexdigest()}"


def _is_file(model: str) -> bool:
    return model.endswith(".onnx") or os.sep in model


def _like(file: str) -> ModelSpec:
    """A file that the user names is fed as its name tells, and else as U²-Net is."""
    file = file.replace(f"{_INT8}.onnx", ".onnx")
    like = next((spec for spec in KNOWN.values() if file in (spec.file, f"{spec.name}.onnx")), None)
    if like is None:
        return replace(KNOWN["u2net"], licence="not known", good_for=_UNKNOWN)
    return replace(like, good_for=f"By its name {like.name}. {like.good_for}")


def _own_file(path: Path) -> FoundModel:
    """No checksum of it is known."""
    if not path.is_file() and path.stem.endswith(_INT8):
        raise _not_made(str(path.with_name(path.name.replace(_INT8, ""))))
    if not path.is_file():
        raise ModelError(f"no model file at {path}; `watchd models list` shows the names that watchd knows")
    spec = _like(path.name)
    return FoundModel(
        replace(
            spec,
            name=path.stem,
            file=path.name,
            url="",
            checksum="",
            megabytes=round(path.stat().st_size / 1e6, 1),
        ),
        path,
    )


def _int8(model: str, environ: Mapping[str, str]) -> FoundModel:
    """The int8 network of a known model, which is made here and published nowhere."""
    spec = known(model.removesuffix(_INT8))
    path = model_home(environ) / f"{model}.onnx"
    if not path.is_file():
        raise _not_made(spec.name)
    size = round(path.stat().st_size / 1e6, 1)
    return FoundModel(
        replace(spec, name=model, file=path.name, url="", checksum="", megabytes=size),
        path,
    )


def _not_made(model: str) -> ModelError:
    return ModelError(
        f"{model} is not there in int8: make it with `watchd models quantize {model} --calibrate DIR`, "
        "DIR being a folder of your photos"
    )


def _places(name: str, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Where a downloaded model may lie: in our place, where rembg keeps it now, where it kept it once."""
    data = environ.get("XDG_DATA_HOME")
    rembg = environ.get("U2NET_HOME") or environ.get("REMBG_HOME") or (data and f"{data}/rembg") or "~/.rembg"
    once = Path(data or "~") / ".u2net"
    return (
        model_home(environ) / f"{name}.onnx",
        _expanded(Path(rembg), environ) / "models" / name / f"{name}.onnx",
        _expanded(once, environ) / f"{name}.onnx",
    )


def _expanded(path: Path, environ: Mapping[str, str]) -> Path:
    """With the home of this environment in the place of a leading ~."""
    if path.parts[:1] == ("~",) and (home := environ.get("HOME")):
        return Path(home, *path.parts[1:])
    return path.expanduser()


_RELEASES = "https://github.com/danielgatis/rembg/releases/download/v0.0.0/"
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def _u2net(
    name: str,
    checksum: str,
    megabytes: float,
    good_for: str,
    *,
    url: str | None = None,
    run_megabytes: float = 240,
    refine: Refine = Refine.NONE,
) -> ModelSpec:
    file = f"{name}.onnx"
    return ModelSpec(
        name=name,
        file=file,
        url=_RELEASES + file if url is None else url,
        checksum=checksum,
        megabytes=megabytes,
        run_megabytes=run_megabytes,
        side=320,
        mean=_IMAGENET[0],
        std=_IMAGENET[1],
        activation="none",
        licence="Apache-2.0",
        good_for=good_for,
        refine=refine,
    )


def _isnet(name: str, checksum: str, megabytes: float, mean: Channels, good_for: str) -> ModelSpec:
    file = f"{name}.onnx"
    return ModelSpec(
        name=name,
        file=file,
        url=_RELEASES + file,
        checksum=checksum,
        megabytes=megabytes,
        # Reckoned, not measured: the layers of u2net on maps of 512 × 512 instead of 320 × 320.
        run_megabytes=650,
        side=1024,
        mean=mean,
        std=(1.0, 1.0, 1.0),
        activation="none",
        licence="Apache-2.0",
        good_for=good_for,
    )


def _birefnet(name: str, file: str, checksum: str, megabytes: float, good_for: str) -> ModelSpec:
    return ModelSpec(
        name=name,
        file=file,
        url=_RELEASES + file,
        checksum=checksum,
        megabytes=megabytes,
        run_megabytes=5000,  # not measured: what users of rembg tell
        side=1024,
        mean=_IMAGENET[0],
        std=_IMAGENET[1],
        activation="sigmoid",
        licence="MIT",
        good_for=good_for,
    )


KNOWN: Mapping[str, ModelSpec] = {
    spec.name: spec
    for spec in (
        _u2net(
            "builtin",
            "sha256:02b449faaf42157e64d2c6888099c2c3e393e9b448e8820dc2619d4512b8e6eb",
            5.3,
            "Any subject: people, animals, products; by far the fastest, and nearly as exact as u2netp.",
            url="",
            run_megabytes=24,
            refine=Refine.GUIDED,
        ),
        _u2net(
            "u2net",
            "md5:60024c5c889badc19c04ad937298a77b",
            176,
            "Any subject, with finer edges than builtin at forty times its time: the usual choice.",
        ),
        _u2net(
            "u2netp",
            "md5:8e83ca70e441ab06c318d82300c84806",
            4.7,
            "Any subject: a small u2net, three times as fast and a little less exact.",
        ),
        _u2net(
            "u2net_human_seg",
            "md5:c09ddc2e0104f800e3e1bb4652583d1f",
            176,
            "People only, in photographs; as slow as u2net.",
        ),
        _u2net(
            "silueta",
            "md5:55e59e0d8062d2f5d013f4725ee84782",
            44,
            "Any subject: u2net in a quarter of its size, a little less exact.",
        ),
        _isnet(
            "isnet-general-use",
            "md5:fc16ebd8b0c10d971d3513d564d01e29",
            179,
            (0.5, 0.5, 0.5),
            "Any subject, things with fine parts above all: more detail than u2net, several times slower.",
        ),
        _isnet(
            "isnet-anime",
            "md5:6f184e756bb3bd901c8849220a83e38e",
            176,
            _IMAGENET[0],
            "Drawn figures, as in anime; not for photographs.",
        ),
        _birefnet(
            "birefnet-general",
            "BiRefNet-general-epoch_244.onnx",
            "md5:7a35a0141cbbc80de11d9c9a28f52697",
            973,
            "Any subject in the finest detail; very slow on a CPU, and takes gigabytes of memory.",
        ),
        _birefnet(
            "birefnet-general-lite",
            "BiRefNet-general-bb_swin_v1_tiny-epoch_232.onnx",
            "md5:4fab47adc4ff364be1713e97b7e66334",
            224,
            "Any subject: birefnet-general with a smaller backbone.",
        ),
        _birefnet(
            "birefnet-portrait",
            "BiRefNet-portrait-epoch_150.onnx",
            "md5:c3a64a6abf20250d090cd055f12a3b67",
            973,
            "Portraits of people, hair included; as slow as birefnet-general.",
        ),
        _birefnet(
            "birefnet-dis",
            "BiRefNet-DIS-epoch_590.onnx",
            "md5:2d4d44102b446f33a4ebb2e56c051f2b",
            973,
            "Things with intricate outlines: lattices, wires, bicycles.",
        ),
        _birefnet(
            "birefnet-hrsod",
            "BiRefNet-HRSOD_DHU-epoch_115.onnx",
            "md5:c017ade5de8a50ff0fd74d790d268dda",
            973,
            "Salient objects in pictures of high resolution.",
        ),
        _birefnet(
            "birefnet-cod",
            "BiRefNet-COD-epoch_125.onnx",
            "md5:f6d0d21ca89d287f17e7afe9f5fd3b45",
            973,
            "Subjects that blend into their background, as camouflaged animals do.",
        ),
        _birefnet(
            "birefnet-massive",
            "BiRefNet-massive-TR_DIS5K_TR_TEs-epoch_420.onnx",
            "md5:33e726a2136a3d59eb0fdf613e31e3e9",
            973,
            "Any subject: birefnet-general trained on more pictures.",
        ),
    )
}
