"""How each system is trained."""

from __future__ import annotations

from typing import Any

from rigatino_models.training.method import Method
from rigatino_models.training.methods.collage import GameMethod
from rigatino_models.training.methods.comodgan import CoModGANMethod
from rigatino_models.training.methods.dfnet import DFNetMethod
from rigatino_models.training.methods.gfc import GfcMethod
from rigatino_models.training.methods.lama import LamaMethod
from rigatino_models.training.methods.pic import PicMethod
from rigatino_models.training.settings import Recipe

METHODS: dict[str, type[Method[Any]]] = {
    "lama": LamaMethod,
    "comodgan": CoModGANMethod,
    "pic": PicMethod,
    "dfnet": DFNetMethod,
    "gfc": GfcMethod,
    "collage": GameMethod,
}


def method(recipe: Recipe) -> type[Method[Any]]:
    """The method that trains what a recipe is for."""
    return METHODS[recipe.system].chosen(recipe)
