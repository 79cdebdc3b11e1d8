// A picture on which a region is drawn, by pointer or by keyboard. No dependency and no build step.
//
// data = { revision, picture (data URL), overlay (data URL or ""), width, height (pixels of the source picture),
//          dashed, drawing, label, name, colour }
// drawing = { boxes: [[x0, y0, x1, y1]], polygons: [[[x, y], ...]], inside: [[x, y]], outside: [[x, y]], cut }
// in shares of the picture, 0 to 1; boxes are sorted so that x0 < x1 and y0 < y1.
// State sent to Python: drawn = { revision, ...drawing }. Python's drawing counts only when the revision changes, so
// `data` stays the same from run to run and the picture is not sent again until the overlay changes. What is drawn is
// dashed where it is not the region itself: that one is in the overlay then.

const NUDGE = 0.01; // one arrow key, as a share of the picture
const LEAP = 0.05; // one arrow key with Shift
const SMALLEST = 0.01; // a shorter side is a click, not a region
const STEP = 0.006; // freehand moves below this are not kept
const NEAR = 0.02; // a click this near to the first corner closes the outline
const TALLEST = 560; // pixels; a portrait becomes narrower instead
const MOST = { shapes: 20, corners: 400, marks: 60 }; // Python refuses more

const HINTS = {
  box: "Drag a box around it.",
  polygon: "Click corner after corner; a double click or Enter on the last corner closes the outline.",
  lasso: "Drag around it by hand. By keyboard, use Corners.",
  inside: "Click places that belong to it.",
  outside: "Click places that do not belong to it.",
};
const KEYS = " Keyboard: arrows move (with Shift: further), Enter sets, Esc cancels, Ctrl+Z undoes, Delete clears.";

const views = new WeakMap();

const within = (share) => Math.min(1, Math.max(0, share));
const rounded = (share) => Math.round(share * 10000) / 10000;
const at = (point) => point.map(rounded);
const boxOf = ([ax, ay], [bx, by]) =>
  [Math.min(ax, bx), Math.min(ay, by), Math.max(ax, bx), Math.max(ay, by)].map(rounded);
const isLargeEnough = ([x0, y0, x1, y1]) => x1 - x0 >= SMALLEST && y1 - y0 >= SMALLEST;
const distance = ([ax, ay], [bx, by]) => Math.max(Math.abs(ax - bx), Math.abs(ay - by));
const boundsOf = (points) => {
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
};
const shapesIn = (drawing) => drawing.boxes.length + drawing.polygons.length;
const isEmpty = (drawing) => !shapesIn(drawing) && !drawing.inside.length && !drawing.outside.length;

function openView(root) {
  const find = (selector) => root.querySelector(selector);
  const view = {
    root,
    canvas: find("canvas"),
    live: find("[role=status]"),
    hint: find("#region-keys"),
    tools: [...root.querySelectorAll("[data-tool]")],
    cut: find(".cut"),
    marks: find(".marks"),
    finish: find(".finish"),
    undo: find(".undo"),
    clear: find(".clear"),
    picture: new Image(),
    overlay: new Image(),
    tool: "box",
    drawing: null,
    before: [], // drawings to go back to
    path: [], // corners of what is being drawn
    held: false, // the pointer is down
    cursor: [0.5, 0.5], // the pointer, or the cross that the arrow keys move
    byKeyboard: false,
  };
  view.picture.onload = view.overlay.onload = () => paint(view);
  return view;
}

function paint(view) {
  const { canvas, picture, data, drawing } = view;
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
  pen.lineJoin = "round";
  pen.drawImage(picture, 0, 0, width, height);
  if (data.overlay && view.overlay.naturalWidth) pen.drawImage(view.overlay, 0, 0, width, height);

  // black under the colour, so the line shows on any photograph
  const line = (path, colour, dashes = []) => {
    for (const [ink, thickness] of [["#000000", 5], [colour, 2.5]]) {
      pen.beginPath();
      path();
      pen.setLineDash(ink === colour ? dashes : []);
      pen.strokeStyle = ink;
      pen.lineWidth = thickness;
      pen.stroke();
    }
    pen.setLineDash([]);
  };
  const along = (points, closed) => {
    points.forEach(([x, y], index) => (index ? pen.lineTo(x * width, y * height) : pen.moveTo(x * width, y * height)));
    if (closed) pen.closePath();
  };
  const rectangle = ([x0, y0, x1, y1]) => along([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], true);
  const dashed = drawing.cut || data.dashed;
  const shape = (path) => {
    if (!dashed) {
      pen.beginPath();
      path();
      pen.globalAlpha = 0.22;
      pen.fillStyle = data.colour;
      pen.fill("evenodd");
      pen.globalAlpha = 1;
    }
    line(path, data.colour, dashed ? [7, 6] : []);
  };
  drawing.boxes.forEach((box) => shape(() => rectangle(box)));
  drawing.polygons.forEach((points) => shape(() => along(points, true)));
  if (view.path.length) {
    if (view.tool === "box") shape(() => rectangle(boxOf(view.path[0], view.cursor)));
    else {
      line(() => along([...view.path, view.cursor], false), data.colour);
      if (view.tool === "polygon") view.path.forEach((corner) => line(() => dot(pen, corner, width, height, 3), data.colour));
    }
  }
  drawing.inside.forEach((point) => mark(pen, point, width, height, true));
  drawing.outside.forEach((point) => mark(pen, point, width, height, false));
  if (view.byKeyboard) {
    const [x, y] = [view.cursor[0] * width, view.cursor[1] * height];
    line(() => {
      pen.moveTo(x - 12, y);
      pen.lineTo(x + 12, y);
      pen.moveTo(x, y - 12);
      pen.lineTo(x, y + 12);
    }, "#ffffff");
  }
}

