"""ConvNeXt on flow pictures: Wang et al., second place of the CCAC 2024 micro-expression challenge on DFME.

An image network (Liu et al., "A ConvNet for the 2020s", CVPR 2022) and an image's augmentation, on flow as
an RGB picture. Sizes, recipe and augmentation are those of the authors' program, but for what follows.

* It starts from weights of the authors' own, which are not public; here it starts from scratch, so its score
  says little about theirs. Their optional attention within the stages is left out.
* It fills the rarer classes with flows to up to four frames near the apex; a cache holds one flow a clip, so
  here the rarer classes' clips are drawn more often.
* Its colour jitter changes brightness, contrast, saturation and hue by up to .2. Here the first two only: the
  others mix u, v and strain. Nothing is cut off at black and white, so that any coding will do.
* Corners that a rotation leaves free repeat the picture's edge and are not black, since no one value is
  stillness in every channel and coding. Pixels are interpolated, not picked.
* It mirrors pictures without negating u, as here: the mirrored motion is not one that a face makes.
* It votes among three epochs chosen on a validation split; here the last epoch decides.
"""

import math

import timm
import torch
import torch.nn.functional as F
from torch import Tensor

from contracts.errors import unknown
from merba.classifier import Classifier
from merba.paper import Paper
from merba.recipe import Count, Recipe, Share
from merba.registry import register_model

PAPER = Paper(
    cite="Wang et al. ConvNeXt on optical flow, second place of the CCAC 2024 micro-expression challenge",
    url="https://github.com/LeoDerekh/CCAC2024MER",
    fidelity="published code",
    selection="inner-validation",
)
RECIPE = Recipe(
    epochs=50,
    batch=32,
    lr=1e-4,
    schedule="exponential",
    decay=0.987,
    weight_decay=1e-4,
    clip_grad=None,
    balance="oversample",
    flip="plain",
    channels=("u", "v", "strain"),
    coding="signed",
)


@register_model("convnext_flow")
class ConvNeXtFlow(Classifier):
    """The network. Input (n, in_channels, size, size) of any size, output (n, num_classes).

    Augmentation belongs to the forward pass in training mode and draws from torch's generator.

    Args:
        num_classes: classes to tell apart.
        in_channels: flow channels.
        input_size: any; pictures are enlarged.
        backbone: name of a ConvNeXt in timm.
        image_size: side of the square that the backbone sees, pixels.
        margin: pictures are first resized to so many pixels more, and cropped: anywhere in training, in the
            middle otherwise.
        rotation: largest angle to either side, degrees.
        jitter: largest relative change of brightness and of contrast.
        layer_scale: start of the backbone's learned scales; the published 1e-6 all but mutes its blocks for a
            training as short as a test's.

    Raises:
        InputError: no such backbone; names the nearest.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int = 3,
        input_size: int = 28,
        *,
        backbone: str = "convnext_tiny",
        image_size: Count = 224,
        margin: int = 16,
        rotation: float = 8.0,
        jitter: Share = 0.2,
        layer_scale: float = 1e-6,
    ):
        super().__init__()
        if backbone not in (known := timm.list_models(module="convnext")):
            raise unknown("backbone", backbone, known)
        self.image_size, self.margin, self.rotation, self.jitter = image_size, margin, rotation, jitter
        self.backbone = timm.create_model(
            backbone, num_classes=num_classes, in_chans=in_channels, ls_init_value=layer_scale
        )

    def picture(self, x: Tensor) -> Tensor:
        """(n, channels, size, size) -> (n, channels, image_size, image_size), augmented in training mode."""
        large = self.image_size + self.margin
        x = F.interpolate(x.float(), size=(large, large), mode="bicubic", antialias=True)
        if not self.training:
            start = self.margin // 2
            return x[:, :, start : start + self.image_size, start : start + self.image_size]
        # Drawn on the CPU, so that a seed means the same augmentation on every device.
        turn, bright, contrast = torch.rand(3, len(x), 1, 1, 1) * 2 - 1
        offset = torch.randint(self.margin + 1, (len(x), 2, 1)) - self.margin / 2
        turn = turn[:, :, 0, 0] * math.radians(self.rotation)
        rotate = torch.stack([turn.cos(), -turn.sin(), turn.sin(), turn.cos()], 1).view(-1, 2, 2)
        # Coordinates run from -1 to 1 over the enlarged picture; the crop is a part of it, turned.
        shift = rotate @ (offset * 2 / large)
        where = torch.cat([rotate * self.image_size / large, shift], 2).to(x)
        grid = F.affine_grid(where, [*x.shape[:2], self.image_size, self.image_size], align_corners=False)
        x = F.grid_sample(x, grid, padding_mode="border", align_corners=False)
        # Brightness is counted from black, which is -1 in `signed` coding.
        x = (x + 1) * (1 + self.jitter * bright).to(x)
        mean = x.mean((1, 2, 3), keepdim=True)
        return mean + (x - mean) * (1 + self.jitter * contrast).to(x) - 1

    def forward(self, x: Tensor) -> Tensor:
        """Log-odds (n, num_classes)."""
        return self.backbone(self.picture(x))
