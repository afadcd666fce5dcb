"""Reads the configuration again, and makes ready what it asks for, while the line works on."""

import contextlib
import threading
from collections.abc import Callable, Mapping
from functools import partial

from watchd.assembly import Line, Mailbox
from watchd.background import Background, Grace
from watchd.branch import Branch
from watchd.config.live import Change, change
from watchd.config.schema import Config, Reloads
from watchd.config.source import LASTS_S, Source
from watchd.domain.commands import Crashed, Reload, Reread
from watchd.domain.errors import StartupError
from watchd.domain.events import ConfigAdopted, ConfigRefused
from watchd.imaging.cpus import ThreadPlan
from watchd.intake.observer import ringing
from watchd.provision import Networks, load_patiently, thread_plan
from watchd.report import logs
from watchd.store.places import prepare

_LOOK_EVERY_S = 1.0
"""Where no event says that there is something new: on a share, or behind a link."""


class Reloading(Background):
    """Whatever may take long, or fail, is done on its own thread, before anything is changed; what it comes
    to is adopted on the main thread, by way of the mailbox.

    Entered after the line and left before it. What still loads then is not waited for, and comes to nothing.
    """

    def __init__(
        self,
        config: Config,
        *,
        source: Source,
        line: Line,
        networks: Networks,
        mailbox: Mailbox,
        environ: Mapping[str, str],
    ) -> None:
        self._news = threading.Event()
        super().__init__("reload", self._work, self._crashed, Grace(_LOOK_EVERY_S), wake=self._news.set)
        self._config = config
        self._source = source
        self._line = line
        self._networks = networks
        self._mailbox = mailbox
        self._environ = environ
        self._asked = False
        self._handed_over = False

    def ask(self) -> None:
        """Main thread. What is asked for while it is at work is done after that."""
        self._asked = True
        self._news.set()

    @property
    def under_way(self) -> bool:
        return self._asked or self._handed_over

    def _work(self, stopping: threading.Event) -> None:
        folder = self._source.folder
        with ringing(folder, self._news.set) if folder else contextlib.nullcontext():
            self._look_on(stopping)

    def _look_on(self, stopping: threading.Event) -> None:
        while not stopping.is_set():
            if self._asked and not self._handed_over:
                self._handed_over, self._asked = True, False
                self._mailbox.put(Reread(self._reread()))
            elif not self._handed_over:
                self._let_go()
                if self._config.reload is Reloads.AUTO and self._source.changed():
                    self._mailbox.put(Reload())
            self._news.wait(LASTS_S if self._source.unsettled else _LOOK_EVERY_S)
            self._news.clear()

    def _reread(self) -> Callable[[], None]:
        """What is to be called on the main thread. Nothing has changed until then."""
        try:
            return self._made_ready(change(self._config, self._source.read().config))
        except (StartupError, OSError) as error:
            return partial(self._refuse, str(error))

    def _made_ready(self, changed: Change) -> Callable[[], None]:
        config = changed.config
        folders, plan = config.watch_folders(), thread_plan(config)
        models = sorted({model for folder in folders for model in folder.models})
        segmenters = load_patiently(self._networks, models, self._environ)
        for folder in set(folders) - set(self._config.watch_folders()):
            self._line.must_be_there(folder)
            prepare(folder)
        if self.stopping.is_set():
            return lambda: None
        return partial(self._adopt, changed, plan, self._line.branches(config, segmenters))

    def _adopt(self, changed: Change, plan: ThreadPlan, branches: tuple[Branch, ...]) -> None:
        config, before = changed.config, self._config
        self._config = config
        if config.log != before.log:
            logs.set_up(config.log.level, config.log.format, None, self._environ)
        self._networks.follow(plan, config.models.resident)
        self._line.adopt(config, plan, branches)
        self._line.announce(ConfigAdopted(changed.live, changed.restart))
        self._end()

    def _refuse(self, reason: str) -> None:
        self._line.announce(ConfigRefused(reason))
        self._end()

    def _end(self) -> None:
        self._handed_over = False
        self._news.set()

    def _let_go(self) -> None:
        """What nobody needs any more, since its last job has ended or it was not adopted after all."""
        self._line.let_go()
        self._networks.keep(self._line.models)

    def _crashed(self, thread: str, error: BaseException) -> None:
        self._mailbox.put(Crashed(thread, error))
