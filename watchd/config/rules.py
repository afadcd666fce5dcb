"""What a rule, the .watchd.yml in a folder of an inbox, may say: a few keys of a profile."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from pydantic import ValidationError

from watchd.config import references, units, written
from watchd.config.keys import dotted
from watchd.config.load import read_strange
from watchd.config.problems import Problem, problem_of
from watchd.config.schema import Section, Use, live, section
from watchd.domain.errors import ConfigError
from watchd.domain.profile import Encode, Precision, Profile, Refine, WatchFolder
from watchd.domain.reuse import CachePolicy


class Rule(Section):
    """What it does not say is as in the watch folder's own profile, or in the one that it names."""

    profile: Annotated[str | None, written.text("the name of a profile")] = live(
        None, "Another profile of the configuration."
    )
    model: Annotated[str | None, references.model()] = live(None, "Another network that a profile names.")
    precision: Annotated[Precision | None, units.choice(Precision)] = live(
        None, "How exactly that network reckons; only beside model."
    )
    encode: Annotated[Encode | None, units.choice(Encode)] = live(None, "What the encoder saves.")
    refine: Annotated[Refine | None, units.choice(Refine)] = live(
        None, "How the mask is laid over the picture."
    )
    decontaminate: Annotated[bool | None, units.flag()] = live(
        None, "Whether soft edges lose the colours of the old background."
    )
    cache: Use = section(Use(), "What is not reused; nothing can be switched on that is off.")


def read_rule(text: bytes, where: str, folder: WatchFolder) -> Profile:
    """The profile that it makes of the folder's own. ConfigError, one line for each problem."""
    try:
        layer, problems = read_strange(Path(where), text.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ConfigError(f"{where}: not UTF-8: save the file in that encoding") from error
    try:
        rule = Rule.model_validate(layer.values)
    except ValidationError as error:
        problems += map(_known, (problem_of(each) for each in error.errors(include_url=False)))
    else:
        problems += _unfulfillable(rule, folder)
    if problems:
        lines = (f"{layer.nearest(path) or where}: {dotted(path)}: {text}" for path, text in problems)
        raise ConfigError("\n".join(lines))
    return _applied(rule, folder)


def _known(problem: Problem) -> Problem:
    """With the keys of a rule instead of those of a config."""
    path, text = problem
    unknown = text.startswith("unknown key")
    return path, f"unknown key: a rule may have {', '.join(Rule.model_fields)}" if unknown else text


def _unfulfillable(rule: Rule, folder: WatchFolder) -> Iterator[Problem]:
    names = [profile.name for profile in folder.choices]
    if rule.profile is not None and rule.profile not in names:
        yield ("profile",), f"no profile {rule.profile!r}: the configuration has {', '.join(names)}"
    if rule.precision is not None and rule.model is None:
        yield ("precision",), "give model, too, or name a profile that has this precision"
    if rule.model is not None and (model := _model(rule)) not in folder.models:
        yield ("model",), f"no profile has {model!r}: there are {', '.join(sorted(folder.models))}"


def _model(rule: Rule) -> str:
    return (rule.precision or Precision.FP32).of(rule.model or "")


def _applied(rule: Rule, folder: WatchFolder) -> Profile:
    named = (profile for profile in folder.choices if profile.name == rule.profile)
    base = next(named, folder.profile)
    return replace(
        base,
        model=_model(rule) if rule.model else base.model,
        encode=rule.encode or base.encode,
        refine=rule.refine or base.refine,
        decontaminate=base.decontaminate if rule.decontaminate is None else rule.decontaminate,
        cache=_less(base.cache, rule.cache),
    )


def _less(policy: CachePolicy, use: Use) -> CachePolicy:
    strict = use.strict is True
    return replace(
        policy,
        enabled=policy.enabled and use.enabled is not False,
        outputs=policy.outputs and use.outputs is not False,
        perceptual=policy.perceptual and use.perceptual is not False,
        max_distance=min(policy.max_distance, 8) if strict else policy.max_distance,
        min_edge_agreement=max(policy.min_edge_agreement, 0.8) if strict else policy.min_edge_agreement,
    )
