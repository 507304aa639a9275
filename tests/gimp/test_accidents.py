"""Daemon and worker die or are of another version while real GIMP waits for its fill."""

from __future__ import annotations

from typing import Any

import pytest

from gimp.real import RealGimp
from gimp.test_refusals import assert_untouched
from rigatino_wire import __version__
from rigatino_wire.endpoint import read_connection
from rigatino_wire.errors import Failure

pytestmark = [pytest.mark.gimp, pytest.mark.timeout(2400)]


def assert_filled(facts: dict[str, Any]) -> None:
    assert facts["outcome"] == {**facts["outcome"], "status": "success", "error": ""}
    assert len(facts["after"]["layers"]) == 2


def test_a_daemon_that_dies_is_said_and_the_image_is_as_it_was(cases: RealGimp) -> None:
    facts = cases.facts("accident_daemon_killed")
    assert facts["outcome"]["status"] == "execution-error"
    assert facts["outcome"]["error"] in (str(Failure("daemon_lost")), str(Failure("daemon_silent")))
    assert_untouched(facts)


def test_the_next_fill_starts_a_new_daemon(cases: RealGimp) -> None:
    assert_filled(cases.facts("accident_after_the_kill"))


def test_cancelling_leaves_the_image_as_it_was_and_the_daemon_drops_the_work(cases: RealGimp) -> None:
    facts = cases.facts("accident_plug_in_killed")
    assert facts["outcome"]["status"] != "success"
    assert_untouched(facts)
    assert (cases.share / "out" / "dropped").exists()


def test_a_worker_that_dies_once_is_not_noticed(cases: RealGimp) -> None:
    assert_filled(cases.facts("accident_worker_killed_once"))


def test_a_worker_that_dies_twice_is_a_sentence(cases: RealGimp) -> None:
    facts = cases.facts("accident_worker_killed_twice")
    assert facts["outcome"]["status"] == "execution-error"
    assert facts["outcome"]["error"] == str(Failure("worker_lost"))
    assert_untouched(facts)


def test_a_daemon_of_another_version_is_replaced(cases: RealGimp) -> None:
    assert_filled(cases.facts("accident_other_version"))
    connection = read_connection(cases.runtime)
    assert connection is not None
    assert connection.version == __version__
