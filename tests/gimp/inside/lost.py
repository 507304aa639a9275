"""Daemon, worker and plug-in die while a fill is waited for. tests/gimp/test_accidents.py judges."""

from filling import filled, refused
from host import ask, only_layer, photo, rectangle


def accident_daemon_killed(case):
    return _accident("kill-daemon")


def accident_after_the_kill(case):
    image = photo()
    rectangle(image, 150, 100, 90, 60)
    return filled(case, image, only_layer(image))


def accident_plug_in_killed(case):
    return _accident("kill-plug-in")


def accident_worker_killed_once(case):
    return _accident("kill-one-worker")


def accident_worker_killed_twice(case):
    return _accident("kill-two-workers")


def accident_other_version(case):
    return _accident("other-version")


def _accident(action):
    image = photo()
    rectangle(image, 150, 100, 90, 60)
    ask(action)
    return refused(image, [only_layer(image)])


CASES = [value for name, value in list(globals().items()) if name.startswith("accident_")]
