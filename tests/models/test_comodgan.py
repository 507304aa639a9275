"""CoModGAN: weights in every original's layout, run by `rigatino net run`, against a second implementation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import comodgan_files as files
import comodgan_reference as reference
import numpy as np
import pytest
import torch
from comodgan_reference import How, Shape, State
from model_support import Run, picture
from safetensors import safe_open
from torch import Tensor

from rigatino_models import convert
from rigatino_models.checkpoint.trouble import Misfit
from rigatino_models.comodgan.discriminator import Discriminator, spread
from rigatino_models.comodgan.losses import discriminator_loss, lazy_r1
from rigatino_models.comodgan.net import CoModGAN, CoModGANConfig, Draw, fast, published
from rigatino_models.convert.comodgan_source import check_settings, decide_skip4

TOLERANCE = 1e-4  # of the rms
SHAPES = {
    "as published, narrow": Shape(),
    "wide mapping, narrow code": Shape(resolution=16, base=128, cap=16, code=7, mapping=(512, 512, 512)),
    "smallest": Shape(resolution=8, base=64, cap=12, code=24),
    "cap never reached": Shape(resolution=64, base=128, cap=512, code=20),
    "style narrower than z": Shape(resolution=16, mapping=(20, 24, 10)),
}
Weights = Callable[[State, Shape], Path]


@pytest.fixture
def comod_run(run: Run, tmp_path: Path) -> Callable[..., dict[str, np.ndarray]]:
    """`rigatino net run` on arrays -> its arrays."""

    def call(weights: Path, settings: dict[str, Any], **arrays: Tensor) -> dict[str, np.ndarray]:
        source, target = tmp_path / "in.npz", tmp_path / "out.npz"
        np.savez(source, **{name: value.numpy() for name, value in arrays.items()})  # type: ignore[arg-type]
        words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
        result = run("net", "run", weights, "--input", source, "--output", target, "--force", *words)
        assert result.exit_code == 0, result.output
        with np.load(target) as found:
            return dict(found)

    return call


def written(layout: str, path: Path, state: State, shape: Shape) -> Path:
    """A file in this layout."""
    if layout == "tensorflow":
        return files.tensorflow(path, state)
    laid = files.blocks(state, shape) if layout == "blocks" else files.sequential(state, shape, "module.")
    torch.save(laid, path)
    return path


def case(shape: Shape, number: int = 2) -> tuple[State, dict[str, Tensor]]:
    """Weights, and arrays for them."""
    image, hole = picture(shape.resolution, shape.resolution, number)
    z = torch.randn(number, shape.mapping[0], generator=torch.Generator().manual_seed(3))
    return reference.make(shape, seed=shape.code), {"image": image, "hole": hole, "z": z}


def given(shape: Shape, number: int = 2) -> list[Tensor]:
    """Noise for every styled convolution."""
    generator = torch.Generator().manual_seed(4)
    return [torch.randn(number, 1, side, side, generator=generator) for side in shape.noise_sides]


def constants(state: State) -> list[Tensor]:
    """The noise that came with weights."""
    return [
        state[f"synthesis/noise{i}"] for i in range(sum(name.startswith("synthesis/noise") for name in state))
    ]


def agree(found: np.ndarray, expected: Tensor) -> None:
    rms = float((2 * expected - 1).square().mean().sqrt())
    assert rms > 0.3, "the comparison would show nothing"
    assert np.abs(found - expected.numpy()).max() < TOLERANCE * rms / 2


@pytest.mark.parametrize("layout", ["tensorflow", "sequential", "blocks"])
@pytest.mark.parametrize("name", SHAPES)
def test_equals_the_original(name: str, layout: str, tmp_path: Path, comod_run: Any) -> None:
    """Given noise, truncation with a given mean, skip4 as the layout has it."""
    shape = SHAPES[name]
    state, arrays = case(shape)
    noise, average = given(shape), torch.randn(1, shape.mapping[-1])
    how = How(layout != "sequential", psi=0.6, average=average, noise=noise)
    expected = reference.forward(state, shape, how=how, **arrays)
    more = {f"noise{i:02}": value for i, value in enumerate(noise)} | {"w_avg": average}
    weights = written(layout, tmp_path / "x.pkl", state, shape)
    found = comod_run(weights, {"noise": "given", "psi": 0.6}, **arrays, **more)
    agree(found["raw"], expected)
    image, hole = arrays["image"], arrays["hole"]
    composite = (image * (1 - hole) + torch.from_numpy(found["raw"]) * hole).clamp(0, 1)
    assert set(found) == {"raw", "out"}
    np.testing.assert_array_equal(found["out"], composite.numpy())
    assert np.array_equal(found["out"][hole.expand_as(image) == 0], image[hole.expand_as(image) == 0])


@pytest.mark.parametrize("layout", ["tensorflow", "sequential", "blocks"])
def test_constant_noise_and_the_weights_own_mean_are_the_defaults(
    layout: str, tmp_path: Path, comod_run: Any
) -> None:
    shape = Shape(resolution=16)
    state, arrays = case(shape)
    weights = written(layout, tmp_path / "x.pkl", state, shape)
    if layout == "sequential":
        agree(
            comod_run(weights, {}, **arrays)["raw"], reference.forward(state, shape, how=How(False), **arrays)
        )
        return
    for settings, how in (
        ({}, How(noise=constants(state))),
        ({"noise": "const", "psi": -0.5}, How(noise=constants(state), psi=-0.5)),
        ({"noise": "none", "psi": 2}, How(psi=2.0)),
        ({"noise": "none", "psi": 0}, How(psi=0.0)),
    ):
        agree(
            comod_run(weights, settings, **arrays)["raw"], reference.forward(state, shape, how=how, **arrays)
        )


def test_the_mean_is_estimated_where_there_is_none(tmp_path: Path, comod_run: Any) -> None:
    shape = Shape(resolution=8)
    state, arrays = case(shape)
    weights = written("sequential", tmp_path / "x.pth", state, shape)
    z = torch.randn(20_000, shape.mapping[0])
    mean = reference._Net(state, How()).styles(shape, z).mean(0, keepdim=True)
    found = comod_run(weights, {"psi": 0}, **arrays)["raw"]
    expected = reference.forward(state, shape, how=How(False, psi=0.0, average=mean), **arrays)
    assert np.abs(found - expected.numpy()).max() < 0.1 * expected.std()
    assert np.array_equal(found, comod_run(weights, {"psi": 0}, **arrays)["raw"])


def test_several_answers_to_one_picture(tmp_path: Path, comod_run: Any) -> None:
    """One encoding serves them all, and none depends on the others."""
    shape = Shape(resolution=16)
    state, arrays = case(shape, number=1)
    weights = written("blocks", tmp_path / "x.pt", state, shape)
    z = torch.randn(3, shape.mapping[0])
    together = comod_run(weights, {}, **arrays | {"z": z})["raw"]
    assert together.shape == (3, 3, 16, 16)
    for i in range(3):
        alone = comod_run(weights, {}, **arrays | {"z": z[i : i + 1]})["raw"]
        np.testing.assert_allclose(together[i], alone[0], rtol=0, atol=1e-5)
    assert np.abs(together[0] - together[1]).max() > 0.01


def test_random_noise_and_dropout_follow_the_seed(tmp_path: Path, comod_run: Any) -> None:
    shape = Shape(resolution=16)
    state, arrays = case(shape)
    weights = written("tensorflow", tmp_path / "x.pkl", state, shape)
    plain = comod_run(weights, {"noise": "none"}, **arrays)["raw"]
    for settings in ({"noise": "random"}, {"noise": "none", "global_dropout": 0.5}):
        first = comod_run(weights, settings, **arrays)["raw"]
        assert np.array_equal(first, comod_run(weights, settings, **arrays)["raw"])
        assert not np.array_equal(first, comod_run(weights, settings | {"seed": 1}, **arrays)["raw"])
        assert not np.array_equal(first, plain)


def test_dropout_keeps_the_expectation() -> None:
    net = tiny_net()
    image, hole = picture(16, 16)
    encoded = net.encode(image, hole)
    codes = []
    net.synthesis.register_forward_pre_hook(lambda _, arguments: codes.append(arguments[0].code))
    styles = net.styles(net.draw_z(1)).expand(4000, -1, -1)
    with torch.no_grad():
        net.decode(encoded, styles, Draw(dropout=0.25, generator=torch.Generator().manual_seed(0)))
    (code,) = codes
    assert abs(float((code == 0).float().mean()) - 0.25) < 0.02
    torch.testing.assert_close(code.mean(0), encoded.code[0], rtol=0.1, atol=0.02)


def test_activations_are_bounded_where_the_original_s_are(tmp_path: Path, comod_run: Any) -> None:
    shape = Shape(resolution=8)
    state, arrays = case(shape)
    state["synthesis/E_8x8/Conv0/bias"] += 400
    for layout, bound in (("blocks", 256.0), ("tensorflow", np.inf)):
        how = How(clamp=bound, noise=constants(state))
        expected = reference.forward(state, shape, how=how, **arrays)
        agree(comod_run(written(layout, tmp_path / "x", state, shape), {}, **arrays)["raw"], expected)


def test_image_to_image_sees_the_whole_condition(tmp_path: Path, comod_run: Any) -> None:
    shape = Shape(resolution=16, inputs=3)
    state, arrays = case(shape)
    for layout in ("tensorflow", "sequential", "blocks"):
        how = How(layout != "sequential", noise=None)
        expected = reference.forward(state, shape, how=how, **arrays)
        weights = written(layout, tmp_path / layout, state, shape)
        found = comod_run(weights, {"noise": "none"}, image=arrays["image"], z=arrays["z"])
        agree(found["raw"], expected)
        np.testing.assert_array_equal(found["out"], found["raw"].clip(0, 1))


@pytest.mark.parametrize(
    ("source", "adds"),
    [
        (files.ADDING, True),
        (files.NOT_ADDING, False),
        (files.ADDING.replace("x = x + E_features[2]", "x += E_features[2]"), True),
        (files.ADDING.replace("x = x + E_features[2]", "x = tf.add(x, E_features[2])"), True),
        (files.ADDING.replace("x = x + E_features[2]", "E_features[2] = x + E_features[3]"), False),
        (files.ADDING.replace("x = x + E_features[2]", "'x + E_features[2]'"), False),
        (files.ADDING + "\nprint 'no Python 3'\n", True),
        (files.NOT_ADDING + "\nprint 'no Python 3'\n", False),
        ("", True),
        ("raise SystemExit('run')", False),
        ("(" * 100_000, False),
    ],
)
def test_the_source_in_a_pickle_decides_on_the_first_features(
    source: str, adds: bool, tmp_path: Path, run: Run, comod_run: Any
) -> None:
    assert decide_skip4(source)[0] is adds
    shape = Shape(resolution=8)
    state, arrays = case(shape)
    weights = files.tensorflow(tmp_path / "x.pkl", state, source)
    agree(
        comod_run(weights, {"noise": "none"}, **arrays)["raw"],
        reference.forward(state, shape, how=How(adds), **arrays),
    )
    said = run("weights", "inspect", weights).output
    assert ("not added" in said) is not adds


def test_sources_and_settings_that_would_never_end() -> None:
    """A line on which a careless pattern spends hours; a list that is short in the file, and endless when shown."""
    assert decide_skip4("print 1\nx = x + " + "feat" * 250_000)[0] is False
    endless: list[Any] = ["x"]
    for _ in range(64):
        endless = [endless, endless]
    with pytest.raises(Misfit) as caught:
        check_settings({"architecture": endless})
    assert len(caught.value.why) < 300


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize("single", [False, True])
def test_pickles_of_every_protocol(protocol: int, single: bool, tmp_path: Path) -> None:
    shape = Shape(resolution=8)
    state = reference.make(shape)
    expected = convert.read(files.tensorflow(tmp_path / "a.pkl", state)).tensors
    found = convert.read(files.tensorflow(tmp_path / "b.pkl", state, protocol=protocol, single=single))
    assert found.origin == "TensorFlow pickle"
    assert all(torch.equal(expected[key], value) for key, value in found.tensors.items())
    assert "NVIDIA" in found.metadata["licence"]


@pytest.mark.parametrize("layout", ["tensorflow", "sequential", "blocks"])
def test_converted_once_it_is_the_same_network(layout: str, tmp_path: Path, comod_run: Any) -> None:
    shape = Shape(resolution=8)
    state, arrays = case(shape)
    found = convert.read(written(layout, tmp_path / "x", state, shape))
    convert.save(found, tmp_path / "x.safetensors")
    again = convert.read(tmp_path / "x.safetensors")
    assert again.config == found.config
    assert again.metadata == found.metadata
    with safe_open(tmp_path / "x.safetensors", "pt") as file:
        assert file.metadata()["system"] == "comodgan"
    raw = [comod_run(path, {}, **arrays)["raw"] for path in (tmp_path / "x", tmp_path / "x.safetensors")]
    assert np.array_equal(*raw)


def test_published_sizes() -> None:
    expected = {256: 79_177_378, 512: 79_792_231, 1024: 80_044_364}
    with torch.device("meta"):
        nets = {side: CoModGAN(published(side)) for side in expected}
    for side, net in nets.items():
        assert sum(p.numel() for p in net.parameters()) == expected[side]
        assert net.config.resolution == side
    with torch.device("meta"):
        critic = Discriminator(published(256))
    # StyleGAN2's at 256 has 28,864,129; one more channel enters its first layer.
    assert sum(p.numel() for p in critic.parameters()) == 28_864_129 + 128


def tiny_net() -> CoModGAN:
    torch.manual_seed(2)
    config = CoModGANConfig(widths=(12, 8, 6), mapping=(16, 16), global_width=20)
    net = CoModGAN(config).eval()
    for name, parameter in net.named_parameters():
        if name.endswith("noise_strength"):
            torch.nn.init.constant_(parameter, 0.3)
    return net


def test_the_fast_form_agrees() -> None:
    image, hole = picture(16, 16, 2)
    with torch.no_grad():
        expected = tiny_net()(image, hole)
        torch.testing.assert_close(fast(tiny_net())(image, hole), expected, rtol=0, atol=2e-5)
        half = fast(tiny_net(), torch.bfloat16)(image, hole)
    assert half.dtype == torch.float32
    assert 0 < float((half - expected).abs().mean()) < 0.05 * float(expected.std())


def test_steps_are_reported_to_the_end() -> None:
    steps: list[tuple[int, int]] = []
    net = tiny_net()
    net(*picture(16, 16), lambda done, total: steps.append((done, total)))
    assert steps == [(i + 1, 6) for i in range(6)]


def test_training_draws_anew_and_evaluation_does_not() -> None:
    net, arrays = tiny_net(), picture(16, 16)
    with torch.no_grad():
        assert torch.equal(net(*arrays), net(*arrays))
        net.train()
        assert not torch.equal(net(*arrays), net(*arrays))


@pytest.mark.parametrize("name", SHAPES)
def test_the_original_s_discriminator_scores_answers(name: str, tmp_path: Path, comod_run: Any) -> None:
    """As a second implementation does, from a pickle and once it is converted, whatever is in the batch."""
    shape = SHAPES[name]
    state, arrays = case(shape)
    critic = reference.make_critic(shape, seed=9)
    path = files.tensorflow(tmp_path / "x.pkl", state, critic=critic)
    weights = convert.read(path)
    assert weights.config["critic"]
    convert.save(weights, tmp_path / "x.safetensors")
    for file in (path, tmp_path / "x.safetensors"):
        found = comod_run(file, {}, **arrays)
        expected = reference.verdict(critic, shape, torch.from_numpy(found["out"]), arrays["hole"]).numpy()
        assert np.abs(expected[0] - expected[1]) > 0.01
        np.testing.assert_allclose(found["score"], expected, atol=TOLERANCE * np.abs(expected).max())


def test_the_critic_s_fast_form_agrees(tmp_path: Path) -> None:
    shape = Shape(resolution=16)
    state, arrays = case(shape)
    path = files.tensorflow(tmp_path / "x.pkl", state, critic=reference.make_critic(shape))
    weights, pictures = convert.read(path), (arrays["image"], arrays["hole"])
    with torch.no_grad():
        expected = cast(CoModGAN, weights.network()).score(*pictures)
        assert expected is not None
        for dtype, share in ((torch.float32, 1e-5), (torch.bfloat16, 0.05)):
            score = cast(CoModGAN, weights.fast(dtype)).score(*pictures)
            assert score is not None
            assert float((score - expected).abs().max()) < share * float(expected.abs().max())


def test_a_discriminator_of_another_make_is_left(tmp_path: Path) -> None:
    shape = Shape(resolution=8)
    state, critic = reference.make(shape), reference.make_critic(shape)
    others: list[State] = [
        {name: value for name, value in critic.items() if "Skip" not in name},
        critic | {"4x4/Dense0/bias": torch.zeros(3)},
        reference.make_critic(Shape(resolution=16)),
    ]
    for other in others:
        found = convert.read(files.tensorflow(tmp_path / "x.pkl", state, critic=other))
        assert not found.config["critic"]
        assert not any(key.startswith("critic") for key in found.tensors)
    edges = Shape(resolution=8, inputs=3)
    found = convert.read(files.tensorflow(tmp_path / "y.pkl", reference.make(edges), critic=critic))
    assert not found.config["critic"]


def test_the_critic_sees_picture_and_hole() -> None:
    for config in (CoModGANConfig(widths=(8, 8, 4)), CoModGANConfig(widths=(8, 8, 4), image_to_image=True)):
        torch.manual_seed(0)
        critic = Discriminator(config)
        image, hole = picture(16, 16, 2)
        beside = image.flip(3) if config.image_to_image else hole
        score = critic(image, beside)
        assert score.shape == (2, 1)
        assert not torch.equal(score, critic(image, 1 - beside))
        score.sum().backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in critic.parameters())


def test_the_spread_of_a_batch_by_hand() -> None:
    """Four pictures of one value each: two groups of (0, 4) and (1, 1) where a batch of four is one group."""
    x = torch.tensor([0.0, 1.0, 4.0, 1.0]).view(4, 1, 1, 1)
    deviation = float(x.var(unbiased=False).sqrt())
    torch.testing.assert_close(spread(x), torch.full_like(x, deviation), rtol=0, atol=1e-4)
    alone = spread(x[:1].expand(1, 3, 2, 2))
    assert alone.shape == (1, 1, 2, 2)
    assert float(alone.max()) < 1e-3


def test_losses_by_hand() -> None:
    real, fake = torch.tensor([[0.0], [2.0]]), torch.tensor([[-1.0], [0.0]])
    by_hand = (np.log(2) + np.log1p(np.exp(-2))) / 2 + (np.log1p(np.exp(-1)) + np.log(2)) / 2
    assert float(discriminator_loss(real, fake)) == pytest.approx(by_hand, rel=1e-6)
    image = torch.full((2, 1, 2, 1), 3.0, requires_grad=True)
    score = (image**2).sum((1, 2, 3))[:, None]  # gradient 6 at each of two places: squared length 72
    assert lazy_r1(score, image, gamma=10, every=16).item() == pytest.approx(72 * 5 * 16)