function dot(pen, [x, y], width, height, radius) {
  pen.moveTo(x * width + radius, y * height);
  pen.arc(x * width, y * height, radius, 0, 2 * Math.PI);
}

// a white disc with a plus, a black one with a minus
function mark(pen, point, width, height, belongs) {
  const [x, y] = [point[0] * width, point[1] * height];
  pen.beginPath();
  dot(pen, point, width, height, 8);
  pen.fillStyle = belongs ? "#ffffff" : "#000000";
  pen.fill();
  pen.lineWidth = 2;
  pen.strokeStyle = belongs ? "#000000" : "#ffffff";
  pen.stroke();
  pen.beginPath();
  pen.moveTo(x - 4, y);
  pen.lineTo(x + 4, y);
  if (belongs) {
    pen.moveTo(x, y - 4);
    pen.lineTo(x, y + 4);
  }
  pen.stroke();
}

// what the buttons say, and what stands under the picture
function show(view) {
  const { drawing } = view;
  view.tools.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.tool === view.tool)));
  view.cut.setAttribute("aria-pressed", String(drawing.cut));
  view.cut.disabled = !drawing.cut && !shapesIn(drawing);
  view.marks.hidden = !drawing.cut;
  view.finish.hidden = view.tool !== "polygon" || view.path.length < 3;
  view.undo.disabled = !view.path.length && isEmpty(drawing);
  view.clear.disabled = isEmpty(drawing);
  view.hint.textContent = HINTS[view.tool] + KEYS;
  paint(view);
}

function say(view, sentence) {
  view.live.textContent = sentence;
}

function keep(view, drawing, sentence, before = [...view.before, view.drawing]) {
  view.before = before;
  view.drawing = drawing;
  view.path = [];
  view.held = false;
  if (!drawing.cut && ["inside", "outside"].includes(view.tool)) view.tool = "box";
  say(view, sentence);
  show(view);
  view.send({ revision: view.revision, ...drawing });
}

function choose(view, tool) {
  view.tool = tool;
  view.path = [];
  view.held = false;
  show(view);
}

function refuse(view, sentence) {
  view.path = [];
  view.held = false;
  say(view, sentence);
  show(view);
}

function addShape(view, kind, shape, bounds, what) {
  if (!isLargeEnough(bounds)) refuse(view, "Too small: drag further, or set the corners further apart.");
  else if (shapesIn(view.drawing) >= MOST.shapes) refuse(view, `At most ${MOST.shapes} shapes. Undo one first.`);
  else
    keep(view, { ...view.drawing, [kind]: [...view.drawing[kind], shape] }, `${what} drawn around ${view.data.name}.`);
}

function finishBox(view) {
  const box = boxOf(view.path[0], view.cursor);
  addShape(view, "boxes", box, box, "Box");
}

function finishOutline(view) {
  const points = view.path.map(at);
  if (points.length < 3) refuse(view, "An outline needs at least three corners.");
  else addShape(view, "polygons", points, boundsOf(points), `Outline with ${points.length} corners`);
}

function addCorner(view) {
  const [first, last] = [view.path[0], view.path.at(-1)];
  const closes = first && (distance(view.cursor, last) < SMALLEST / 2 || (view.path.length > 2 && distance(view.cursor, first) < NEAR));
  if (closes && view.path.length > 2) finishOutline(view);
  else if (!closes && view.path.length < MOST.corners) {
    view.path = [...view.path, view.cursor];
    say(view, `Corner ${view.path.length} set.`);
    show(view);
  }
}

