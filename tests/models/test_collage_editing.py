"""Projecting pictures, and the arithmetic of editing them; the losses that the networks are trained with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from rigatino_models.collage import losses
from rigatino_models.collage.editing import blend_maps, blurred, class_maps
from rigatino_models.collage.fast import fast
from rigatino_models.collage.layers import Painted
from rigatino_models.collage.net import Collage, CollageConfig
from rigatino_models.collage.projection import Projection, beginning, likeliest, project
from rigatino_models.layers.spectral import at_rest

CONFIG = CollageConfig(4, 6, (8, 8, 4), (4, 8, 8), encoder=(4, 8))
SIDE = CONFIG.side


def collage(**changes: Any) -> Collage:
    torch.manual_seed(3)
    return Collage(replace(CONFIG, **changes)).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def net() -> Collage:
    return collage()


@pytest.fixture(scope="module")
def image(net: Collage) -> torch.Tensor:
    """A picture that the network can make."""
    torch.manual_seed(8)
    return net(torch.randn(1, 6), torch.tensor([2])).detach()


START = torch.full((1, 6), 0.3)


@pytest.mark.parametrize(
    "changes",
    [{}, {"auxiliary": (8, 30, 8)}, {"discriminator": ()}],
    ids=["latent", "auxiliary code", "pixels alone"],
)
def test_a_projection_comes_nearer(changes: dict[str, Any], image: torch.Tensor) -> None:
    form = fast(collage(**changes))
    before = project(form, image, 2, START, steps=0)
    after = project(form, image, 2, START, steps=40)
    least = 0 if form.discriminator is None else -1  # a cosine of 1
    assert least <= after.loss < least + 0.6 * (before.loss - least)


def test_the_best_latent_is_kept(net: Collage, image: torch.Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    best = project(net, image, 2, START, steps=30)
    monkeypatch.setattr("rigatino_models.collage.projection.RATE", 50.0)  # it jumps away
    jumped = project(net, image, 2, best.z, steps=5)
    assert jumped.loss <= best.loss + 1e-6
    torch.testing.assert_close(jumped.z, best.z)


def test_no_steps_leave_the_beginning(net: Collage, image: torch.Tensor) -> None:
    assert torch.equal(project(net, image, 2, START, steps=0).z, START)


def test_a_projection_tells_its_steps_and_can_be_stopped(net: Collage, image: torch.Tensor) -> None:
    told: list[tuple[int, int]] = []

    class Stop(Exception):
        pass

    def step(done: int, total: int) -> None:
        told.append((done, total))
        if done == 2:
            raise Stop

    with pytest.raises(Stop):
        project(net, image, 2, START, steps=10, on_step=step)
    assert told == sorted(told)
    assert {total for _, total in told} == {10}
    assert len(told) > 2 * len(CONFIG.generator)


def test_projections_are_the_same_each_time(net: Collage, image: torch.Tensor) -> None:
    first, second = (project(net, image, 2, START, steps=5) for _ in range(2))
    assert isinstance(first, Projection)
    assert torch.equal(first.z, second.z)


def test_where_a_projection_begins(net: Collage, image: torch.Tensor) -> None:
    small = F.avg_pool2d(image, 2)
    assert net.encoder is not None
    expected = net.encoder(2 * small - 1, torch.tensor([1]))
    torch.testing.assert_close(beginning(net, image, 1, START), expected)
    assert torch.equal(beginning(collage(encoder=()), image, 1, START), START)
    larger = collage(encoder=(4, 8, 8, 8))
    assert beginning(larger, image, 1, START).shape == START.shape


def test_the_likeliest_class(net: Collage, image: torch.Tensor) -> None:
    """Biased scores single out one class; without an encoder the best score is it."""
    assert likeliest(collage(discriminator=()), image) is None
    biased = collage(encoder=())
    assert biased.discriminator is not None
    for label in range(4):
        weight = torch.zeros_like(biased.discriminator.class_scores.weight)
        weight[label] = 1
        biased.discriminator.class_scores.weight = torch.nn.Parameter(weight, requires_grad=False)
        assert likeliest(biased, image) == label
    assert likeliest(net, image) in range(4)


def test_strength_0_is_the_base_class_and_1_the_painted_one(net: Collage) -> None:
    areas = torch.zeros(2, SIDE, SIDE)
    areas[0, :, : SIDE // 2], areas[1, :, SIDE // 2 :] = 1, 1
    sides = net.config.map_sides
    nothing = class_maps(areas, [0, 3], 2, 0.0, sides)
    assert torch.equal(net.picture(START, nothing), net(START, torch.tensor([2])))
    everything = class_maps(torch.ones(1, SIDE, SIDE), [3], 2, 1.0, sides)
    torch.testing.assert_close(net.picture(START, everything), net(START, torch.tensor([3])))
    for look, side in zip(class_maps(areas, [0, 3], 2, 0.6, sides), sides, strict=True):
        assert isinstance(look, Painted)
        assert look.weights.shape == (1, 3, side, side)
        torch.testing.assert_close(look.weights.sum(1), torch.ones(1, side, side))
        assert look.weights.min() >= 0
        assert look.weights[0, 1, 0, 0] > 0.5 > look.weights[0, 1, 0, -1]


def test_colours_of_one_class_and_the_base_add_up(net: Collage) -> None:
    areas = torch.zeros(2, SIDE, SIDE)
    areas[0, :3], areas[1, 3:] = 1, 1
    looks = class_maps(areas, [2, 2], 2, 0.7, net.config.map_sides)
    torch.testing.assert_close(net.picture(START, looks), net(START, torch.tensor([2])))


def test_sliders_at_0_are_the_source_and_all_at_1_the_reference(net: Collage) -> None:
    other, label = -START, torch.tensor([1])
    sides, mask = net.config.blend_sides, torch.ones(SIDE, SIDE)
    looks = net.uniform(label)
    assert torch.equal(
        net.collage([START, other], looks, blend_maps(mask, [0, 0, 0], sides)), net(START, label)
    )
    torch.testing.assert_close(
        net.collage([START, other], looks, blend_maps(mask, [1, 1, 1], sides)), net(other, label)
    )
    assert torch.equal(
        net.collage([START, other], looks, blend_maps(0 * mask, [1, 1, 1], sides)), net(START, label)
    )
    coarse = blend_maps(mask, [0.5], sides)
    assert torch.equal(coarse[0][:, :2], torch.full((1, 2, 4, 4), 0.5))
    assert torch.equal(coarse[1][:, 2], torch.ones(1, 8, 8))
    for weights in blend_maps(mask, [0.2, 0.9, 0.4], sides):
        torch.testing.assert_close(weights.sum(1), torch.ones_like(weights[:, 0]))


def test_blurring() -> None:
    assert torch.equal(blurred(torch.ones(1, 9, 9), 0.1), torch.ones(1, 9, 9))
    point = torch.zeros(1, 41, 41)
    point[0, 20, 20] = 1
    soft = blurred(point, 3.0)[0]
    assert float(soft.sum()) == pytest.approx(1, abs=1e-5)
    places = torch.arange(41.0) - 20
    assert float((soft.sum(0) * places**2).sum()) == pytest.approx(9, rel=0.02)
    torch.testing.assert_close(soft, soft.T)


# --- training


def test_hinge_losses() -> None:
    real, fake = torch.tensor([[2.0], [0.5]]), torch.tensor([[-3.0], [0.0]])
    assert float(losses.discriminator_loss(real, fake)) == pytest.approx((0 + 0.5) / 2 + (0 + 1) / 2)
    assert float(losses.generator_loss(fake)) == pytest.approx(1.5)


def test_likeness() -> None:
    a = torch.rand(2, 3, 2, 2)
    assert float(losses.likeness(a, 3 * a)) == pytest.approx(1)
    assert float(losses.encoder_loss(a, a)) == pytest.approx(-1)
    left, right = torch.eye(2)[:, :, None, None], torch.eye(2).flip(0)[:, :, None, None]
    assert float(losses.likeness(left, right)) == pytest.approx(0)
    made, wanted = torch.zeros(1, 3, 2, 2), torch.full((1, 3, 2, 2), 0.5)
    assert float(losses.projection_loss(made, wanted, (a, a))) == pytest.approx(0.2 * 0.25 - 1)
    assert float(losses.projection_loss(made, wanted, None)) == pytest.approx(0.25)


def test_a_normalised_discriminator_at_rest_acts_the_same() -> None:
    torch.manual_seed(0)
    critic = Collage(CONFIG).discriminator
    assert critic is not None
    trained = losses.normalised(critic)
    x, labels = torch.rand(2, 3, SIDE, SIDE), torch.tensor([1, 3])
    for _ in range(30):
        trained(x, labels)
    rested = Collage(CONFIG).discriminator
    assert rested is not None
    rested.load_state_dict(at_rest(trained))
    assert trained.training
    torch.testing.assert_close(rested(x, labels), trained.eval()(x, labels))
    for part in rested.modules():
        if isinstance(part, torch.nn.Conv2d | torch.nn.Linear):
            assert float(torch.linalg.matrix_norm(part.weight.detach().flatten(1), 2)) == pytest.approx(
                1, rel=0.05
            )


def test_losses_train_their_networks() -> None:
    """The discriminator learns to tell, and the encoder to find what the generator makes."""
    torch.manual_seed(1)
    whole = Collage(CONFIG)
    assert whole.discriminator is not None
    assert whole.encoder is not None
    critic, encoder = losses.normalised(whole.discriminator), whole.encoder
    labels = torch.arange(4)
    real = torch.rand(4, 3, 1, 1).expand(4, 3, SIDE, SIDE) * 2 - 1
    fake = (2 * whole(torch.randn(4, 6), labels) - 1).detach()
    adam = torch.optim.Adam(critic.parameters(), 2e-3, (0.0, 0.9))
    told = []
    for _ in range(20):
        loss = losses.discriminator_loss(critic(real, labels), critic(fake, labels))
        adam.zero_grad()
        loss.backward()
        adam.step()
        told.append(float(loss.detach()))
    assert told[-1] < 0.7 * told[0]
    critic.requires_grad_(False)
    wanted = critic.features(fake)
    adam = torch.optim.Adam(encoder.parameters(), 2e-3, (0.0, 0.9))
    told = []
    for _ in range(20):
        z = encoder(F.avg_pool2d(fake, 2), labels)
        loss = losses.encoder_loss(critic.features(2 * whole(z, labels) - 1), wanted)
        adam.zero_grad()
        loss.backward()
        adam.step()
        told.append(float(loss.detach()))
    assert told[-1] < told[0]
