from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from fakes import draw
from tiny_model import build_tiny_model

from watchd.config.schema import Config, Models
from watchd.domain.engine import Engine
from watchd.domain.errors import ConfigError, ModelError
from watchd.domain.profile import Precision
from watchd.provision import Networks, default_memory, fetch, precisions, thread_plan


def configured(model: str, memory: str) -> Config:
    return Config.model_validate(
        {
            "watch": [{"root": "photos"}],
            "profiles": {"default": {"model": model}},
            "limits": {"memory": memory},
            "threads": {"workers": 4},
        }
    )


def test_default_memory_is_at_most_half_of_the_machine() -> None:
    assert 0 < default_memory() <= psutil.virtual_memory().total // 2


@pytest.mark.parametrize(
    ("folder", "used"),
    [
        ({}, {Precision.FP32}),
        ({"profile": "quick"}, {Precision.INT8}),
        ({"rules": True}, {Precision.FP32, Precision.INT8, Precision.BF16}),
    ],
)
def test_precisions_are_those_of_folders_and_of_what_their_rules_may_choose(
    folder: dict[str, object], used: set[Precision]
) -> None:
    profiles = {"quick": {"precision": "int8"}, "quicker": {"precision": "bf16"}}

    config = Config.model_validate({"watch": [{"root": "photos", **folder}], "profiles": profiles})

    assert precisions(config) == used


def test_thread_plan_uses_every_usable_cpu_once() -> None:
    plan = thread_plan(Config())

    assert plan.workers >= 1
    pinned = [cpu for cpu in plan.worker_cpus if cpu is not None]
    assert len(set(pinned)) == len(pinned)


def test_thread_plan_refuses_a_cpu_outside_of_the_mask() -> None:
    with pytest.raises(ConfigError, match="usable are"):
        thread_plan(Config(binding="4095"))


def test_thread_plan_knows_what_the_network_takes_to_run() -> None:
    little = [note for note in thread_plan(configured("u2net", "700MB")).notes if "limits.memory" in note]
    enough = [note for note in thread_plan(configured("builtin", "700MB")).notes if "limits.memory" in note]

    assert little == ["4 workers want more memory than limits.memory, which is enough for 2"]
    assert enough == []


def test_thread_plan_needs_no_model_that_is_known() -> None:
    assert thread_plan(configured("u2nett", "700MB")).workers == 4


def test_unknown_model_is_not_looked_for_on_the_network() -> None:
    asked: list[int] = []

    with pytest.raises(ModelError, match="did you mean u2net"):
        fetch("u2nett", {}, lambda have, total: asked.append(have))
    assert asked == []


def test_builtin_is_found_without_an_environment() -> None:
    assert fetch("builtin", {}, lambda have, total: None).path.name == "builtin.onnx"


def test_more_models_than_stay_in_memory_all_give_masks(tmp_path: Path) -> None:
    models = [str(build_tiny_model(tmp_path / f"{side}.onnx", side)) for side in (16, 24, 32)]

    loaded = Networks(thread_plan(Config()), {}, Models(resident=1)).load(models, lambda have, total: None)

    sides = [segmenter(segmenter.shrink(draw())).shape[0] for segmenter in loaded.values()]
    assert sides == [16, 24, 32]


def test_model_that_cannot_be_loaded_is_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"no network")

    with pytest.raises(ModelError, match="cannot be loaded"):
        Networks(thread_plan(Config()), {}).load([str(tmp_path / "bad.onnx")], lambda have, total: None)


def test_networks_that_are_not_kept_leave_memory_and_are_loaded_anew(tmp_path: Path) -> None:
    one, other = (str(build_tiny_model(tmp_path / f"{side}.onnx", side)) for side in (16, 24))
    networks = Networks(thread_plan(Config()), {})
    before = networks.load([one, other], lambda have, total: None)

    networks.keep([other])
    after = networks.load([one, other], lambda have, total: None)

    assert after[other] is before[other]
    assert after[one] is not before[one]


def test_plan_that_differs_for_networks_loads_them_again_as_they_are_to_run(tmp_path: Path) -> None:
    model = str(build_tiny_model(tmp_path / "one.onnx", 16))
    plan = thread_plan(Config())
    networks = Networks(plan, {})
    segmenter = networks.load([model], lambda have, total: None)[model]

    networks.follow(replace(plan, worker_cpus=(None,)), resident=2)
    same = networks._residents.loaded()
    networks.follow(replace(plan, intra_op=plan.intra_op + 1), resident=2)
    dropped = networks._residents.loaded()

    assert (same, dropped) == ((model,), ())
    assert segmenter(segmenter.shrink(draw())).shape == (16, 16)


def test_number_of_workers_loads_networks_again_only_where_the_engine_counts_them(tmp_path: Path) -> None:
    model = str(build_tiny_model(tmp_path / "one.onnx", 16))
    plan = replace(thread_plan(Config()), workers=1)
    left = {}
    for engine in Engine:
        networks = Networks(plan, {}, Models(engine=engine))
        networks.load([model], lambda have, total: None)
        networks.follow(replace(plan, workers=2), resident=2)
        left[engine] = networks._residents.loaded()

    assert left == {Engine.ONNXRUNTIME: (model,), Engine.OPENVINO: ()}
