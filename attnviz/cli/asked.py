"""Options that several commands share, and what they stand for."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from attnviz import comparing
from attnviz.errors import NotFoundError, PictureError, ValueRangeError
from attnviz.export import slug
from attnviz.pictures import Picture, SamplePicture, open_picture, sample_pictures
from attnviz.regions import Region, load_regions, told_box, told_numbers
from attnviz.render import MOST_PANELS, SCALES, SIZES, STYLES
from attnviz.zoo import Loaded, names

REGION_FORM = "NAME=box:x,y,w,h or NAME=mask.png"


def add_pictures(parser: argparse.ArgumentParser, several: bool = False) -> None:
    """The picture, or pictures, that the command is about."""
    told = "picture file, or the name of a sample picture: chelsea, coffee, rocket, astronaut"
    if several:
        parser.add_argument("pictures", nargs="+", metavar="PICTURE", help=told)
    else:
        parser.add_argument("picture", metavar="PICTURE", help=told)


def add_models(parser: argparse.ArgumentParser, usual: str = f"the first {MOST_PANELS}") -> None:
    """The networks to ask; `usual` says which are taken where none is named."""
    parser.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="NAME",
        dest="models",
        help="a network, as `attnviz models` lists them, or the file of a checkpoint; may be given again "
        f"(default: {usual})",
    )


def add_map(parser: argparse.ArgumentParser, with_point: bool = True) -> None:
    """Which map of each network; `with_point` where there is one picture to point into."""
    parser.add_argument(
        "--map",
        default="gradcam",
        choices=tuple(comparing.KINDS),
        metavar="NAME",
        help=f"{', '.join(comparing.KINDS)} (default: gradcam)",
    )
    parser.add_argument(
        "--class",
        "--target",
        dest="target",
        metavar="NAME",
        help="the class that maps speak about (default: each network's own top-1)",
    )
    if with_point:
        parser.add_argument(
            "--point",
            metavar="x,y",
            help="place that self-attention looks from, in pixels, or with %% as in 50%%,40%%; 'region' is the middle "
            "of the first region",
        )
    parser.add_argument("--layer", help="dotted name or pattern, for maps of one layer")


def add_regions(parser: argparse.ArgumentParser) -> None:
    """The regions to measure in."""
    parser.add_argument(
        "--region",
        action="append",
        default=[],
        metavar="REGION",
        dest="regions",
        help=f"{REGION_FORM}; x, y, w, h in pixels, or as shares of the picture with %%, as in "
        "dog=box:12%%,5%%,80%%,90%%; may be given again, the first is in focus",
    )
    parser.add_argument("--regions", metavar="FILE", dest="region_file", help="regions that the dashboard saved")


def add_drawing(parser: argparse.ArgumentParser) -> None:
    """How maps are drawn."""
    parser.add_argument("--scale", choices=tuple(SCALES), default="per map", help="of the colours (default: per map)")
    parser.add_argument("--style", choices=tuple(STYLES), default="heat", help="of the drawing (default: heat)")
    parser.add_argument(
        "--grid", choices=("cells", "smooth"), default="cells", help="the network's own cells, or smoothed"
    )
    parser.add_argument(
        "--opacity", type=float, default=comparing.DEFAULT_OPACITY, help="of the hottest place, 0 to 1 (default: 0.85)"
    )


def add_page(parser: argparse.ArgumentParser) -> None:
    """What figures are made for."""
    parser.add_argument("--size", choices=tuple(SIZES), default="16:9", help="of the figures (default: 16:9)")
    parser.add_argument("--theme", choices=("light", "dark"), default="light")
    parser.add_argument("--transparent", action="store_true", help="leave the background out")


def add_output(parser: argparse.ArgumentParser, required: bool = True) -> None:
    """Where the files go."""
    parser.add_argument("--out", type=Path, required=required, metavar="DIR", help="a new folder for all files")
    parser.add_argument("--zip", action="store_true", help="one file, DIR.zip, in place of a folder")
    parser.add_argument(
        "--format", default="png,svg,pdf", metavar="LIST", help="of the figures: any of png,svg,pdf (default: all)"
    )
    parser.add_argument("--dpi", type=int, default=300, help="of the PNG files, 50 to 600 (default: 300)")
    parser.add_argument("--with-picture", action="store_true", help="add the pictures, so that the files stand alone")
    parser.add_argument("--pptx", action="store_true", help="add talk.pptx, slides with native charts and notes")
    parser.add_argument(
        "--template", type=Path, metavar="FILE", help="with --pptx: a .pptx or .potx file with layouts of your own"
    )
    parser.add_argument("--force", action="store_true", help="replace an earlier export of that name")


def add_telling(parser: argparse.ArgumentParser) -> None:
    """How the command talks."""
    parser.add_argument("--json", action="store_true", help="print JSON for a program")
    parser.add_argument("--quiet", action="store_true", help="say nothing while working")


def picture_of(text: str) -> Picture:
    """The picture of a path, or a sample by its name.

    Raises:
        PictureError: there is no such file, or it is no picture.
    """
    sample = _sample(text)
    return open_picture(text) if sample is None else sample.open()


def stem_of(picture: Picture) -> str:
    """The picture's name as the start of file names."""
    return slug(picture.name.rsplit(".", 1)[0])


