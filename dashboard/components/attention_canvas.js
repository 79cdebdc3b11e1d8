// A photograph and what networks, or heads, look at from one point of it. Hovering asks another point without the server.
//
// data = { revision, contents, point, group, picture (data URL), width, height, source, matrix, scale, narrowest, label, shows_keys,
//          colours (base64, 256 x RGB), opacity, panels }
// contents: changes whenever anything but revision and point does; the elements are made anew then.
// point: [across, down] in whole percent of the picture, or null. Python's point counts only when the revision changes, so
// `data` stays the same from run to run and nothing is sent again when a point is chosen.
// panel = { title, about, kind, badge, unit, box, ... } with box = [left, top, right, bottom] of the grid in shares of the picture;
//   kind "attention": queries and keys = { rows, columns, names, cells (base64 int32, windows x patches, -1 for padding),
//     box }, windows, weights (base64 uint8, windows x queries x patch keys; 255: out of sight), tops (base64 float32, what
//     254 stands for in each row), named (base64 float32, windows x queries x named keys), asks (-1 for the token under the
//     point, else the number of a named query such as the class token)
//   kind "place": rows, columns, values (base64 float32), kind of value in `unit`, flat
//   kind "none": message
// State sent to Python: chosen = { revision, point }.
// Panels of one group on a page move together: each tells the others its point by a "attnviz-point" event.

const LEAP = 5; // percent; one arrow key with Shift. Without it: 1
const TALLEST = 460; // pixels; a portrait becomes narrower instead
const GREY_LIGHT = 0.75; // as in attnviz.render.overlay
const HIDDEN = 255;
const MOST_BYTE = 254;
const TIE = 1e-9; // a border belongs to the cell behind it, also after rounding
const CLIP = 0.995; // the matrix is coloured up to this quantile of its values
const KEYS = "Move the pointer over a picture to ask another point; click to keep it. Keyboard: arrows move (with Shift: further), Enter keeps, Esc lets go.";

const views = new WeakMap();

const bytesOf = (text) => Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
const floatsOf = (text) => new Float32Array(bytesOf(text).buffer);
const wholesOf = (text) => new Int32Array(bytesOf(text).buffer);
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const percent = (share) => (share > 0 && share < 0.0005 ? "< 0.1\u00a0%" : `${(100 * share).toFixed(1)}\u00a0%`);
const short = (value) => (Math.abs(value) >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(3))));
const share = (whole) => Math.min(whole / 100, 1 - 1e-6); // the far edge belongs to no pixel
const placeName = (cell, columns) => `row ${Math.floor(cell / columns) + 1}, column ${(cell % columns) + 1}`;

function make(tag, className, parent) {
  const element = document.createElement(tag);
  element.className = className;
  parent.append(element);
  return element;
}

// ---- what a panel knows

function opened(panel) {
  const one = { ...panel };
  if (panel.kind === "attention") {
    one.weights = bytesOf(panel.weights);
    one.tops = floatsOf(panel.tops);
    one.named = floatsOf(panel.named);
    for (const side of ["queries", "keys"]) {
      const grid = (one[side] = { ...panel[side], cells: wholesOf(panel[side].cells) });
      grid.patches = grid.cells.length / panel.windows;
      grid.tokens = grid.names.length + grid.patches;
    }
    one.tokenOfCell = new Map();
    one.queries.cells.forEach((cell, index) => {
      if (cell >= 0) one.tokenOfCell.set(cell, index);
    });
  }
  if (panel.kind === "place") one.values = floatsOf(panel.values);
  return one;
}

// the cell (row * columns + column) of a grid under a point of the picture, or -1
function cellAt(grid, [x, y]) {
  const [x0, y0, x1, y1] = grid.box;
  const column = Math.floor(((x - x0) / (x1 - x0)) * grid.columns + TIE);
  const row = Math.floor(((y - y0) / (y1 - y0)) * grid.rows + TIE);
  return row < 0 || column < 0 || row >= grid.rows || column >= grid.columns ? -1 : row * grid.columns + column;
}

function centreOf(grid, cell) {
  const [x0, y0, x1, y1] = grid.box;
  return [
    x0 + (((cell % grid.columns) + 0.5) / grid.columns) * (x1 - x0),
    y0 + ((Math.floor(cell / grid.columns) + 0.5) / grid.rows) * (y1 - y0),
  ];
}

