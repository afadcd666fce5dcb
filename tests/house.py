"""The whole line in this process, on a folder of its own, with a network of one kilobyte."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fakes import wait_until
from PIL import Image

from watchd.assembly import Line, Mailbox, assemble
from watchd.config.load import load
from watchd.domain.profile import WatchFolder
from watchd.provision import Networks, thread_plan
from watchd.store.places import prepare
from watchd.store.receipts import Receipt, Receipts
from watchd.tree import Tree


@dataclass(frozen=True)
class House:
    """A watch folder that is being watched."""

    root: Path
    folder: WatchFolder
    mailbox: Mailbox
    line: Line

    def outputs(self) -> set[str]:
        """The cutouts by their path below the outbox; hidden temps would show up here, too."""
        return files(self.folder.outbox)

    def originals(self) -> set[str]:
        return files(self.folder.originals)

    def inbox(self) -> set[str]:
        return files(self.folder.inbox)

    def failed(self) -> set[str]:
        return files(self.folder.failed)

    def wait_for(self, *outputs: str, within_s: float = 20.0) -> None:
        wait_until(lambda: set(outputs) <= self.outputs(), within_s)

    def receipt(self, relative: str) -> Receipt:
        receipt = Receipts(Tree(self.folder.sidecar)).read(relative)
        assert receipt is not None
        return receipt

    def cutout(self, name: str) -> Image.Image:
        with Image.open(self.folder.outbox / name) as image:
            image.load()
            return image


def files(place: Path) -> set[str]:
    return {str(path.relative_to(place)) for path in place.rglob("*") if not path.is_dir()}


@contextmanager
def running(root: Path, model: Path, options: Mapping[str, Any] | None = None) -> Iterator[House]:
    """Real threads, real inotify, the real ONNX Runtime; only the network is tiny."""
    watch = {"settle": "300ms", "rescan": "1h"} | {
        key: value for key, value in (options or {}).items() if key in _OF_FOLDER
    }
    text = "\n    ".join(["watch:\n  - root: .", *(f"{key}: {value}" for key, value in watch.items())])
    top = {key: value for key, value in (options or {}).items() if key not in _OF_FOLDER}
    root.mkdir(exist_ok=True)
    (root / "config.yaml").write_text(text)
    overrides = {"profiles.default.model": str(model), "threads.workers": 2} | top
    config = load(root / "config.yaml", None, overrides, {}).config
    [folder] = config.watch_folders()
    prepare(folder)
    plan = thread_plan(config)
    mailbox = Mailbox()
    segmenters = Networks(plan, {}, config.models).load([folder.profile.model], lambda have, total: None)
    line = assemble(config, segmenters=segmenters, plan=plan, mailbox=mailbox, environ={})
    with ExitStack() as life:
        for part in line.parts:
            life.enter_context(part)
        yield House(root, folder, mailbox, line)
    assert mailbox.empty(), f"the line asked for something: {mailbox.get()}"


_OF_FOLDER = frozenset(
    {
        "settle_timeout",
        "after",
        "detect",
        "poll",
        "recursive",
        "ignore",
        "ready",
        "rescan",
        "hooks",
        "deliver",
    }
)
