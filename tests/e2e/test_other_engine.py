"""A few of the scenarios on Docker 28 with the classic image store; ``./run engines`` has all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import KIND, busybox, started
from tests.e2e.lab import Lab, lab_folder
from tests.e2e.test_check_real import test_buildkits_own_checks_are_among_ours
from tests.e2e.test_publish import test_two_machines_with_one_key_end_with_one_digest
from tests.e2e.test_scenarios import (
    test_a_child_in_the_registry_leaves_its_parent_there,
    test_a_code_edit_runs_build_and_runtime_only,
    test_an_empty_engine_pulls_the_base,
    test_going_back_finds_the_earlier_image,
    test_nothing_changed_means_nothing_happens,
)

__all__ = [
    "test_a_child_in_the_registry_leaves_its_parent_there",
    "test_a_code_edit_runs_build_and_runtime_only",
    "test_an_empty_engine_pulls_the_base",
    "test_buildkits_own_checks_are_among_ours",
    "test_going_back_finds_the_earlier_image",
    "test_nothing_changed_means_nothing_happens",
    "test_two_machines_with_one_key_end_with_one_digest",
]

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def lab(pytestconfig: pytest.Config) -> Iterator[Lab]:
    """Another kind than that of all other tests, in a folder of its own."""
    kind = {"version": "28", "store": "classic"}
    if {name: pytestconfig.getoption(f"--{option}") for name, option in KIND.items()} == kind:
        pytest.skip("that is what all tests run on")
    with started(lab_folder("lab-28-classic"), kind) as found:
        yield found


@pytest.fixture(scope="module")
def upstream(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> str:
    """As everywhere, in that engine's registry."""
    return busybox(lab, tmp_path_factory.mktemp("busybox"))