// the row of attention that belongs to a point: { window, token, cell, values by key cell, top, best, named }, or null
function rowAt(panel, point, asks = panel.asks) {
  let [window, token, cell] = [0, asks, -1];
  if (asks < 0) {
    cell = cellAt(panel.queries, point);
    const index = panel.tokenOfCell.get(cell);
    if (cell < 0 || index === undefined || outside(panel, point)) return null;
    window = Math.floor(index / panel.queries.patches);
    token = panel.queries.names.length + (index % panel.queries.patches);
  }
  const { keys } = panel;
  const values = new Float32Array(keys.rows * keys.columns).fill(NaN);
  const row = window * panel.queries.tokens + token;
  let best = -1;
  for (let patch = 0; patch < keys.patches; patch++) {
    const key = keys.cells[window * keys.patches + patch];
    const byte = panel.weights[row * keys.patches + patch];
    if (key < 0 || byte === HIDDEN) continue;
    values[key] = (byte / MOST_BYTE) * panel.tops[row];
    if (best < 0 || values[key] > values[best]) best = key;
  }
  const count = keys.names.length;
  const named = keys.names.map((name, index) => [name, panel.named[row * count + index]]);
  return { window, token, cell, values, top: best < 0 ? 0 : values[best], best, named };
}

const outside = (panel, [x, y]) => {
  const [x0, y0, x1, y1] = panel.seen ?? panel.box;
  return x < x0 - TIE || y < y0 - TIE || x >= x1 || y >= y1;
};

// names with their shares; several registers together
function namedWords(named) {
  const shares = new Map();
  const several = named.filter(([name]) => name.startsWith("register")).length > 1;
  for (const [name, value] of named) {
    const key = several && name.startsWith("register") ? "registers" : name;
    shares.set(key, (shares.get(key) ?? 0) + value);
  }
  return [...shares].map(([name, value]) =>
    `${["registers", "padding"].includes(name) ? name : `${name} token`} ${percent(value)}`);
}

// what a panel says about a point: { said, values, grid, low, high, cell, ... }
function answer(panel, point, asks, size) {
  if (panel.kind === "none") return { said: panel.message };
  if (!point && (asks ?? panel.asks ?? -1) < 0) return { said: "" };
  if (panel.kind === "place") {
    const cell = outside(panel, point) ? -1 : cellAt(panel, point);
    const base = { values: panel.values, grid: panel, low: panel.low, high: panel.high, cell, flat: panel.flat };
    if (cell < 0) return { ...base, said: "did not see this point" };
    const value = panel.values[cell];
    const rank = 1 + panel.values.reduce((above, other) => above + (other > value ? 1 : 0), 0);
    const place = panel.flat ? "flat" : `${ordinal(rank)} highest of ${panel.values.length} cells`;
    return { ...base, said: `${panel.what} ${panel.share ? percent(value) : short(value)}, ${place}` };
  }
  const row = rowAt(panel, point, asks);
  if (!row) return { said: "did not see this point", unseen: true };
  const words = panel.spread ? spreadWords(panel, row, size) : [row.best < 0 ? "sees nothing" : `most to ${strongest(panel, row)}: ${percent(row.top)}`];
  return {
    ...row, grid: panel.keys, low: 0, high: row.top, query: row.cell < 0 ? null : panel.queries,
    windowed: panel.windows > 1 || row.values.some(Number.isNaN),
    said: [...words, ...namedWords(row.named)].join(", "),
  };
}

function strongest({ queries, keys }, { best, cell }) {
  const isItself = best === cell && queries.rows === keys.rows && queries.columns === keys.columns;
  return isItself ? "itself" : placeName(best, keys.columns);
}