def _sample(text: str) -> SamplePicture | None:
    """The sample picture of this name; None where a file has it, or nothing."""
    if Path(text).exists():
        return None
    return next((sample for sample in sample_pictures() if sample.name == text), None)


def regions_of(options: argparse.Namespace, text: str, picture: Picture) -> tuple[Region, ...]:
    """The regions of a picture: those of --region, then those of --regions; or what comes with a sample picture.

    Raises:
        ValueRangeError: an option is not `NAME=box:x,y,w,h` or `NAME=FILE`, a box holds nothing, or two regions have
            one name.
        PictureError: a file cannot be read, or belongs to another picture.
    """
    regions = [region_of(one, picture) for one in options.regions]
    if options.region_file is not None:
        regions += load_regions(_file_of(options.region_file, f"--regions {options.region_file}"), picture)
    sample = None if regions else _sample(text)
    if sample is not None and sample.mask_path is not None and sample.region_name is not None:
        regions.append(Region.from_mask_file(sample.region_name, sample.mask_path, picture.hw))
    for number, region in enumerate(regions):
        if region.name.casefold() in (one.name.casefold() for one in regions[:number]):
            raise ValueRangeError(
                f"regions must have different names; got {region.name!r} twice. Give one another name, as in "
                f"--region {region.name}-2=..."
            )
    return tuple(regions)


def region_of(told: str, picture: Picture) -> Region:
    """The region of `NAME=box:x,y,w,h` or `NAME=FILE`.

    Raises:
        ValueRangeError: it is told in another form, or the box holds nothing or less than a pixel.
        PictureError: the mask cannot be read.
    """
    name, _, place = told.partition("=")
    if not name.strip() or not place:
        raise ValueRangeError(f"--region must be {REGION_FORM}; got {told!r}. As in --region dog=box:40,60,200,150.")
    if not place.startswith("box:"):
        return Region.from_mask_file(name.strip(), _file_of(place, f"--region {told}"), picture.hw)
    return told_box(name.strip(), place.removeprefix("box:").split(","), picture.hw, f"--region {told}")


def _file_of(path: str, option: str) -> str:
    """The path, if a file is there.

    Raises:
        PictureError: there is none.
    """
    if not Path(path).is_file():
        found = "a folder" if Path(path).is_dir() else "none"
        raise PictureError(f"{option} must name a file; got {path}, which is {found}. Check the path.")
    return path


def point_of(
    told: str | None, picture: Picture, regions: Sequence[Region], option: str = "--point"
) -> tuple[float, float] | None:
    """The point of `x,y` as (row, column) in source pixels; `region` is the middle of the first region.

    `option` is what it was told with.

    Raises:
        ValueRangeError: it is told in another form, or lies outside the picture.
    """
    if told is None:
        return None
    if told == "region":
        if not regions:
            raise ValueRangeError("--point region must have a region; got none. Add --region.")
        return comparing.middle_of(regions[0])
    height, width = picture.hw
    x, y = told_numbers(told.split(","), (width, height), f"{option} {told}")
    if not (0 <= x < width and 0 <= y < height):
        raise ValueRangeError(
            f"the point must lie in the picture, {width} wide and {height} high; got x {x:g}, y {y:g}. Count from the "
            "top left corner."
        )
    return y, x


def choice_of(
    options: argparse.Namespace, loaded: Loaded, point: tuple[float, float] | None, strictly: bool = True
) -> comparing.MapChoice:
    """The map that the options ask of one network; `strictly` refuses a class for a map that knows none.

    Raises:
        NotFoundError: the network does not know the class.
        ValueRangeError: the map takes no class, no point or no layer, and one is given.
    """
    choice = comparing.MapChoice(options.map, None, point, options.layer)
    if options.target is None or (not choice.class_dependent and not strictly):
        return choice
    return replace(choice, target=comparing.class_index(loaded.card, options.target))


def models_of(told: Sequence[str]) -> tuple[str, ...]:
    """The networks that were named, or the first bundled ones."""
    return tuple(told) or names()[:MOST_PANELS]


def formats_of(told: str) -> tuple[str, ...]:
    """The kinds of files in a list.

    Raises:
        NotFoundError: one of them is unknown.
    """
    kinds = tuple(part.strip().lower().removeprefix(".") for part in told.split(",") if part.strip())
    for kind in kinds:
        if kind not in ("png", "svg", "pdf"):
            raise NotFoundError.among("format", kind, ("png", "svg", "pdf"), "a kind of figure file")
    if not kinds:
        raise ValueRangeError("--format must name at least one of png, svg, pdf; got none. Leave it out for all.")
    return kinds
