"""Draw the icons of the modules: `python Testing/Slicer/draw_icons.py`."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

from atlastumor.organs import ORGANS

REPOSITORY = Path(__file__).resolve().parents[2]
SIZE, SCALE = 128, 8

BODY = [(0.06, 0.50), (0.14, 0.24), (0.34, 0.12), (0.66, 0.12), (0.86, 0.24), (0.94, 0.50)]
LIVER = [(0.13, 0.55), (0.18, 0.34), (0.35, 0.24), (0.55, 0.26), (0.66, 0.36), (0.56, 0.44)]
BODY += [(0.86, 0.76), (0.66, 0.88), (0.50, 0.84), (0.34, 0.88), (0.14, 0.76)]
LIVER += [(0.44, 0.50), (0.38, 0.68), (0.24, 0.74)]
SPINE, KIDNEY = (0.43, 0.62, 0.57, 0.76), (0.66, 0.52, 0.80, 0.72)
TUMORS = [(0.31, 0.44, 0.10), (0.49, 0.345, 0.045)]

STEPS = [(0.16, 0.72), (0.28, 0.72), (0.28, 0.50), (0.42, 0.50), (0.42, 0.34), (0.62, 0.34)]
STEPS += [(0.62, 0.22), (0.86, 0.22)]
BAND = [(0.16, 0.86), (0.36, 0.62), (0.62, 0.46), (0.90, 0.36), (0.90, 0.14), (0.60, 0.14)]
BAND += [(0.36, 0.30), (0.16, 0.56)]
AXES = [(0.14, 0.08), (0.14, 0.88), (0.94, 0.88)]
POINT = (0.62, 0.34, 0.075)
CROSS = (0.66, 0.60, 0.15)


def smooth(points: list[tuple[float, float]], rounds: int = 4) -> list[tuple[float, float]]:
    """Round a polygon's corners (Chaikin's corner cutting)."""
    for _ in range(rounds):
        pairs = zip(points, points[1:] + points[:1], strict=True)
        points = [
            (a * (1 - t) + c * t, b * (1 - t) + d * t)
            for (a, b), (c, d) in pairs
            for t in (0.25, 0.75)
        ]
    return points


def scaled(values: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """From shares of the picture to its pixels."""
    return [(x * SIZE * SCALE, y * SIZE * SCALE) for x, y in values]


def draw_section() -> Image.Image:
    """An axial section: body, liver, kidney, spine, and two tumors with a bright rim."""
    organ = ORGANS[0]
    side = SIZE * SCALE
    image = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    draw.polygon(scaled(smooth(BODY)), fill=(38, 44, 54, 255))
    inner = [((x - 0.5) * 0.9 + 0.5, (y - 0.5) * 0.88 + 0.5) for x, y in BODY]
    draw.polygon(scaled(smooth(inner)), fill=(84, 92, 104, 255))
    draw.polygon(scaled(smooth(LIVER)), fill=(*organ.color, 255))
    draw.ellipse([x * side for x in KIDNEY], fill=(*ORGANS[2].color, 255))
    draw.ellipse([x * side for x in SPINE], fill=(226, 226, 220, 255))
    for x, y, radius in TUMORS:
        for grown, color in ((0.018, (255, 255, 255, 255)), (0.0, (*organ.tumor_color, 255))):
            r = radius + grown
            draw.ellipse([(x - r) * side, (y - r) * side, (x + r) * side, (y + r) * side], color)
    return image.filter(ImageFilter.GaussianBlur(SCALE / 4)).resize((SIZE, SIZE), Image.LANCZOS)


def draw_curve() -> Image.Image:
    """A FROC curve in steps, its band, and a chosen point."""
    side = SIZE * SCALE
    image = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle([0, 0, side - 1, side - 1], side // 8, fill=(38, 44, 54, 255))
    draw.polygon(scaled(BAND), fill=(66, 92, 122, 255))
    draw.line(scaled(AXES), fill=(226, 226, 220, 255), width=side // 40, joint="curve")
    draw.line(scaled(STEPS), fill=(95, 176, 240, 255), width=side // 22, joint="curve")
    x, y, radius = POINT
    for grown, color in ((0.02, (255, 255, 255, 255)), (0.0, (*ORGANS[3].tumor_color, 255))):
        r = radius + grown
        draw.ellipse([(x - r) * side, (y - r) * side, (x + r) * side, (y + r) * side], color)
    return image.resize((SIZE, SIZE), Image.LANCZOS)


def draw_growing() -> Image.Image:
    """The section with one tumor in place and one that is about to grow where the cross is."""
    side = SIZE * SCALE
    image = draw_section().resize((side, side), Image.LANCZOS)
    draw = ImageDraw.Draw(image)
    x, y, radius = CROSS
    color = (*ORGANS[2].tumor_color, 255)
    box = [(x - radius) * side, (y - radius) * side, (x + radius) * side, (y + radius) * side]
    for start in range(0, 360, 45):
        draw.arc(box, start, start + 26, color, width=side // 28)
    arm, width = 1.75 * radius, side // 36
    for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        ends = [(x + 0.45 * radius * dx, y + 0.45 * radius * dy), (x + arm * dx, y + arm * dy)]
        draw.line(scaled(ends), fill=(255, 255, 255, 255), width=width)
    return image.resize((SIZE, SIZE), Image.LANCZOS)


def save(image: Image.Image, module: str) -> None:
    """Save a module's icon."""
    folder = REPOSITORY / module / "Resources" / "Icons"
    folder.mkdir(parents=True, exist_ok=True)
    image.save(folder / f"{module}.png", optimize=True)


if __name__ == "__main__":
    save(draw_section(), "AtlasTumorSeg")
    save(draw_growing(), "AtlasTumorSynth")
    save(draw_curve(), "AtlasFROC")
