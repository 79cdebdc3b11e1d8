"""What a walk found, in sentences that a page, a figure and a table share."""

from collections.abc import Sequence

from attnviz.health import GateHealth
from attnviz.health.one_gate import Kind
from attnviz.maps import FLAT_BELOW, AttentionMap, is_flat
from attnviz.records import Site
from attnviz.walking.change import Change
from attnviz.walking.kinds import AttentionLayer, Gate, GatedLayer, Layer, PlainLayer
from attnviz.walking.walk import LayerWalk

NEXT_TO_NOTHING = 0.02
"""Changes under this share of the features' size are called next to nothing."""

_SHORT_ENOUGH = 12
"""Characters of a name that fit below a small picture."""

_MOSTLY_COMMON = 0.1
"""A change is nearly all one common factor when under this part of it tells features apart."""

GATE_NAMES: dict[Kind, str] = {"channel": "channel gate", "spatial": "spatial gate", "feature": "feature mask"}

CHANGE_DEFINED = (
    "Changed: ‖g x − x‖ / ‖x‖, where x is all features of the layer on this picture, before the gate, and g x the same "
    "features after it. A gate of ones gives 0 %, a gate of zeros 100 %. Told apart: ‖g x − c x‖ / ‖x‖, where c is the "
    "one factor for all features that comes nearest to the gate. A flat gate gives 0 %, however much it turns down. "
    "Changed² = (1 − c)² + told apart². Neither says whether the change mattered for the answer."
)
ATTENTION_DEFINED = (
    "Entropy: mean over the places that look of −Σ a ln a, as a share of ln n, with a the attention on the n places it "
    "can see. 100 % is attention spread evenly, 0 % a single place. Distance: mean over the places that look of "
    "Σ a d, with d the distance between the centres of cells, in pixels of the picture. Class and register tokens are "
    "left out of both, and each row is divided by what is left."
)
ACTIVITY_DEFINED = (
    "Activity: square root of the mean over all channels and places of the squared output of this part of the network. "
    "It is no attention. Its unit is the network's own, so do not compare it between networks."
)


def place_name(layer: Layer) -> str:
    """A layer's name without the part that says it is attention; its run where it is not the first."""
    name = layer.site.layer
    for suffix in (".attention", ".attn", ".self_attention"):
        name = name.removesuffix(suffix)
    name = name or "the network itself"
    return f"{name}, run {layer.site.call + 1}" if layer.site.call else name


def short_name(walk: LayerWalk, layer: Layer) -> str:
    """A layer's name for small places: long ones lose the parts that all layers of the network begin with."""
    names = [place_name(one) for one in walk.layers]
    name = place_name(layer)
    if len(names) < 2 or max(map(len, names)) <= _SHORT_ENOUGH:
        return name
    parts = [one.split(".") for one in names]
    common = 0
    while all(len(one) > common + 1 and one[common] == parts[0][common] for one in parts):
        common += 1
    return ".".join(name.split(".")[common:])


def remarks(walk: LayerWalk, layer: Layer | None = None) -> tuple[str, ...]:
    """What must stand on each picture of a layer, or of all: "untrained", "unproven", "intervention"."""
    chosen = walk.layers if layer is None else (layer,)
    sites = [site for one in chosen for site in sites_of(one)]
    told = (
        walk.untrained,
        "unproven" if any(site.proven is False for site in sites) else "",
        "intervention" if any(site.edit for site in sites) else "",
    )
    return tuple(word for word in told if word)


def sites_of(layer: Layer) -> tuple[Site, ...]:
    """The sites of all records of a layer."""
    return tuple(gate.site for gate in layer.gates) if isinstance(layer, GatedLayer) else (layer.site,)


def percent(share: float) -> str:
    """A share in percent: one digit behind the point where it is under ten, none above."""
    value = 100 * share
    if 0 < value < 0.05:
        return "under 0.1\N{NO-BREAK SPACE}%"
    text = f"{value:.1f}" if value < 9.95 else f"{value:.0f}"
    return f"{text}\N{NO-BREAK SPACE}%"


def change_words(change: Change | None) -> str:
    """What a gate changed, in a few words."""
    if change is None:
        return "no change can be told: the features before the gate are all zero"
    said = f"changes its features by {percent(change.total)} of their size"
    return f"{said}; tells them apart by {percent(change.selective)}"


def finding(walk: LayerWalk) -> str:
    """What the walk found, in one or two sentences."""
    if not walk.has_attention:
        return f"{walk.network} has no attention that can be read: this is where its parts are active."
    most, apart = walk.most_changed, walk.most_selective
    if any(isinstance(layer, GatedLayer) for layer in walk.layers):
        return _gates_finding(walk, most, apart)
    return _attention_finding(walk)


