"""Saving the regions of a picture to a file, and loading them again."""

import streamlit as st

from attnviz.errors import AttnvizError, ValueRangeError
from attnviz.export import slug
from attnviz.pictures import Picture
from attnviz.regions import Region, load_regions, region_file, regions_from_label_file
from dashboard import state, told_regions
from dashboard.sidebar import UPLOAD_MB, Entry
from dashboard.told_regions import MOST_REGIONS, ChosenRegion
from dashboard.words import plain


def draw(entry: Entry, chosen: tuple[ChosenRegion, ...]) -> None:
    """A button that opens the way to save and to load."""
    popover = st.popover("Save or load", key=state.REGION_FILES, on_change="rerun")
    if popover.open:
        with popover:
            _save(entry, [one.region for one in chosen])
            _load(entry)


def _save(entry: Entry, regions: list[Region]) -> None:
    picture = entry.picture
    st.download_button(
        "Save the regions",
        # made when the button is pressed, outside this session's run
        lambda: region_file(regions, picture),
        f"{slug(picture.name.rsplit('.', 1)[0])}.regions.zip",
        "application/zip",
        key="save_regions",
        on_click="ignore",
        icon=":material/download:",
        disabled=not regions,
        help="A small file with the names and outlines. It belongs to this picture and can be loaded again.",
    )


def _load(entry: Entry) -> None:
    st.file_uploader(
        "Load regions",
        type=["zip", "png"],
        max_upload_size=UPLOAD_MB,
        key=f"{state.REGION_FILE}_{entry.id}",
        on_change=_loaded,
        args=(entry,),
        help="A file that was saved here, or a PNG in which each region is painted in a value of its own.",
    )
    st.checkbox(
        "They were drawn on another copy of this picture",
        key=f"{state.REGION_FORCE}_{entry.id}",
        on_change=_loaded,
        args=(entry,),
        help="Loads regions of another file, if it has the same size.",
    )
    problem = st.session_state.get(f"{state.REGION_FILE_PROBLEM}_{entry.id}")
    if problem:
        st.error(plain(problem))


def _loaded(entry: Entry) -> None:
    """Take over the regions of an uploaded file, once; before the next run, so that the whole page shows them."""
    file = st.session_state.get(f"{state.REGION_FILE}_{entry.id}")
    done: set[str] = st.session_state.setdefault(state.LOADED_FILES, set())
    problem = ""
    if file is not None and file.file_id not in done:
        force = bool(st.session_state.get(f"{state.REGION_FORCE}_{entry.id}"))
        try:
            _add(entry, _read(file.name, file.getvalue(), entry.picture, force))
            done.add(file.file_id)
        except AttnvizError as error:
            problem = str(error)
    st.session_state[f"{state.REGION_FILE_PROBLEM}_{entry.id}"] = problem


def _read(name: str, contents: bytes, picture: Picture, force: bool) -> tuple[Region, ...]:
    if name.lower().endswith(".png"):
        return regions_from_label_file(contents, picture.hw)
    return load_regions(contents, picture, force=force)


def _same(one: Region, other: Region) -> bool:
    return one.name == other.name and bool((one.mask_hw == other.mask_hw).all())


def _add(entry: Entry, regions: tuple[Region, ...]) -> None:
    """Put the regions at the end of the list, in place of those that were never drawn; what is there comes not twice.

    Raises:
        ValueRangeError: there would be too many.
    """
    listed = told_regions.regions_of(entry)
    made = told_regions.made_of(entry, listed)
    new = [region for region in regions if not any(_same(region, one.region) for one in made.chosen)]
    begun = [told for told in listed.told if told.id in made.by_id or told.id in made.problems]
    if len(begun) + len(new) > MOST_REGIONS:
        raise ValueRangeError(
            f"a picture must have at most {MOST_REGIONS} regions; got {len(begun)} and {len(new)} more. "
            "Delete some first."
        )
    listed.told = begun
    for region in new:
        told_regions.add(entry, region.name, region)