// entropy of the row over the places it may look at, as a share of the largest, and its mean distance in source pixels
function spreadWords(panel, row, { width, height }) {
  let [total, count] = [0, 0];
  for (const value of row.values) if (!Number.isNaN(value)) [total, count] = [total + value, count + 1];
  if (!(total > 0)) return ["looks nowhere"];
  let [nats, reach] = [0, 0];
  const from = row.cell < 0 ? null : centreOf(panel.queries, row.cell);
  row.values.forEach((value, cell) => {
    if (!(value > 0)) return;
    nats -= (value / total) * Math.log(value / total);
    const to = centreOf(panel.keys, cell);
    if (from) reach += (value / total) * Math.hypot((to[0] - from[0]) * width, (to[1] - from[1]) * height);
  });
  const words = [count > 1 ? `spread ${Math.round((100 * nats) / Math.log(count))}\u00a0%` : "one cell to look at"];
  return from ? [...words, `${Math.round(reach)}\u00a0px away`] : words;
}

function ordinal(number) {
  const ending = [11, 12, 13].includes(number % 100) ? "th" : { 1: "st", 2: "nd", 3: "rd" }[number % 10] ?? "th";
  return `${number}${ending}`;
}

// ---- drawing

// the picture in dimmed grey, as the library draws it under a map
function greyed(picture) {
  const [width, height] = [picture.naturalWidth, picture.naturalHeight];
  const sheet = Object.assign(document.createElement("canvas"), { width, height });
  const pen = sheet.getContext("2d", { willReadFrequently: true });
  pen.drawImage(picture, 0, 0);
  const pixels = pen.getImageData(0, 0, width, height);
  const { data } = pixels;
  for (let at = 0; at < data.length; at += 4) {
    const light = GREY_LIGHT * (0.2126 * data[at] + 0.7152 * data[at + 1] + 0.0722 * data[at + 2]);
    data[at] = data[at + 1] = data[at + 2] = light;
  }
  pen.putImageData(pixels, 0, 0);
  return sheet;
}

function sized(canvas, width, height) {
  const density = window.devicePixelRatio || 1;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  canvas.nextElementSibling.style.maxWidth = `${Math.max(width, 200)}px`;
  const [pixelsX, pixelsY] = [Math.round(width * density), Math.round(height * density)];
  if (canvas.width !== pixelsX || canvas.height !== pixelsY) Object.assign(canvas, { width: pixelsX, height: pixelsY });
  const pen = canvas.getContext("2d");
  pen.setTransform(density, 0, 0, density, 0, 0);
  return pen;
}

// black under the colour, so that the line shows on any photograph
function line(pen, path, colour, thickness = 2) {
  for (const [ink, wide] of [["#000000", thickness + 2.5], [colour, thickness]]) {
    pen.beginPath();
    path();
    pen.strokeStyle = ink;
    pen.lineWidth = wide;
    pen.stroke();
  }
}

function cross(pen, [x, y]) {
  line(pen, () => {
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      pen.moveTo(x + 3 * dx, y + 3 * dy);
      pen.lineTo(x + 11 * dx, y + 11 * dy);
    }
  }, "#ffffff");
}

function stripes(pen, longest) {
  const every = Math.max(6, Math.round(0.022 * longest));
  const tile = Object.assign(document.createElement("canvas"), { width: every, height: every });
  const ink = tile.getContext("2d");
  ink.strokeStyle = "rgba(0, 0, 0, 0.45)";
  ink.lineWidth = Math.max(1, every / 5);
  for (const start of [-every, 0, every]) {
    ink.moveTo(start, every);
    ink.lineTo(start + every, 0);
  }
  ink.stroke();
  return pen.createPattern(tile, "repeat");
}

function frameOf(view, canvas) {
  const { data } = view;
  const width = Math.min(canvas.parentElement.clientWidth, (TALLEST * data.width) / data.height);
  return [width, (width * data.height) / data.width];
}

function cellFrame(grid, cell, width, height) {
  const [x0, y0, x1, y1] = grid.box;
  const [wide, high] = [((x1 - x0) / grid.columns) * width, ((y1 - y0) / grid.rows) * height];
  return [x0 * width + (cell % grid.columns) * wide, y0 * height + Math.floor(cell / grid.columns) * high, wide, high];
}