function addMark(view) {
  const kind = view.tool;
  if (view.drawing.inside.length + view.drawing.outside.length >= MOST.marks)
    refuse(view, `At most ${MOST.marks} marks. Undo one first.`);
  else
    keep(
      view,
      { ...view.drawing, [kind]: [...view.drawing[kind], at(view.cursor)] },
      kind === "inside" ? "Marked as belonging to it. Cutting again." : "Marked as not belonging to it. Cutting again.",
    );
}

function undo(view) {
  const { drawing, path } = view;
  if (path.length) {
    view.path = view.tool === "polygon" ? path.slice(0, -1) : [];
    say(view, "Last corner removed.");
    show(view);
  } else if (view.before.length) keep(view, view.before.at(-1), "Undone.", view.before.slice(0, -1));
  else {
    // drawn before this canvas was opened: the last of its kind goes
    const kind = ["outside", "inside", "polygons", "boxes"].find((one) => drawing[one].length);
    if (kind) keep(view, { ...drawing, [kind]: drawing[kind].slice(0, -1) }, "Undone.", []);
  }
}

const clear = (view) =>
  isEmpty(view.drawing) ||
  keep(view, { boxes: [], polygons: [], inside: [], outside: [], cut: false }, "All removed. Undo brings it back.");

function toggleCut(view) {
  const cut = !view.drawing.cut;
  keep(view, { ...view.drawing, cut }, cut ? "Cutting it out of what is drawn." : "What is drawn counts as it is.");
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
    if (view.tool === "inside" || view.tool === "outside") addMark(view);
    else if (view.tool === "polygon") addCorner(view);
    else if (view.tool === "lasso") say(view, "Freehand needs a pointer: choose Corners.");
    else if (view.path.length) finishBox(view);
    else {
      view.path = [view.cursor];
      say(view, "First corner set. Move with the arrow keys, press Enter for the opposite corner.");
      show(view);
    }
  } else if (event.key === "Escape" && view.path.length) refuse(view, "Cancelled.");
  else if (isUndo || event.key === "Backspace") undo(view);
  else if (event.key === "Delete") clear(view);
  else return;
  event.preventDefault();
}

function listen(view) {
  const { canvas } = view;
  const place = (event) => {
    const frame = canvas.getBoundingClientRect();
    return [within((event.clientX - frame.left) / frame.width), within((event.clientY - frame.top) / frame.height)];
  };
  canvas.onpointerdown = (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    canvas.focus({ preventScroll: true });
    view.byKeyboard = false;
    view.cursor = place(event);
    if (view.tool === "inside" || view.tool === "outside") addMark(view);
    else if (view.tool === "polygon") addCorner(view);
    else {
      canvas.setPointerCapture(event.pointerId);
      view.held = true;
      view.path = [view.cursor];
      show(view);
    }
  };
  canvas.onpointermove = (event) => {
    if (!view.path.length || view.byKeyboard) return;
    view.cursor = place(event);
    if (view.tool === "lasso" && view.held && distance(view.cursor, view.path.at(-1)) >= STEP) {
      view.path.push(view.cursor);
      if (view.path.length > MOST.corners) view.path = view.path.filter((_, index) => index % 2 === 0);
    }
    paint(view);
  };
  canvas.onpointerup = (event) => {
    if (!view.held || view.byKeyboard) return;
    view.held = false;
    view.cursor = place(event);
    if (view.tool === "box") finishBox(view);
    else finishOutline(view);
  };
  canvas.onpointercancel = () => view.held && refuse(view, "Cancelled.");
  canvas.onkeydown = (event) => onKey(view, event);
  canvas.onblur = () => {
    view.byKeyboard = false;
    if (view.tool !== "polygon") view.path = []; // its corners stay: the way to Finish leads off the canvas
    show(view);
  };
  view.tools.forEach((button) => (button.onclick = () => choose(view, button.dataset.tool)));
  view.cut.onclick = () => toggleCut(view);
  view.finish.onclick = () => finishOutline(view);
  view.undo.onclick = () => undo(view);
  view.clear.onclick = () => clear(view);
}

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".region");
  const view = views.get(root) ?? openView(root);
  views.set(root, view);
  const overlayIsNew = view.data?.overlay !== data.overlay;
  view.data = data;
  view.send = (drawn) => setStateValue("drawn", drawn);
  if (view.revision !== data.revision) {
    view.revision = data.revision;
    view.drawing = data.drawing;
    view.before = [];
    view.path = [];
    view.tool = "box";
    say(view, "");
  }
  view.canvas.setAttribute("aria-label", data.label);
  listen(view);
  if (view.picture.src !== data.picture) view.picture.src = data.picture;
  if (overlayIsNew && data.overlay) view.overlay.src = data.overlay;
  if (overlayIsNew && view.drawing.cut) say(view, "Cut out by its colours.");
  show(view);
  const watcher = new ResizeObserver(() => paint(view));
  watcher.observe(root);
  return () => watcher.disconnect();
}
