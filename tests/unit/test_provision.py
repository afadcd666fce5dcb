import psutil
import pytest

from watchd.config.schema import Config
from watchd.domain.errors import ConfigError, ModelError
from watchd.provision import default_memory, fetch, thread_plan


def test_default_memory_is_at_most_half_of_the_machine() -> None:
    assert 0 < default_memory() <= psutil.virtual_memory().total // 2


def test_thread_plan_uses_every_usable_cpu_once() -> None:
    plan = thread_plan(Config())

    assert plan.workers >= 1
    pinned = [cpu for cpu in plan.worker_cpus if cpu is not None]
    assert len(set(pinned)) == len(pinned)


def test_thread_plan_refuses_a_cpu_outside_of_the_mask() -> None:
    with pytest.raises(ConfigError, match="usable are"):
        thread_plan(Config(binding="4095"))


def test_unknown_model_is_not_looked_for_on_the_network() -> None:
    asked: list[int] = []

    with pytest.raises(ModelError, match="did you mean u2net"):
        fetch("u2nett", {}, lambda have, total: asked.append(have))
    assert asked == []


def test_builtin_is_found_without_an_environment() -> None:
    assert fetch("builtin", {}, lambda have, total: None).path.name == "builtin.onnx"
