"""Fills of a network that says itself how its answer passes into the picture. tests/gimp/test_seams.py judges."""

from filling import filled
from host import only_layer, photo, rectangle


def seam_of_the_network(case):
    return _filled(case, seam="auto")


def seam_that_is_feathered(case):
    return _filled(case, seam="feather")


def _filled(case, **arguments):
    image = photo()
    rectangle(image, 150, 140, 90, 60)  # over the edge between light and dark
    return filled(case, image, only_layer(image), network="dfnet", **arguments)


CASES = [seam_of_the_network, seam_that_is_feathered]