function drawMap(view, pen, said, width, height, top) {
  const { grid, values } = said;
  const { colours, data } = view;
  const sheet = Object.assign(document.createElement("canvas"), { width: grid.columns, height: grid.rows });
  const ink = sheet.getContext("2d");
  const pixels = ink.createImageData(grid.columns, grid.rows);
  const reach = top - said.low;
  const hidden = [];
  for (let cell = 0; cell < values.length; cell++) {
    if (Number.isNaN(values[cell])) {
      hidden.push(cell);
      continue;
    }
    const place = reach > 0 ? clamp((values[cell] - said.low) / reach, 0, 1) : 0;
    const colour = Math.round(place * 255) * 3;
    pixels.data.set([colours[colour], colours[colour + 1], colours[colour + 2], 255 * data.opacity * place], 4 * cell);
  }
  ink.putImageData(pixels, 0, 0);
  const [x0, y0, x1, y1] = grid.box;
  pen.imageSmoothingEnabled = false;
  if (!said.flat) pen.drawImage(sheet, x0 * width, y0 * height, (x1 - x0) * width, (y1 - y0) * height);
  pen.imageSmoothingEnabled = true;
  if (hidden.length) {
    pen.fillStyle = stripes(pen, Math.max(width, height));
    pen.beginPath();
    hidden.forEach((cell) => pen.rect(...cellFrame(grid, cell, width, height)));
    pen.fill();
    drawBorder(pen, said, width, height);
  }
}

// the edge of what the query may see
function drawBorder(pen, { grid, values }, width, height) {
  const seen = (row, column) =>
    row >= 0 && column >= 0 && row < grid.rows && column < grid.columns && !Number.isNaN(values[row * grid.columns + column]);
  line(pen, () => {
    for (let row = 0; row < grid.rows; row++)
      for (let column = 0; column < grid.columns; column++) {
        if (!seen(row, column)) continue;
        const [x, y, wide, high] = cellFrame(grid, row * grid.columns + column, width, height);
        for (const [dr, dc, ax, ay, bx, by] of [[-1, 0, 0, 0, 1, 0], [1, 0, 0, 1, 1, 1], [0, -1, 0, 0, 0, 1], [0, 1, 1, 0, 1, 1]])
          if (!seen(row + dr, column + dc)) {
            pen.moveTo(x + ax * wide, y + ay * high);
            pen.lineTo(x + bx * wide, y + by * high);
          }
      }
  }, "#ffffff", 1.5);
}

function shadeUnseen(pen, [x0, y0, x1, y1], width, height) {
  const [left, top, right, bottom] = [x0 * width, y0 * height, x1 * width, y1 * height].map((edge, at) =>
    clamp(edge, 0, at % 2 ? height : width));
  pen.beginPath();
  pen.rect(0, 0, width, height);
  pen.rect(left, top, right - left, bottom - top);
  for (const fill of ["rgba(158, 158, 158, 0.65)", stripes(pen, Math.max(width, height))]) {
    pen.fillStyle = fill;
    pen.fill("evenodd");
  }
}

const pointOf = (view) => view.hover ?? (view.pinned ? view.pinned.map(share) : null);

function paintPicture(view, slot, point) {
  const [width, height] = frameOf(view, slot.canvas);
  const pen = sized(slot.canvas, width, height);
  pen.drawImage(view.picture, 0, 0, width, height);
  if (point) cross(pen, [point[0] * width, point[1] * height]);
  slot.said.textContent = point
    ? `${Math.round(point[0] * 100)} % from the left, ${Math.round(point[1] * 100)} % from the top` + (view.hover ? "" : ", kept")
    : "No point is kept.";
}

// warnings, such as UNTRAINED, in white on red in the corner of the picture
function drawBadge(pen, text, colour, width) {
  const lines = text.split("\n");
  const longest = Math.max(...lines.map((each) => each.length));
  const size = Math.min(16, 1.35 * (width / longest));
  pen.font = `700 ${size}px sans-serif`;
  pen.textAlign = "left";
  pen.textBaseline = "top";
  const wide = Math.max(...lines.map((each) => pen.measureText(each).width));
  pen.fillStyle = colour;
  pen.strokeStyle = "#ffffff";
  pen.lineWidth = 1;
  pen.beginPath();
  pen.roundRect(6, 6, wide + size, (lines.length * 1.25 + 0.6) * size, 4);
  pen.fill();
  pen.stroke();
  pen.fillStyle = "#ffffff";
  lines.forEach((each, row) => pen.fillText(each, 6 + size / 2, 6 + (0.4 + 1.25 * row) * size));
}

