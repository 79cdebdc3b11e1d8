"""What slides say of a comparison: lines, alt texts, speaker notes. Numbers are written as on the page."""

from attnviz import maps
from attnviz._version import __version__
from attnviz.export.comparison import Comparison
from attnviz.export.figure_source import FigureSource, Json
from attnviz.export.rebuild_script import compare_command, rebuild_command
from attnviz.focus import CENTRED_GAUSSIAN, FocusScore
from attnviz.render import MEANINGLESS, NOT_EXPLANATION, UNPROVEN, Panel, ScaledMap, number, scale_sentences, the
from attnviz.render.columns import flat_words, layers_of
from attnviz.render.panel import percent

MINUS = "\N{MINUS SIGN}"


def picture_line(picture_name: str) -> str:
    """Which picture the numbers of a slide are about: a talk may show several."""
    return f"Picture: {' '.join(picture_name.split())}."


def caveats(comparison: Comparison) -> list[str]:
    """What the feet of the slides say: marks of networks, how colours are to be read, what not to conclude."""
    said = [sentence for panel in comparison.panels for sentence in marks(panel)]
    return [*said, f"{picture_line(comparison.picture.name)} {scale_note(comparison)}", NOT_EXPLANATION]


def marks(panel: Panel) -> list[str]:
    """Sentences that must stand beside a network's map: untrained, unproven, changed."""
    one = panel.attention_map
    told = []
    if panel.untrained:
        told.append(f"{panel.title}: {panel.untrained}; {MEANINGLESS}.")
    if one.proof == "unproven":
        told.append(f"{panel.title} is {UNPROVEN}.")
    if one.edits:
        told.append(f"{panel.title} ran with its attention changed: {', '.join(one.edits)}.")
    return told


def scale_note(comparison: Comparison) -> str:
    """How values became colours, and how finely they are drawn."""
    titles = [panel.title for panel in comparison.panels]
    said = list(scale_sentences(comparison.scaled, titles, comparison.scale))
    if comparison.interpolation == "smooth":
        said.append("Smoothed between cell centres: finer than the network's own grid.")
    return " ".join(said)


def overlay_alt(comparison: Comparison, panel: Panel, scaled: ScaledMap) -> str:
    """One network's picture in words."""
    told = [f"{panel.title} on {comparison.picture.name}", *panel.warnings]
    if panel.prediction_line:
        told.append(f"first answer {panel.prediction_line}")
    if scaled.flat:
        told.append(flat_words(panel.attention_map))
    else:
        told.append(f"colours show {scaled.unit} from {number(scaled.vmin)} to {number(scaled.vmax)}")
    if panel.focus is not None:
        told.append(panel.focus_line(panel.focus.region))
    if panel.others:
        told.append(panel.others_line)
    return "; ".join(told)


def score_line(panel: Panel) -> str:
    """The share in the region in focus, such as "48 % on the dog, lift 1.3"; empty without one."""
    return panel.focus_line(panel.focus.region) if panel.focus is not None else ""


def panel_title(panel: Panel) -> str:
    """What a network's own slide is called: what its map does."""
    if panel.focus is None:
        return panel.title
    mark = f"{panel.untrained.upper()}: " if panel.untrained else ""
    return f"{mark}{panel.title}: {percent(panel.focus.value)} of its map on {the(panel.focus.region)}"


def chance_line(score: FocusScore) -> str:
    """What maps that know nothing would score."""
    return (
        f"Chance, a flat map: {percent(score.chance)} (1×). A blob in the middle: "
        f"{percent(score.baselines[CENTRED_GAUSSIAN])}."
    )


def where_line(panel: Panel) -> str:
    """The native grid and the layer."""
    return f"{panel.grid_line}, {layers_of(panel.attention_map)}"


def method_of(panel: Panel) -> str:
    """The map's name for people, such as "Grad-CAM"."""
    name = panel.attention_map.method.split("(")[0]
    return next((one.card.title for one in maps.METHODS.values() if one.__name__ == name), name)


def notes_of(source: FigureSource, more: str = "") -> str:
    """Speaker notes: what is seen, how it was made, what not to conclude, and how to make it again."""
    told = source.provenance()
    parts = [more, source.alt, f"Method. {_method(told)}" if _method(told) else "", f"Caution. {NOT_EXPLANATION}"]
    command = compare_command(source)
    again = f"Make it again. In the folder of the export: {rebuild_command()}"
    if command:
        again += f"\nFrom the beginning: {command}"
    parts += [again, f"Made with attnviz {__version__}."]
    return "\n\n".join(part for part in parts if part)


def _method(told: dict[str, Json]) -> str:
    """The provenance's own words on maps, layers, weights, picture and colours."""
    said = []
    panels = told.get("panels")
    for panel in panels if isinstance(panels, list) else []:
        if isinstance(panel, dict):
            weights = str(panel.get("weights") or "")[:12] or "not known"
            said.append(f"{panel.get('network')}: {panel.get('method')}, unit {panel.get('unit')}, weights {weights}.")
    drawing = told.get("drawing")
    colours = drawing.get("colours") if isinstance(drawing, dict) else None
    said += [str(one) for one in colours] if isinstance(colours, list) else []
    picture = told.get("picture")
    if isinstance(picture, dict) and picture.get("sha256"):
        said.append(f"Picture {picture.get('name')}, sha256 {str(picture['sha256'])[:12]}.")
    return " ".join(said)
