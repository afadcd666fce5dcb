"""The two that are compared, each run on a folder of pictures as its users run it, with its defaults."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import measure
from measure import Run
from PIL import Image
from place import WATCHD, BenchError, environment
from rembghome import REMBG


@dataclass(frozen=True, slots=True)
class Program:
    """One of the two, ready to be run on a folder of pictures; `folder` is made anew for each run."""

    command: tuple[str | Path, ...]
    environment: dict[str, str]
    folder: Path
    inbox: Path
    outbox: Path

    def on(self, source: Path) -> Run:
        """Runs on a copy of the pictures; the outputs stay until the next run."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(source, self.inbox)
        log = self.folder.with_suffix(".log")
        cost = measure.run(self.command, self.environment, log)
        for picture in source.iterdir():
            self._must_have_made(self.outbox / f"{picture.stem}.png", picture, log)
        return cost

    def _must_have_made(self, output: Path, picture: Path, log: Path) -> None:
        if not output.is_file():
            raise BenchError(f"{self.command[0]} made no {output.name}\n{measure.ending(log)}")
        with Image.open(picture) as before, Image.open(output) as after:
            if (after.size, after.mode) != (before.size, "RGBA"):
                raise BenchError(f"{self.command[0]}: {output} is {after.mode} {after.size}")


def watchd_program(model: Path, work: Path, precision: str = "fp32") -> Program:
    """`watchd run --once`; a precision other than the default is set in a config file, as a user has to."""
    folder, config = work / "photos", work / "config.yaml"
    recipe = f"{{default: {{model: {model}, precision: {precision}}}}}"
    engine = "models: {engine: openvino}\n" if precision == "bf16" else ""
    config.write_text(f"watch: [{{root: {folder}}}]\nprofiles: {recipe}\n{engine}")
    command = (WATCHD, "run", "--config", config, "--once")
    return Program(command, environment(), folder, folder / "inbox", folder / "outbox")


def rembg_program(model: Path, work: Path) -> Program:
    """`rembg p`."""
    folder = work / "rembg"
    command = rembg_command(folder / "in", folder / "out")
    return Program(command, rembg_environment(model, work), folder, folder / "in", folder / "out")


def rembg_command(inbox: Path, outbox: Path, *options: str) -> tuple[str | Path, ...]:
    return (REMBG / "bin/rembg", "p", *options, "-m", "u2netp", inbox, outbox)


def rembg_environment(model: Path, work: Path) -> dict[str, str]:
    """Whatever the file is, rembg takes it for its u2netp, which is prepared and read in the same way."""
    home = work / "home"
    home.mkdir()
    (home / "u2netp.onnx").symlink_to(model)
    return environment(U2NET_HOME=str(home), MODEL_CHECKSUM_DISABLED="1")
