"""What fixes a CoModGAN."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CoModGANConfig:
    """All that fixes a generator.

    widths: channels at 4, 8, ..., up to the resolution. mapping: width of the noise z, then of each dense layer; the
    last one is the style's. global_width: the code that the encoder gives. skip4: whether the encoder's 4x4 features
    are added to the first map. clamp: bound on activations, 0 for none. image_to_image: the picture is a condition,
    all of it seen, and there is no hole. average, constants: whether mean style and constant noise came with the
    weights. critic: whether the discriminator did, which ranks answers; one that looks at a condition ranks none.
    """

    widths: tuple[int, ...] = (512, 512, 512, 512, 512, 256, 128)
    mapping: tuple[int, ...] = (512,) * 9
    global_width: int = 1024
    skip4: bool = True
    clamp: float = 0.0
    image_to_image: bool = False
    average: bool = True
    constants: bool = True
    critic: bool = False

    @property
    def resolution(self) -> int:
        """Side of the pictures."""
        return int(2 ** (len(self.widths) + 1))

    @property
    def sides(self) -> list[int]:
        """Sides of the maps: 8, 16, ..., the resolution."""
        return [2**level for level in range(3, len(self.widths) + 2)]

    @property
    def noise_sides(self) -> list[int]:
        """Sides of the noise maps, one for each styled convolution."""
        return [4] + [side for side in self.sides for _ in range(2)]

    @property
    def code(self) -> int:
        """Width of what modulates: style and global code."""
        return self.mapping[-1] + self.global_width

    def width(self, side: int) -> int:
        """Channels at this side."""
        return self.widths[side.bit_length() - 3]


def published(resolution: int) -> CoModGANConfig:
    """The papers' generator at 256, 512 or 1024."""
    sides = [4 * 2**level for level in range(resolution.bit_length() - 2)]
    return CoModGANConfig(widths=tuple(min(32768 // side, 512) for side in sides))
