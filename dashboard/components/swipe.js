// Two drawings of one picture. "Swipe": a divider between them. "Flicker": one after the other, off until it is asked
// for, never faster than twice a second, and by hand alone for people whose system asks for less motion.
//
// data = { left: { title, picture (data URL), alt }, right: the same, height, width (pixels of the source picture) }
// Nothing is sent to Python.

const EACH_MS = 600; // how long one drawing stays while they flicker: 1.7 changes a second
const TALLEST = 560; // pixels; a portrait becomes narrower instead
const lessMotion = window.matchMedia("(prefers-reduced-motion: reduce)");

const views = new WeakMap();

function openView(root) {
  const find = (selector) => root.querySelector(selector);
  return {
    root,
    stage: find(".stage"),
    left: find("img.left"),
    right: find("img.right"),
    names: [...root.querySelectorAll(".name")],
    line: find(".line"),
    slider: find("input"),
    modes: [...root.querySelectorAll("[data-mode]")],
    flicker: find(".flicker"),
    turn: find(".turn"),
    play: find(".play"),
    hint: find(".hint"),
    live: find(".live"),
    mode: "swipe",
    showsLeft: true,
    timer: 0,
  };
}

function show(view) {
  const { mode, showsLeft, data, timer } = view;
  const swipes = mode === "swipe";
  const at = swipes ? Number(view.slider.value) : showsLeft ? 100 : 0;
  view.root.style.setProperty("--at", `${at}%`);
  view.line.hidden = view.slider.hidden = !swipes;
  view.flicker.hidden = swipes;
  view.modes.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.mode === mode)));
  view.names.forEach((name) => {
    const isLeft = name.dataset.side === "left";
    name.textContent = isLeft ? data.left.title : data.right.title;
    name.hidden = !swipes && isLeft !== showsLeft;
  });
  view.left.alt = swipes || showsLeft ? data.left.alt : "";
  view.right.alt = swipes || !showsLeft ? data.right.alt : "";
  view.slider.setAttribute("aria-label", `Divider: ${data.left.title} on the left, ${data.right.title} on the right`);
  view.slider.setAttribute("aria-valuetext", `${at} % ${data.left.title}`);
  view.play.textContent = timer ? "Stop" : "Play";
  view.play.disabled = lessMotion.matches;
  if (swipes) view.hint.textContent = "Drag the divider, or move it with the arrow keys.";
  else if (lessMotion.matches) view.hint.textContent = "Your system asks for less motion: change by hand.";
  else view.hint.textContent = "Play changes the map 1.7 times a second. Show the other changes it by hand.";
}

function turn(view) {
  view.showsLeft = !view.showsLeft;
  show(view);
}

function stop(view) {
  clearInterval(view.timer);
  view.timer = 0;
}

function listen(view) {
  view.slider.oninput = () => show(view);
  view.modes.forEach((button) => {
    button.onclick = () => {
      stop(view);
      view.mode = button.dataset.mode;
      view.showsLeft = true;
      view.live.textContent = "";
      show(view);
    };
  });
  view.turn.onclick = () => {
    stop(view);
    turn(view);
    view.live.textContent = `Now: ${view.showsLeft ? view.data.left.title : view.data.right.title}`;
  };
  view.play.onclick = () => {
    view.live.textContent = "";
    if (view.timer) stop(view);
    else view.timer = setInterval(() => turn(view), EACH_MS);
    show(view);
  };
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".swipe");
  const view = views.get(root) ?? openView(root);
  views.set(root, view);
  view.data = data;
  listen(view);
  if (view.left.src !== data.left.picture) view.left.src = data.left.picture;
  if (view.right.src !== data.right.picture) view.right.src = data.right.picture;
  view.stage.style.aspectRatio = `${data.width} / ${data.height}`;
  view.stage.style.width = `${Math.round((TALLEST * data.width) / data.height)}px`;
  const calmed = () => {
    stop(view);
    show(view);
  };
  const hidden = () => document.hidden && calmed();
  lessMotion.addEventListener("change", calmed);
  document.addEventListener("visibilitychange", hidden);
  show(view);
  return () => {
    stop(view);
    lessMotion.removeEventListener("change", calmed);
    document.removeEventListener("visibilitychange", hidden);
  };
}
