# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture of README.md, from a finished `make demo`: reference, two frames, result. Argument: its folder."""

import sys
from pathlib import Path

from PIL import Image

SIZE = 480
HERE = Path(__file__).resolve().parent


def main(out):
    reference = Image.open(HERE.parent / "examples" / "reference.png").convert("RGBA").resize((SIZE, SIZE))
    backdrop = Image.new("RGBA", reference.size, (226, 226, 226, 255))
    frames = [Image.open(out / "work" / "paint" / f"frame_{index:04d}.png").convert("RGBA") for index in (10, 30)]
    pictures = [Image.alpha_composite(backdrop, reference)]
    pictures += [Image.alpha_composite(backdrop, frame.resize((SIZE, SIZE))) for frame in frames]
    pictures.append(Image.open(out / "still.png").convert("RGBA").resize((SIZE, SIZE), Image.Resampling.LANCZOS))
    row = Image.new("RGB", (SIZE * len(pictures), SIZE))
    for index, picture in enumerate(pictures):
        row.paste(picture.convert("RGB"), (index * SIZE, 0))
    (HERE / "pictures").mkdir(exist_ok=True)
    row.save(HERE / "pictures" / "sample.jpg", quality=88)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