function paintPanel(view, slot, said, point, top) {
  const { panel, canvas } = slot;
  const [width, height] = frameOf(view, canvas);
  const pen = sized(canvas, width, height);
  view.grey ??= greyed(view.picture);
  pen.drawImage(view.grey, 0, 0, width, height);
  if (panel.seen) shadeUnseen(pen, panel.seen, width, height);
  if (said.values) drawMap(view, pen, said, width, height, top);
  if (said.query) line(pen, () => pen.rect(...cellFrame(said.query, said.cell, width, height)), "#ffffff");
  else if (panel.kind === "place" && said.cell >= 0 && point)
    line(pen, () => pen.rect(...cellFrame(panel, said.cell, width, height)), "#ffffff");
  if (view.keyCell >= 0 && said.grid === panel.keys)
    line(pen, () => pen.rect(...cellFrame(panel.keys, view.keyCell, width, height)), "#FFB000");
  if (point && said.query === undefined && panel.kind === "none") cross(pen, [point[0] * width, point[1] * height]);
  if (panel.badge) drawBadge(pen, panel.badge, view.data.badge_colour, width);
  const words = [panel.badge?.toLowerCase().replaceAll("\n", ", "), said.said || "Choose a point."].filter(Boolean).join(": ");
  slot.said.textContent = words;
  canvas.setAttribute("aria-label", slot.focusable ? view.data.label : `${panel.title}: ${words}`);
  slot.bar.hidden = !said.values || said.flat;
  if (said.values) {
    const text = panel.kind === "place" && !panel.share ? short : percent;
    slot.low.textContent = said.low === 0 ? "0" : text(said.low);
    slot.high.textContent = text(top);
  }
}

function paint(view) {
  if (!view.data || !view.picture.naturalWidth || !view.root.clientWidth) return;
  const point = pointOf(view);
  const said = view.slots.map((slot) => slot.panel && answer(slot.panel, point, view.asks, view.data));
  const tops = said.map((one) => one?.high ?? 0);
  const shared = view.data.scale === "shared" ? Math.max(...tops) : 0;
  view.slots.forEach((slot, at) => {
    if (slot.kind === "picture") paintPicture(view, slot, point);
    else if (slot.kind === "panel") paintPanel(view, slot, said[at], point, shared || tops[at]);
    else paintMatrix(view, slot, point);
  });
  view.said = said;
}

// ---- the matrix

// the matrix of one window, as numbers: { size: [queries, keys], values, top }
function matrixOf(panel, window) {
  panel.matrices ??= new Map();
  if (!panel.matrices.has(window)) {
    const { queries, keys } = panel;
    const names = keys.names.length;
    const values = new Float32Array(queries.tokens * keys.tokens);
    for (let query = 0; query < queries.tokens; query++) {
      const row = window * queries.tokens + query;
      for (let key = 0; key < keys.tokens; key++) {
        const byte = key < names ? 0 : panel.weights[row * keys.patches + key - names];
        values[query * keys.tokens + key] =
          key < names ? panel.named[row * names + key] : byte === HIDDEN ? NaN : (byte / MOST_BYTE) * panel.tops[row];
      }
    }
    const known = values.filter((value) => !Number.isNaN(value)).sort();
    const most = known[known.length - 1] ?? 0;
    const top = known[Math.floor(CLIP * (known.length - 1))] || most;
    panel.matrices.set(window, { values, top, most });
  }
  return panel.matrices.get(window);
}

// places where a row of the picture begins, and the named tokens: [[place, name]]
function ticksOf(grid, window) {
  const ticks = grid.names.map((name, place) => [place, name]);
  let last = -1;
  for (let patch = 0; patch < grid.patches; patch++) {
    const cell = grid.cells[window * grid.patches + patch];
    const row = cell < 0 ? last : Math.floor(cell / grid.columns);
    if (row !== last) ticks.push([grid.names.length + patch, `row ${row + 1}`]);
    last = row;
  }
  return ticks;
}

const LEFT = 62; // pixels for the names of the queries
const ABOVE = 58; // pixels for the names of the keys

