"""Providers that are not there, and those that are but do not start."""

import pytest

from watchd.domain.engine import Provider
from watchd.domain.errors import ModelError
from watchd.imaging.providers import PROVIDERS, refuse_fallback, refuse_missing

ASKED = [PROVIDERS[Provider.CUDA], PROVIDERS[Provider.CPU]]
CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"


def test_each_provider_of_the_config_is_in_the_table() -> None:
    assert set(PROVIDERS) == set(Provider)


def test_providers_that_are_there_and_have_started_are_no_trouble() -> None:
    refuse_missing(ASKED, [CUDA, CPU, "AzureExecutionProvider"])
    refuse_fallback(ASKED, [CUDA, CPU])


def test_provider_that_the_build_lacks_is_told_with_those_that_it_has() -> None:
    with pytest.raises(ModelError, match=f"has no {CUDA}, only {CPU};"):
        refuse_missing(ASKED, [CPU])


def test_provider_that_does_not_start_is_told_instead_of_the_cpu_used() -> None:
    with pytest.raises(ModelError, match=f"{CUDA} has not started .* there would be {CPU} only"):
        refuse_fallback(ASKED, [CPU])
