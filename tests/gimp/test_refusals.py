"""What rigatino-fill refuses in real GIMP: a sentence says what to do, and the image is as it was."""

from __future__ import annotations

from typing import Any

import pytest

from gimp.real import RealGimp
from rigatino_wire.errors import Failure

pytestmark = [pytest.mark.gimp, pytest.mark.timeout(2400)]

REFUSALS = {
    "refuse_nothing_selected": ("execution-error", "selection_empty"),
    "refuse_selection_outside": ("execution-error", "selection_outside"),
    "refuse_everything_selected": ("execution-error", "hole_everything"),
    "refuse_floating_selection": ("execution-error", "floating_selection"),
    "refuse_indexed": ("execution-error", "indexed_image"),
    "refuse_two_layers": ("calling-error", "many_layers"),
    "refuse_no_layer": ("calling-error", "no_layer"),
    "refuse_a_layer_of_another_image": ("calling-error", "no_layer"),
}


def assert_untouched(facts: dict[str, Any]) -> None:
    assert facts["outcome"]["returned"] is None
    assert facts["after"] == facts["before"]
    assert facts["after"]["dirty"] is False  # not even an undo step


@pytest.mark.parametrize("case", sorted(REFUSALS))
def test_a_refusal_is_a_sentence_and_nothing_else(cases: RealGimp, case: str) -> None:
    facts = cases.facts(case)
    status, code = REFUSALS[case]
    assert facts["outcome"]["status"] == status
    assert facts["outcome"]["error"] == str(Failure(code))
    assert_untouched(facts)


def test_a_wrong_value_is_a_calling_error_that_names_it(cases: RealGimp) -> None:
    for facts in cases.facts("refuse_wrong_values"):
        ((name, value),) = facts["arguments"].items()
        assert facts["outcome"]["status"] == "calling-error"
        assert str(value) in facts["outcome"]["error"]
        assert name in facts["outcome"]["error"]
        assert_untouched(facts)