function paintMatrix(view, slot, point) {
  const panel = view.slots.find((other) => other.panel)?.panel;
  const row = panel && point && rowAt(panel, point, view.asks);
  const window = row ? row.window : view.window ?? 0;
  view.window = window;
  const { values, top, most } = matrixOf(panel, window);
  const [rows, columns] = [panel.queries.tokens, panel.keys.tokens];
  const wide = Math.min(slot.canvas.parentElement.clientWidth, 560) - LEFT;
  const cell = wide / Math.max(rows, columns);
  const [width, height] = [cell * columns, cell * rows];
  slot.frame = { cell, rows, columns, window };
  const pen = sized(slot.canvas, LEFT + width + 1, ABOVE + height + 1);
  pen.clearRect(0, 0, LEFT + width + 1, ABOVE + height + 1);
  if (slot.drawn?.values !== values) slot.drawn = { values, sheet: matrixSheet(view.colours, values, top, rows, columns) };
  pen.imageSmoothingEnabled = cell < 1;
  pen.drawImage(slot.drawn.sheet, LEFT, ABOVE, width, height);
  const ink = getComputedStyle(view.root).color;
  pen.strokeStyle = pen.fillStyle = ink;
  pen.lineWidth = 1;
  pen.strokeRect(LEFT - 0.5, ABOVE - 0.5, width + 1, height + 1);
  axis(pen, ticksOf(panel.queries, window), cell, false);
  axis(pen, ticksOf(panel.keys, window), cell, true);
  pen.font = "600 12px sans-serif";
  pen.textAlign = "left";
  pen.fillText("is looked at \u2192", LEFT, 12);
  pen.save();
  pen.translate(11, ABOVE);
  pen.rotate(-Math.PI / 2);
  pen.textAlign = "right";
  pen.fillText("\u2190 looks", 0, 0);
  pen.restore();
  if (row) line(pen, () => pen.rect(LEFT, ABOVE + row.token * cell, width, cell), "#ffffff", 1.5);
  if (view.keyToken >= 0) line(pen, () => pen.rect(LEFT + view.keyToken * cell, ABOVE, cell, height), "#FFB000", 1.5);
  slot.low.textContent = "0";
  slot.high.textContent = `${most > top * 1.000001 ? "> " : ""}${percent(top)}`;
  const windowed = panel.windows > 1 ? `Window ${window + 1} of ${panel.windows}. ` : "";
  slot.said.textContent = windowed + (view.keyToken >= 0 && row ? pairWords(panel, row, view.keyToken, values) : "Each row sums to 100 %.");
  slot.canvas.setAttribute("aria-label", `Attention matrix of ${panel.title}: ${rows} rows look, ${columns} columns are looked at. ${slot.said.textContent}`);
}

function pairWords(panel, row, key, values) {
  const value = values[row.token * panel.keys.tokens + key];
  const name = (grid, token, window) => {
    if (token < grid.names.length) return grid.names[token] === "padding" ? "padding" : `the ${grid.names[token]} token`;
    const cell = grid.cells[window * grid.patches + token - grid.names.length];
    return cell < 0 ? "padding" : placeName(cell, grid.columns);
  };
  const [from, to] = [name(panel.queries, row.token, row.window), name(panel.keys, key, row.window)];
  return Number.isNaN(value) ? `${from} may not look at ${to}` : `${from} gives ${percent(value)} to ${to}`;
}

function matrixSheet(colours, values, top, rows, columns) {
  const sheet = Object.assign(document.createElement("canvas"), { width: columns, height: rows });
  const ink = sheet.getContext("2d");
  const pixels = ink.createImageData(columns, rows);
  values.forEach((value, at) => {
    const colour = Math.round(clamp(top > 0 ? value / top : 0, 0, 1) * 255) * 3;
    const rgb = Number.isNaN(value) ? [128, 128, 128] : [colours[colour], colours[colour + 1], colours[colour + 2]];
    pixels.data.set([...rgb, 255], 4 * at);
  });
  ink.putImageData(pixels, 0, 0);
  return sheet;
}

