"""Candidates in real GIMP, of small random networks: a group, ranked, and more of them from the layers themselves."""

from __future__ import annotations

from typing import Any

import pytest

from gimp.real import RealGimp
from gimp.test_refusals import assert_untouched
from rigatino_wire.errors import Failure

pytestmark = [pytest.mark.gimp, pytest.mark.timeout(2400)]

Facts = dict[str, Any]


def lineages(candidates: list[Facts]) -> list[list[int]]:
    return [one["record"]["answer"]["lineage"] for one in candidates]


def visible(candidates: list[Facts]) -> list[bool]:
    return [one["visible"] for one in candidates]


def named(network: str, one: Facts) -> str:
    """What a candidate's layer is to be called."""
    answer = one["record"]["answer"]
    name = f"Fill ({network}) seed {'+'.join(map(str, answer['lineage']))}"
    return name if answer["score"] is None else f"{name} score {answer['score']:.2f}"


def pixels(candidates: list[Facts]) -> dict[str, str]:
    return {str(one["record"]["answer"]["lineage"]): one["pixels"] for one in candidates}


def test_three_candidates_come_as_a_group_that_shows_the_first(cases: RealGimp) -> None:
    facts = cases.facts("several_three")
    group = facts["new"]
    assert facts["outcome"]["status"] == "success"
    assert [layer["name"] for layer in facts["after"]["layers"]] == ["Fill (pic)", "Background"]
    assert facts["outcome"]["returned"] == group["name"] == "Fill (pic)"
    assert visible(facts["candidates"]) == [True, False, False]
    assert sorted(lineages(facts["candidates"])) == [[40], [41], [42]]
    assert [one["name"] for one in facts["candidates"]] == [named("pic", one) for one in facts["candidates"]]
    assert len(set(pixels(facts["candidates"]).values())) == 3
    assert all(one["mask"] and one["parasites"] == ["rigatino-fill"] for one in facts["candidates"])


def test_around_them_all_is_as_it_was(cases: RealGimp) -> None:
    facts = cases.facts("several_three")
    before, after = facts["before"], facts["after"]
    assert (after["selected"], after["selection"]) == (before["selected"], before["selection"])
    assert after["layers"][1:] == before["layers"]


def test_the_critic_ranks_them(cases: RealGimp) -> None:
    scores = [one["record"]["answer"]["score"] for one in cases.facts("several_three")["candidates"]]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) > 1


def test_each_can_be_made_alone(cases: RealGimp) -> None:
    alone = cases.facts("several_one_alone")
    assert pixels(cases.facts("several_three")["candidates"]) == {
        f"[{seed}]": one for seed, one in alone.items()
    }


def test_without_a_critic_they_come_by_their_seeds(cases: RealGimp) -> None:
    candidates = cases.facts("several_without_a_critic")["candidates"]
    assert [one["name"] for one in candidates] == [f"Fill (comodgan) seed {seed}" for seed in (40, 41, 42)]
    assert all(one["record"]["answer"]["score"] is None for one in candidates)


def test_without_variety_they_are_the_same(cases: RealGimp) -> None:
    assert len(set(pixels(cases.facts("several_without_variety")["candidates"]).values())) == 1


def test_another_candidate_joins_a_saved_group_with_its_settings(cases: RealGimp) -> None:
    facts = cases.facts("several_another")
    new, *others = facts["candidates"]
    assert facts["outcome"]["error"] == ""
    assert facts["new"]["name"] == new["name"] == named("pic", new)
    assert (lineages([new]), new["record"]["settings"]["grow"]) == ([[99]], 6)
    assert pixels(others) == pixels(facts["old"])
    assert visible(facts["candidates"]) == [True, False, False, False]
    assert facts["after"]["selected"] == facts["before"]["selected"]
    assert [layer["name"] for layer in facts["after"]["layers"]] == ["Fill (pic)", "Background"]
    assert (new["size"], new["offset"]) == (others[0]["size"], others[0]["offset"])


def test_like_asks_for_what_resembles_the_chosen_one(cases: RealGimp) -> None:
    facts = cases.facts("several_like")
    chosen = facts["old"][1]["record"]["answer"]["lineage"]
    assert sorted(lineages(facts["candidates"][:2])) == [[*chosen, 7], [*chosen, 8]]
    assert facts["candidates"][0]["name"] == named("pic", facts["candidates"][0])
    assert lineages(facts["candidates"][2:]) == lineages(facts["old"])
    assert visible(facts["candidates"]) == [True, False, False, False, False]


def test_the_layer_that_was_filled_stands_for_the_candidate_that_is_seen(cases: RealGimp) -> None:
    facts = cases.facts("several_like_the_one_that_is_seen")
    assert lineages(facts["candidates"][:1]) == [[*facts["lineage"], 7]]


def test_a_single_fill_becomes_a_group_that_has_its_name_and_looks(cases: RealGimp) -> None:
    facts = cases.facts("several_of_a_single")
    new, old = facts["candidates"]
    assert [layer["name"] for layer in facts["after"]["layers"]] == ["my face", "Background"]
    assert facts["after"]["opacity"]["my face"] == pytest.approx(70, abs=0.5)
    assert facts["group"]["tag"] == "violet"
    assert (lineages([new, old]), visible([new, old])) == ([[41], [40]], [True, False])
    assert old["name"] == named("pic", old)
    assert {name: old[name] for name in ("pixels", "record", "size", "offset")} == {
        name: facts["old"][name] for name in ("pixels", "record", "size", "offset")
    }
    assert facts["after"]["selected"] == [old["name"]]


def test_it_stays_where_it_was_among_the_layers(cases: RealGimp) -> None:
    (group,) = cases.facts("several_of_a_single_in_a_group")["after"]["layers"]
    assert [child["name"] for child in group["children"]] == ["Fill (pic)", "Background"]
    assert len(group["children"][0]["children"]) == 2


def test_a_saved_group_can_be_made_anew(cases: RealGimp) -> None:
    facts = cases.facts("several_again")
    assert pixels(facts["candidates"]) == pixels(facts["old"])
    assert [layer["name"] for layer in facts["after"]["layers"]] == ["Fill (pic)", "Background"]


def test_a_fill_of_the_first_version_can_be_made_anew(cases: RealGimp) -> None:
    facts = cases.facts("several_of_the_first_version")
    assert facts["outcome"]["error"] == ""
    assert facts["version"] == 1
    assert facts["record"]["version"] == 2
    assert facts["new"]["pixels"] == facts["old"]["pixels"]


def test_a_network_without_chance_has_no_others(cases: RealGimp) -> None:
    for facts in cases.facts("several_refused"):
        assert facts["outcome"]["status"] == "execution-error"
        assert facts["outcome"]["error"] == str(Failure("one_answer", network="lama-small"))
        assert_untouched(facts)


def test_cancelling_leaves_none(cases: RealGimp) -> None:
    facts = cases.facts("several_cancelled")
    assert facts["outcome"]["returned"] is None
    assert facts["after"] == facts["before"]


def test_what_breaks_leaves_the_single_fill_as_it_was(cases: RealGimp) -> None:
    steps = cases.facts("several_broken")
    assert len(steps) == 3
    for facts in steps:
        assert facts["raised"]
        before, after = ({**facts[when], "dirty": None} for when in ("before", "after"))
        assert after == before


def test_a_candidate_whose_fill_is_gone_is_a_fill_of_its_own(cases: RealGimp) -> None:
    facts = cases.facts("several_removed_meanwhile")
    assert [layer["name"] for layer in facts["after"]["layers"]] == ["Fill (pic)", "Background"]
    assert "children" not in facts["new"]