def _gates_finding(walk: LayerWalk, most: int | None, apart: int | None) -> str:
    if most is None:
        return f"No gate of {walk.network} changes any feature on this picture."
    change = _change(walk.layers[most])
    where = place_name(walk.layers[most])
    size = f"{percent(change.total)} of their size"
    if apart is None:
        return f"{walk.network} changes features most in {where}, by {size}, and treats all of them alike everywhere."
    other = _change(walk.layers[apart])
    if most == apart and stands_out(walk):
        said = f"{walk.network} changes features most in {where}: by {size}, and tells them apart by "
        return f"{said}{percent(other.selective)}{_little(other.selective)}."
    little, elsewhere = _little(other.selective), place_name(walk.layers[apart])
    said = (
        f"{walk.network} tells features apart most in {elsewhere}, by {percent(other.selective)} of their size{little}"
    )
    if not stands_out(walk):
        return f"{said}; by the size of the change no layer stands out, the largest is {percent(change.total)}."
    if change.selective < _MOSTLY_COMMON * change.total:
        return f"{said}; the largest change, {percent(change.total)} in {where}, is nearly all one common factor."
    return f"{said}; the largest change is in {where}, {percent(change.total)}."


def stands_out(walk: LayerWalk) -> bool:
    """Whether one layer's gates change its features clearly more than those of any other: by `FLAT_BELOW` of its own.

    Gates that all halve their features change all layers alike, and none of them "most".
    """
    totals = sorted(_change(layer).total for layer in walk.layers if isinstance(layer, GatedLayer) and layer.change)
    return len(totals) == 1 or bool(totals and totals[-1] - totals[-2] > FLAT_BELOW * totals[-1])


def _little(share: float) -> str:
    return ", next to nothing" if share < NEXT_TO_NOTHING else ""


def _attention_finding(walk: LayerWalk) -> str:
    told = [layer for layer in walk.layers if isinstance(layer, AttentionLayer) and layer.entropy.size]
    if not told:
        return f"{walk.network}: no layer's attention can be laid on the picture."
    narrow = min(told, key=lambda layer: float(layer.entropy.mean()))
    said = f"{walk.network} attends most narrowly in {place_name(narrow)}: {percent(float(narrow.entropy.mean()))} of "
    said += "the largest entropy"
    if len(told) == 1:
        return f"{said}."
    wide = max(told, key=lambda layer: float(layer.entropy.mean()))
    return f"{said}; most evenly in {place_name(wide)}, {percent(float(wide.entropy.mean()))}."


def _change(layer: Layer) -> Change:
    assert isinstance(layer, GatedLayer)  # `most_changed` names no other
    assert layer.change is not None
    return layer.change


def layer_words(layer: Layer) -> str:
    """What one layer did, in one or two sentences."""
    match layer:
        case GatedLayer():
            return f"{place_name(layer)}, {layer.name}: {change_words(layer.change)}."
        case AttentionLayer():
            return f"{place_name(layer)}, {layer.name}: {attention_words(layer)}."
        case PlainLayer():
            return f"{place_name(layer)}: activity {layer.size:.3g}, no attention."


def attention_words(layer: AttentionLayer) -> str:
    """How spread the heads are and how far they look, in a few words."""
    if not layer.entropy.size:
        return "; ".join(layer.notes) or "nothing can be told"
    heads = f"{layer.heads} head{'s' if layer.heads > 1 else ''}"
    said = f"{heads}, entropy {percent(float(layer.entropy.mean()))} of the largest, mean attention distance "
    said += f"{float(layer.distance_px.mean()):.0f}\N{NO-BREAK SPACE}px"
    return said + ("" if layer.even_px is None else f" (spread evenly: {layer.even_px:.0f}\N{NO-BREAK SPACE}px)")


def health_words(gate: Gate) -> str:
    """What is wrong with a gate on this picture, or that nothing is, in one plain sentence."""
    health = gate.health
    low, high = span_of(health.minimum, health.maximum)
    name = GATE_NAMES[gate.kind]
    said = []
    if health.is_flat:
        alike = "all channels" if gate.kind == "channel" else "all places"
        averaged = "Averaged over channels, its factors" if gate.kind == "feature" else "Its factors"
        whose = "on that average it treats" if gate.kind == "feature" else "it treats"
        ends = span_of(*gate.where.value_range) if gate.kind == "feature" and gate.where is not None else (low, high)
        said.append(f"{averaged} hardly differ ({between(*ends)}): {whose} {alike} nearly alike.")
    if health.is_saturated:
        said.append(f"{_saturated(health)} of its factors lie at an end of their range: it can hardly react.")
    if said:
        return f"Flagged: {', '.join(health.flags)}. {' '.join(said)}"
    return f"Nothing flagged: the {name}'s factors run from {low} to {high} on this picture."


def _saturated(health: GateHealth) -> str:
    return percent((health.closed or 0.0) + (health.opened or 0.0))


def between(low: str, high: str) -> str:
    """Two ends as people say them: "0.49 to 0.51", or "all 0.5" where they look the same."""
    return f"all {low}" if low == high else f"{low} to {high}"


def span_of(low: float, high: float) -> tuple[str, str]:
    """Two numbers with as many digits as tell them apart, three to seven."""
    for digits in range(3, 8):
        ends = f"{low:.{digits}g}", f"{high:.{digits}g}"
        if ends[0] != ends[1]:
            break
    return ends


def flat_map_words(one: AttentionMap) -> str:
    """What stands in place of a map that varies too little to be painted; empty for one that does not."""
    if not is_flat(one):
        return ""
    low, high = span_of(*one.value_range)
    return f"Flat: {one.unit} {low} everywhere." if low == high else f"Flat: {one.unit} {low} to {high}."


def listed(parts: Sequence[str]) -> str:
    """Parts of a sentence, joined."""
    return " · ".join(part for part in parts if part)