function axis(pen, ticks, cell, across) {
  pen.font = "11px sans-serif";
  pen.textBaseline = "middle";
  let last = -Infinity;
  for (const [place, name] of ticks) {
    const at = (place + 0.5) * cell;
    if (at - last < 12) continue;
    last = at;
    pen.save();
    if (across) {
      pen.translate(LEFT + at, ABOVE - 5);
      pen.rotate(-Math.PI / 2);
      pen.textAlign = "left";
    } else {
      pen.translate(LEFT - 5, ABOVE + at);
      pen.textAlign = "right";
    }
    pen.fillText(name.replace("register", "reg."), 0, 0, 42);
    pen.restore();
  }
}

// ---- what a person does

function tellOthers(view) {
  const { group } = view.data;
  window.dispatchEvent(new CustomEvent("attnviz-point", { detail: { group, from: view, hover: view.hover, pinned: view.pinned } }));
}

function keep(view, point) {
  view.pinned = point && point.map((each) => Math.round(clamp(each, 0, 1) * 100));
  view.hover = null;
  forgetMatrix(view);
  paint(view);
  tellOthers(view);
  view.live.textContent = view.pinned
    ? [`Kept ${view.pinned[0]} % from the left, ${view.pinned[1]} % from the top.`,
       ...view.slots.map((slot, at) => (slot.panel ? `${slot.panel.title}: ${view.said[at].said}.` : ""))].join(" ")
    : "No point is kept.";
  view.send({ revision: view.revision, point: view.pinned });
}

function forgetMatrix(view) {
  view.keyCell = view.keyToken = -1;
  view.asks = undefined;
}

function look(view, point) {
  // whole percents, as they are kept: what is seen while hovering is what a click keeps
  view.hover = point && point.map((each) => share(Math.round(clamp(each, 0, 1) * 100)));
  forgetMatrix(view);
  paint(view);
  tellOthers(view);
}

function onKey(view, event) {
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (step) {
    const stride = (event.shiftKey ? LEAP : 1) / 100;
    const [x, y] = pointOf(view) ?? [0.5, 0.5];
    look(view, [x + step[0] * stride, y + step[1] * stride]);
    const [across, down] = view.hover.map((each) => Math.round(each * 100));
    view.live.textContent = `${across} % from the left, ${down} % from the top`;
  } else if (event.key === "Enter" || event.key === " ") keep(view, pointOf(view) ?? [0.5, 0.5]);
  else if (event.key === "Escape" && view.hover) look(view, null);
  else if (event.key === "Escape" && view.pinned) keep(view, null);
  else return;
  event.preventDefault();
}

function listenPicture(view, slot) {
  const { canvas } = slot;
  const place = (event) => {
    const frame = canvas.getBoundingClientRect();
    return [(event.clientX - frame.left) / frame.width, (event.clientY - frame.top) / frame.height];
  };
  canvas.onpointermove = (event) => look(view, place(event));
  canvas.onpointerleave = () => look(view, null);
  canvas.onpointerdown = (event) => {
    if (event.button !== 0) return;
    if (slot.focusable) canvas.focus({ preventScroll: true });
    keep(view, place(event));
  };
  canvas.onkeydown = slot.focusable ? (event) => onKey(view, event) : null;
  canvas.onblur = () => view.hover && look(view, null);
}

function listenMatrix(view, slot) {
  const { canvas } = slot;
  const at = (event) => {
    const frame = canvas.getBoundingClientRect();
    const { cell, rows, columns } = slot.frame;
    const query = Math.floor((event.clientY - frame.top - ABOVE) / cell);
    const key = Math.floor((event.clientX - frame.left - LEFT) / cell);
    return query < 0 || key < 0 || query >= rows || key >= columns ? null : [query, key];
  };
  const lookAt = (event, then) => {
    const found = at(event);
    const { panel } = view.slots.find((other) => other.panel);
    const { window: shown } = slot.frame;
    if (!found) return then(null, null, panel);
    const [query, key] = found;
    const patch = query - panel.queries.names.length;
    const cell = patch < 0 ? -1 : panel.queries.cells[shown * panel.queries.patches + patch];
    return then(found, cell < 0 ? null : centreOf(panel.queries, cell), panel);
  };
  canvas.onpointermove = (event) =>
    lookAt(event, (found, point, panel) => {
      forgetMatrix(view);
      view.hover = point;
      if (found) {
        const [query, key] = found;
        if (query < panel.queries.names.length) view.asks = query;
        view.keyToken = key;
        const patch = key - panel.keys.names.length;
        view.keyCell = patch < 0 ? -1 : panel.keys.cells[slot.frame.window * panel.keys.patches + patch];
      }
      paint(view);
      tellOthers(view);
    });
  canvas.onpointerleave = () => look(view, null);
  canvas.onpointerdown = (event) => event.button === 0 && lookAt(event, (found, point) => point && keep(view, point));
}

