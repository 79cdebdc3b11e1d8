"""A whole folder of pictures asked of several networks, one picture after the other."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from attnviz._version import __version__
from attnviz.comparing import MapChoice, Progress, class_index, loaded_networks
from attnviz.errors import ValueRangeError
from attnviz.export import FocusOverPictures, Json, Row
from attnviz.export.score_rows import COLUMNS
from attnviz.export.tables import rows_csv
from attnviz.focus import BASELINES
from attnviz.render import NOT_EXPLANATION, SIZES
from attnviz.study import kept, summary
from attnviz.study.folder import Item, items_beside, items_of_boxes
from attnviz.study.kept import Failure, Measured
from attnviz.study.looking_from import StudyPoint, checked_point, point_in, study_point_words
from attnviz.study.measuring import BROKEN, measured, regions_sha256, said
from attnviz.study.summary import Mean, MeanDifference
from attnviz.zoo import Loaded

SCORES, SUMMARY, DIFFERENCES, FAILED = "scores.csv", "summary.csv", "differences.csv", "failed.csv"


@dataclass(frozen=True, eq=False)
class Study:
    """What was found on a folder of pictures.

    Attributes:
        out: the folder that holds the numbers.
        pictures: the numbers of each picture that could be measured.
        failed: what could not be measured, and why.
        left_out: pictures of the folder that the table of boxes does not name.
        weights: sha256 of each network's weights, by its title.
        map_title: which map was made of each network.
    """

    out: Path
    pictures: tuple[Measured, ...]
    failed: tuple[Failure, ...]
    left_out: tuple[str, ...]
    weights: dict[str, str]
    map_title: str

    @property
    def rows(self) -> list[Row]:
        """A row for each picture, network and region, as in `scores.csv`."""
        return [row for one in self.pictures for row in one.rows]

    @property
    def means(self) -> tuple[Mean, ...]:
        """For each region and network, then for each baseline, over the pictures that all networks have scores of."""
        return summary.means(summary.same_pictures(self.pictures), self._marks)

    @property
    def differences(self) -> tuple[MeanDifference, ...]:
        """For each region and pair of networks, on the same pictures."""
        return summary.differences(summary.same_pictures(self.pictures))

    @property
    def markdown(self) -> str:
        """Means and differences as tables."""
        return summary.markdown(self.means, self.differences)

    def figure(
        self,
        *,
        lift: bool = False,
        regions: Sequence[str] | None = None,
        size: tuple[float, float] = SIZES["16:9"],
        theme: Literal["light", "dark"] = "light",
        transparent: bool = False,
    ) -> FocusOverPictures:
        """The means with their intervals as a figure; `attnviz.export` writes it.

        Args:
            lift: lifts in place of shares.
            regions: names of those that are drawn; None draws all.
            size: width and height in inches.
            theme: "light" or "dark".
            transparent: leave the background out.
        """
        marks = self._marks
        named = {title: f"{title} ({marks[title]})" if marks.get(title) else title for title in self.weights}
        return FocusOverPictures(
            pictures=self.pictures,
            by_region={
                region: {named[title]: scores for title, scores in table.items() if title not in BASELINES}
                for region, table in summary.same_pictures(self.pictures).items()
                if regions is None or region in regions
            },
            lift=lift,
            weights={named[title]: sha256 for title, sha256 in self.weights.items()},
            map_title=self.map_title,
            size=size,
            theme=theme,
            transparent=transparent,
        )

    def to_dict(self) -> dict[str, Json]:
        """Plain values for a JSON file."""
        return {
            "out": str(self.out),
            "map": self.map_title,
            "pictures": len(self.pictures),
            "summary": [{**one.to_row()} for one in self.means],
            "differences": [{**one.to_row()} for one in self.differences],
            "failed": [{**_failed_row(one)} for one in self.failed],
            "left_out": [*self.left_out],
            "note": NOT_EXPLANATION,
        }

    @property
    def _marks(self) -> dict[str, str]:
        """What must be said of a network: untrained, unproven, changed."""
        made: dict[str, dict[str, None]] = {}
        for row in self.rows:
            told = (row["untrained"], row["proof"] if row["proof"] == "unproven" else "", row["intervention"])
            made.setdefault(str(row["network"]), {}).update({str(one): None for one in told if one})
        return {title: ", ".join(found) for title, found in made.items() if found}


def run(
    folder: str | os.PathLike[str],
    out: str | os.PathLike[str],
    models: str | Loaded | Sequence[str | Loaded],
    *,
    boxes: str | os.PathLike[str] | None = None,
    map: str = "gradcam",
    target: str | int | None = None,
    point: StudyPoint | None = None,
    layer: str | None = None,
    progress: Progress | None = None,
) -> Study:
    """Ask several networks about every picture of a folder, and average how their maps fall on the regions.

    The numbers of each picture are written when it is done, whole or not at all. A study that was stopped or killed
    goes on where it was when it is run again with the same settings; a picture or region that has changed since is
    measured again. What fails is named and does not stop the others; it is tried again the next time.

    Args:
        folder: of the pictures. Without `boxes`, the regions are the mask files beside them: `rex.dog.png` is the
            region "dog" of `rex.jpg`, and `rex.mask.png` the region "object".
        out: a new folder for the numbers, or the one of a study to go on with.
        models: names of bundled or pretrained networks, or loaded networks. Scores are taken over the part of the
            picture that all of them saw.
        boxes: a CSV file with the columns picture, region, x, y, w, h, in pixels from the top left, or with % a share
            of the picture. Several boxes of one region add up. Pictures that it does not name are left out.
        map: as for `attnviz.compare`.
        target: the class that the maps speak about, by name or by index; None takes each network's own answer.
        point: the place that self-attention looks from, for maps that look from one: (down, across) as shares of each
            picture's height and width, 0 to 1, or "region" for the middle of each picture's first region.
        layer: dotted name or pattern, for maps of one layer.
        progress: told before each picture; an error that it raises ends the work.

    Returns:
        What was found. `out` then holds `scores.csv`, with the columns of an export's, `summary.csv`,
        `differences.csv`, `failed.csv` and `study.json`.

    Raises:
        ValueRangeError: there is no picture or no region, a box is no box, the point is no share or its map looks from
            none, or `out` holds a study with other settings.
        NotFoundError: no network, map or class has this name.
        AssetError: weights are missing, or `out` cannot be written.

    Misleads when:
        pictures are alike, such as frames of one film: the intervals are then too narrow. They say nothing of what
        another training of the networks would change. Differences are not corrected for the number of pairs.
    """
    source, target_folder = Path(folder), Path(out)
    kept.check_place(target_folder)
    left_out: tuple[str, ...] = ()
    if boxes is None:
        items = items_beside(source)
    else:
        items, left_out = items_of_boxes(source, Path(boxes))
    place = checked_point(point)
    # a mistake in it should not wait for the networks
    choice = MapChoice(map, layer=layer, point_yx=None if place is None else (0.0, 0.0))
    networks = loaded_networks([models] if isinstance(models, str | Loaded) else models)
    if not networks:
        raise ValueRangeError("models must hold at least one network; got none. Name one, such as cbam_resnet.")
    choices = [MapChoice(map, class_index(one.card, target), None, layer) for one in networks]
    kept.begin(target_folder, _settings(networks, choices, target, place))
    found: list[Measured] = []
    failed: list[Failure] = []
    for number, item in enumerate(items):
        if progress is not None:
            progress(number / len(items), item.name)
        one = _measured(item, target_folder, networks, choices, place)
        if isinstance(one, Failure):
            failed.append(one)
        else:
            found.append(one)
            failed += one.problems
    if progress is not None:
        progress(1.0, "done")
    weights = {loaded.card.title: loaded.card.sha256 for loaded in networks}
    title = choice.title if place is None else f"{choice.title} from {study_point_words(place)}"
    study = Study(target_folder, tuple(found), tuple(failed), left_out, weights, title)
    _write(study)
    return study


def _measured(
    item: Item, out: Path, networks: Sequence[Loaded], choices: Sequence[MapChoice], point: StudyPoint | None
) -> Measured | Failure:
    """The numbers of a picture, from the disk or new ones, which are kept; or why there are none."""
    try:
        picture, regions = item.opened()
        known = kept.done(out, item.name, picture.sha256, regions_sha256(regions))
        if known is not None:
            return known
        if point is not None:
            choices = [replace(choice, point_yx=point_in(point, picture, regions)) for choice in choices]
        made = measured(picture, regions, networks, choices)
    except BROKEN as error:
        return Failure(item.name, said(error))
    kept.keep(out, made)
    return made


def _settings(
    networks: Sequence[Loaded], choices: Sequence[MapChoice], target: str | int | None, point: StudyPoint | None
) -> dict[str, Json]:
    return {
        "schema": kept.SCHEMA_VERSION,
        "attnviz": __version__,
        "map": choices[0].kind,
        "layer": choices[0].layer,
        "class": target,
        "point": point if isinstance(point, str | None) else [*point],
        "networks": [{"name": one.card.name, "title": one.card.title, "sha256": one.card.sha256} for one in networks],
    }


def _failed_row(one: Failure) -> Row:
    return {"picture": one.picture, "network": one.network, "region": one.region, "reason": one.reason}


def _write(study: Study) -> None:
    ends = ["share", "share_low", "share_high", "lift", "lift_low", "lift_high", "hit", "hit_low", "hit_high"]
    for name, rows, columns in (
        (SCORES, study.rows, COLUMNS),
        (
            SUMMARY,
            [one.to_row() for one in study.means],
            ["region", "network", "baseline", "mark", "pictures", "area", *ends],
        ),
        (DIFFERENCES, [one.to_row() for one in study.differences], ["region", "network", "minus", "pictures", *ends]),
        (FAILED, [_failed_row(one) for one in study.failed], ["picture", "network", "region", "reason"]),
    ):
        kept.write(study.out / name, rows_csv(rows, columns))
