// A picture on which boxes are drawn, by pointer or by keyboard. No dependency and no build step.
//
// data = { revision, picture (data URL), width, height (pixels of the source picture), boxes, label, name, colour }
// boxes are [x0, y0, x1, y1] in shares of the picture, 0 to 1, sorted so that x0 < x1 and y0 < y1.
// State sent to Python: drawn = { revision, boxes }. Python's boxes count only when the revision changes, so `data`
// stays the same from run to run and the picture is not sent again.

const NUDGE = 0.01; // one arrow key, as a share of the picture
const LEAP = 0.05; // one arrow key with Shift
const SMALLEST = 0.01; // a shorter side is a click, not a box
const TALLEST = 560; // pixels; a portrait becomes narrower instead
const MOST = 20; // boxes kept; Python refuses more

const views = new WeakMap();

const within = (share) => Math.min(1, Math.max(0, share));
const rounded = (share) => Math.round(share * 10000) / 10000;
const boxOf = ([ax, ay], [bx, by]) =>
  [Math.min(ax, bx), Math.min(ay, by), Math.max(ax, bx), Math.max(ay, by)].map(rounded);
const isLargeEnough = ([x0, y0, x1, y1]) => x1 - x0 >= SMALLEST && y1 - y0 >= SMALLEST;

function openView(root) {
  const view = {
    root,
    canvas: root.querySelector("canvas"),
    live: root.querySelector("[role=status]"),
    undo: root.querySelector(".undo"),
    clear: root.querySelector(".clear"),
    picture: new Image(),
    boxes: [],
    corner: null, // the first corner of the box being drawn
    cursor: [0.5, 0.5], // the pointer, or the cross that the arrow keys move
    byKeyboard: false,
  };
  view.watcher = new ResizeObserver(() => paint(view));
  view.watcher.observe(root);
  return view;
}

function paint(view) {
  const { canvas, picture, data } = view;
  if (!data || !picture.naturalWidth) return;
  const density = window.devicePixelRatio || 1;
  const width = Math.min(view.root.clientWidth, (TALLEST * data.width) / data.height);
  const height = (width * data.height) / data.width;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const [pixelsX, pixelsY] = [Math.round(width * density), Math.round(height * density)];
  if (canvas.width !== pixelsX || canvas.height !== pixelsY) {
    canvas.width = pixelsX;
    canvas.height = pixelsY;
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(density, 0, 0, density, 0, 0);
  pen.drawImage(picture, 0, 0, width, height);

  // black under the colour, so the line shows on any photograph
  const line = (path, colour) => {
    for (const [ink, thickness] of [["#000000", 5], [colour, 2.5]]) {
      pen.beginPath();
      path();
      pen.strokeStyle = ink;
      pen.lineWidth = thickness;
      pen.stroke();
    }
  };
  const rectangle = ([x0, y0, x1, y1]) =>
    pen.rect(x0 * width, y0 * height, (x1 - x0) * width, (y1 - y0) * height);
  const shown = view.corner ? [...view.boxes, boxOf(view.corner, view.cursor)] : view.boxes;
  for (const box of shown) {
    pen.beginPath();
    rectangle(box);
    pen.globalAlpha = 0.22;
    pen.fillStyle = data.colour;
    pen.fill();
    pen.globalAlpha = 1;
    line(() => rectangle(box), data.colour);
  }
  if (view.byKeyboard) {
    const [x, y] = [view.cursor[0] * width, view.cursor[1] * height];
    line(() => {
      pen.moveTo(x - 12, y);
      pen.lineTo(x + 12, y);
      pen.moveTo(x, y - 12);
      pen.lineTo(x, y + 12);
    }, "#ffffff");
  }
  view.undo.disabled = view.clear.disabled = view.boxes.length === 0;
}

function say(view, sentence) {
  view.live.textContent = sentence;
}

function keep(view, boxes, sentence) {
  view.boxes = boxes;
  view.corner = null;
  say(view, sentence);
  paint(view);
  view.send({ revision: view.revision, boxes });
}

function finish(view) {
  const box = boxOf(view.corner, view.cursor);
  view.corner = null;
  if (!isLargeEnough(box)) {
    say(view, "Too small for a box: drag further.");
    paint(view);
  } else if (view.boxes.length >= MOST) {
    say(view, `At most ${MOST} boxes. Undo one first.`);
    paint(view);
  } else {
    keep(view, [...view.boxes, box], `Box ${view.boxes.length + 1} drawn around the ${view.data.name}.`);
  }
}

const undo = (view) => view.boxes.length && keep(view, view.boxes.slice(0, -1), `Last box removed, ${view.boxes.length - 1} left.`);
const clear = (view) => view.boxes.length && keep(view, [], "All boxes removed.");

function cancel(view) {
  view.corner = null;
  say(view, "Box cancelled.");
  paint(view);
}

function onKey(view, event) {
  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  const isUndo = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z";
  if (steps) {
    const stride = event.shiftKey ? LEAP : NUDGE;
    view.byKeyboard = true;
    view.cursor = view.cursor.map((share, axis) => within(share + steps[axis] * stride));
    const [x, y] = view.cursor.map((share) => Math.round(share * 100));
    say(view, `${x} % from the left, ${y} % from the top`);
    paint(view);
  } else if (event.key === "Enter" || event.key === " ") {
    view.byKeyboard = true;
    if (view.corner) finish(view);
    else {
      view.corner = view.cursor;
      say(view, "First corner set. Move with the arrow keys, press Enter for the opposite corner.");
      paint(view);
    }
  } else if (event.key === "Escape" && view.corner) cancel(view);
  else if (isUndo || event.key === "Backspace") undo(view);
  else if (event.key === "Delete") clear(view);
  else return;
  event.preventDefault();
}

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".region");
  const view = views.get(root) ?? openView(root);
  views.set(root, view);
  view.data = data;
  view.send = (drawn) => setStateValue("drawn", drawn);
  if (view.revision !== data.revision) {
    view.revision = data.revision;
    view.boxes = data.boxes;
    view.corner = null;
  }
  const { canvas, picture } = view;
  canvas.setAttribute("aria-label", data.label);
  const place = (event) => {
    const frame = canvas.getBoundingClientRect();
    return [within((event.clientX - frame.left) / frame.width), within((event.clientY - frame.top) / frame.height)];
  };
  canvas.onpointerdown = (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    view.byKeyboard = false;
    view.corner = view.cursor = place(event);
    paint(view);
  };
  canvas.onpointermove = (event) => {
    if (!view.corner || view.byKeyboard) return;
    view.cursor = place(event);
    paint(view);
  };
  canvas.onpointerup = (event) => {
    if (!view.corner || view.byKeyboard) return;
    view.cursor = place(event);
    finish(view);
  };
  canvas.onpointercancel = () => view.corner && cancel(view);
  canvas.onkeydown = (event) => onKey(view, event);
  canvas.onblur = () => {
    view.byKeyboard = false;
    view.corner = null;
    paint(view);
  };
  view.undo.onclick = () => undo(view);
  view.clear.onclick = () => clear(view);
  if (view.shown !== data.picture) {
    view.shown = data.picture;
    picture.onload = () => paint(view);
    picture.src = data.picture;
  } else paint(view);
  return () => {
    view.watcher.disconnect();
    views.delete(root);
  };
}