// ---- the page's elements

function addSlot(view, kind, title, about) {
  const figure = make("figure", kind, view.panels);
  make("p", "title", figure).textContent = title;
  const canvas = make("canvas", "", figure);
  const caption = make("figcaption", "", figure);
  const bar = make("div", "bar", caption);
  const low = make("span", "", bar);
  const strip = make("span", "strip", bar);
  strip.style.background = view.gradient;
  const high = make("span", "", bar);
  if (about) make("p", "about", caption).textContent = about;
  const said = make("p", "said", caption);
  bar.hidden = kind === "picture";
  canvas.setAttribute("role", "img");
  const slot = { kind, canvas, caption, bar, low, high, said, panel: null, focusable: false };
  view.slots.push(slot);
  return slot;
}

function build(view) {
  const { data } = view;
  view.colours = bytesOf(data.colours);
  const stops = [...Array(17).keys()].map((at) => {
    const place = at / 16;
    const colour = Math.round(place * 255) * 3;
    const grey = 127.5 * GREY_LIGHT;
    const alpha = data.matrix ? 1 : data.opacity * place;
    return `rgb(${[0, 1, 2].map((part) => Math.round((1 - alpha) * grey + alpha * view.colours[colour + part])).join(" ")})`;
  });
  view.gradient = `linear-gradient(90deg, ${stops.join(", ")})`;
  view.slots = [];
  view.panels.replaceChildren();
  view.panels.classList.toggle("linked", data.matrix);
  view.panels.style.setProperty("--narrowest", `${data.narrowest}px`);
  if (data.source) addSlot(view, "picture", data.source, "");
  for (const panel of data.panels) addSlot(view, "panel", panel.title, panel.about).panel = opened(panel);
  if (data.matrix) addSlot(view, "matrix", "The whole matrix", data.matrix);
  const first = view.slots[0];
  first.focusable = true;
  first.canvas.tabIndex = 0;
  first.canvas.setAttribute("role", "application");
  first.canvas.setAttribute("aria-label", data.label);
  first.canvas.setAttribute("aria-describedby", view.keys.id);
  view.keys.textContent = KEYS;
  view.keys.classList.toggle("quiet", !data.shows_keys);
  view.slots.forEach((slot) => (slot.kind === "matrix" ? listenMatrix(view, slot) : listenPicture(view, slot)));
}

function openView(root) {
  const view = { root, panels: root.querySelector(".panels"), keys: root.querySelector(".keys"),
    live: root.querySelector(".live"), picture: new Image(), slots: [], hover: null, pinned: null, keyCell: -1, keyToken: -1 };
  view.keys.id = `attention-keys-${Math.random().toString(36).slice(2)}`;
  view.picture.onload = () => {
    view.grey = undefined;
    paint(view);
  };
  return view;
}

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".attention");
  const view = views.get(root) ?? openView(root);
  views.set(root, view);
  const isNew = view.data?.contents !== data.contents;
  view.data = data;
  view.send = (chosen) => setStateValue("chosen", chosen);
  if (view.revision !== data.revision) {
    view.revision = data.revision;
    view.pinned = data.point;
    view.hover = null;
    view.live.textContent = "";
  }
  if (isNew) build(view);
  forgetMatrix(view);
  if (view.picture.src !== data.picture) view.picture.src = data.picture;
  paint(view);
  const watcher = new ResizeObserver(() => paint(view));
  watcher.observe(root);
  const hear = ({ detail }) => {
    if (detail.from === view || detail.group !== view.data.group) return;
    view.hover = detail.hover;
    view.pinned = detail.pinned;
    forgetMatrix(view);
    paint(view);
  };
  window.addEventListener("attnviz-point", hear);
  return () => {
    watcher.disconnect();
    window.removeEventListener("attnviz-point", hear);
  };
}
