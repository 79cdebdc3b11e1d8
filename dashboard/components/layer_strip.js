// All layers of a network beside each other, to choose one. Arrow keys go on and back.
// data = { label, aspect, chosen, layers: [{ name, image, factors, share, apart, values, mark, flag, alt }] }
// Trigger sent to Python: picked = number of the layer, counted from 1.

const focused = new WeakMap(); // a choice draws the strip anew: the focus goes to the chosen layer again

function picture(layer, aspect) {
  if (layer.image) {
    const image = document.createElement("img");
    image.src = layer.image;
    image.alt = "";
    image.style.aspectRatio = aspect;
    return image;
  }
  const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  drawing.setAttribute("viewBox", "0 0 100 100");
  drawing.setAttribute("preserveAspectRatio", "none");
  drawing.setAttribute("aria-hidden", "true");
  drawing.style.aspectRatio = aspect;
  const wide = 100 / Math.max(1, layer.factors.length);
  const line = layer.factors.map((share, at) => `H ${at * wide} V ${100 - 100 * share} H ${(at + 1) * wide}`);
  const area = document.createElementNS("http://www.w3.org/2000/svg", "path");
  area.setAttribute("d", `M 0 100 ${line.join(" ")} V 100 Z`);
  area.setAttribute("fill", "#8A93A3");
  drawing.append(area);
  return drawing;
}

function part(kind, text) {
  const made = document.createElement("span");
  made.className = kind;
  made.textContent = text;
  return made;
}

function bar(layer) {
  const made = document.createElement("span");
  made.className = "bar";
  for (const [kind, share] of [["", layer.share], ["apart", layer.apart]]) {
    const piece = document.createElement("i");
    piece.className = kind;
    piece.style.width = `${100 * Math.min(1, share)}%`;
    made.append(piece);
  }
  return made;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const strip = parentElement.querySelector(".strip");
  strip.setAttribute("aria-label", data.label);
  strip.classList.toggle("few", data.layers.length < 6);
  const buttons = data.layers.map((layer, place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-label", layer.alt);
    button.setAttribute("aria-pressed", String(place + 1 === data.chosen));
    button.append(part("name", `${place + 1} ${layer.name}`), picture(layer, data.aspect));
    if (layer.share !== null) button.append(bar(layer));
    button.append(...layer.values.map((text) => part("value", text)));
    if (layer.mark) button.append(part("mark", layer.mark));
    if (layer.flag) button.append(part("flag", layer.flag));
    button.onclick = () => choose(place + 1);
    return button;
  });
  const choose = (number) => {
    if (number < 1 || number > data.layers.length) return;
    focused.set(strip, true);
    if (number !== data.chosen) setTriggerValue("picked", number);
  };
  strip.onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    choose(data.chosen + step);
  };
  strip.onfocusout = (event) => {
    if (event.relatedTarget && !strip.contains(event.relatedTarget)) focused.delete(strip);
  };
  strip.replaceChildren(...buttons);
  if (focused.get(strip)) buttons[data.chosen - 1]?.focus({ preventScroll: true });
}
