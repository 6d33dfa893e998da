// The page: which iteration is shown, which pixel is followed, and what people do about it.
"use strict";

const element = (id) => document.getElementById(id);
const ks = data.frames.map((f) => f.k);
const series = (i) => getComputedStyle(document.documentElement).getPropertyValue(`--series-${i}`).trim();
const percent = (v) => `${(100 * v).toFixed(1)} %`;

const views = {
  x: new View(element("stack-x"), "the picture after k iterations"),
  q: new View(element("stack-q"), "the dual field after k iterations"),
  active: new View(element("stack-active"), "the active set after k iterations"),
};
const lambdaOverlay = views.x.overlay();

const scores = (v) => v.toPrecision(6);
const charts = {
  pixel: new Chart(element("chart-pixel"), ks, {name: "x at the marked pixel", low: 0, high: 1, format: (v) => v.toFixed(3)}),
  dual: new Chart(element("chart-dual"), ks,
                  {name: "q / Lambda at the marked pixel", low: -1, high: 1, format: (v) => v.toFixed(2)}),
  energy: new Chart(element("chart-energy"), ks, {name: "energy", log: true, format: scores}),
  gap: new Chart(element("chart-gap"), ks, {name: "primal-dual gap", log: true, format: (v) => v.toExponential(3)}),
  psnr: new Chart(element("chart-psnr"), ks, {name: "PSNR", format: (v) => `${v.toFixed(2)} dB`}),
  active: new Chart(element("chart-active"), ks,
                    {name: "share of active components", low: 0, format: percent, tick: (v) => shortNumber(100 * v) + " %"}),
};

const state = {index: 0, x: Math.floor(width / 2), y: Math.floor(height / 2), timer: 0};
const pictures = [];  // {x, q}: levels of each kept iteration
let lambdaLevels = null, cleanLevels = null;

function paintFrame() {
  const {x, q} = pictures[state.index];
  paintPicture(views.x, x);
  paintDual(views.q, q, element("dual-view").value);
  paintActive(views.active, q);
}

function showIndex(index) {
  state.index = Math.min(ks.length - 1, Math.max(0, index));
  const frame = data.frames[state.index], text = `iteration ${frame.k} of ${data.iterations}`;
  const slider = element("slider");
  slider.value = state.index;
  slider.setAttribute("aria-valuetext", text);
  const score = frame.psnr === null ? "" : `, ${frame.psnr.toFixed(2)} dB`;
  element("now").textContent = `k = ${frame.k} of ${data.iterations}${score}`;
  element("watch").dataset.k = frame.k;
  paintFrame();
  for (const chart of Object.values(charts)) chart.mark(state.index);
  describePixel();
}

function wordsOf(level) {
  if (level === 0) return "not charged (Lambda is 0 there)";
  const value = dualAt(level).toFixed(2);
  return isActive(level) ? `${value}, active` : `${value}, inside`;
}

function describePixel() {
  const i = state.y * width + state.x, {x, q} = pictures[state.index];
  const [right, down] = dualLevels(q, i);
  const lambda = lambdaLevels ? lambdaAt(lambdaLevels[i]) : data.lambda.high;
  element("pixel-text").textContent =
    `Pixel in column ${state.x}, row ${state.y}: x = ${(x[i] / 255).toFixed(3)}, Lambda = ${shortNumber(lambda)}, ` +
    `q / Lambda to the right ${wordsOf(right)}; down ${wordsOf(down)}.`;
}

function pickPixel(x, y) {
  state.x = Math.min(width - 1, Math.max(0, x));
  state.y = Math.min(height - 1, Math.max(0, y));
  const i = state.y * width + state.x;
  element("watch").dataset.pixel = `${state.x},${state.y}`;
  for (const view of Object.values(views)) view.placeMark(state.x, state.y);
  const references = cleanLevels ? [{name: "clean", value: cleanLevels[i] / 255}] : [];
  charts.pixel.show([{name: "x", colour: series(0), values: pictures.map((p) => p.x[i] / 255)}], references);
  const dual = pictures.map((p) => dualLevels(p.q, i).map(dualAt));
  charts.dual.show([{name: "right", colour: series(5), values: dual.map((d) => d[0])},
                    {name: "down", colour: series(4), values: dual.map((d) => d[1])}]);
  describePixel();
}

function pause() {
  clearTimeout(state.timer);
  state.timer = 0;
  element("play").textContent = "Play";
  element("pixel-text").setAttribute("aria-live", "polite");
}

function play() {
  if (state.index === ks.length - 1) showIndex(0);
  element("play").textContent = "Pause";
  element("pixel-text").setAttribute("aria-live", "off");  // nobody can listen that fast
  const step = () => {
    showIndex(state.index + 1);
    if (state.index === ks.length - 1) return pause();
    state.timer = setTimeout(step, 1000 / Number(element("speed").value));
  };
  state.timer = setTimeout(step, 1000 / Number(element("speed").value));
}

const togglePlay = () => (state.timer ? pause() : play());
const goTo = (index) => { pause(); showIndex(index); };

function showDualKey() {
  const how = element("dual-view").value;
  element("wheel").hidden = how !== "direction";
  element("dual-bar").hidden = how === "direction";
  const signed = [-1, -0.5, 0, 0.5, 1].map(signedColour);
  if (how === "size") paintBar(element("dual-bar"), "0", "1", colours.filter((_, i) => i % 17 === 0));
  else paintBar(element("dual-bar"), "-1", "1", signed);
  element("dual-bar").style.display = how === "direction" ? "none" : "";
}

function showLambda() {
  const {low, high} = data.lambda;
  const bar = element("lambda-bar"), highText = shortNumber(high);
  if (low < high) paintBar(bar, `Lambda ${shortNumber(low)}`, highText, colours.filter((_, i) => i % 17 === 0));
  else paintBar(bar, `Lambda ${highText}`, "everywhere", [colours[127], colours[127]]);
  const context = lambdaOverlay.getContext("2d");
  views.x.paint((i) => (lambdaLevels ? lambdaColour(lambdaLevels[i]) : colours[127]), context);
}

function showActiveKey() {
  const words = {horizontal: "jump to the right", vertical: "jump down", both: "both", none: "neither"};
  for (const [name, text] of Object.entries(words)) {
    const entry = document.createElement("span"), patch = document.createElement("i");
    patch.style.background = `rgb(${named[name].join(" ")})`;
    entry.append(patch, text);
    element("active-key").append(entry);
  }
}

function drawCurves() {
  const values = (name) => data.frames.map((f) => f[name]);
  charts.energy.show([{name: "P(x)", colour: series(1), values: values("energy")}]);
  charts.gap.show([{name: "gap", colour: series(3), values: values("gap").map((v) => (v > 0 ? v : null))}]);
  charts.active.show([{name: "active", colour: series(2), values: values("active")}]);
  if (!data.clean) return;
  element("figure-psnr").hidden = false;
  charts.psnr.show([{name: "PSNR", colour: series(0), values: values("psnr")}]);
}

// Arrow keys belong to the slider, and to a picture that has the focus; elsewhere they are iterations.
function onKey(event) {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const target = event.target, inForm = target.matches("select, button, #opacity, summary");
  const steps = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
  if (target.matches(".stack canvas") && steps[event.key]) {
    const n = event.shiftKey ? 8 : 1;
    pickPixel(state.x + n * steps[event.key][0], state.y + n * steps[event.key][1]);
  } else if (inForm) {
    return;
  } else if (event.key === " ") {
    togglePlay();
  } else if (event.key === "Home") {
    goTo(0);
  } else if (event.key === "End") {
    goTo(ks.length - 1);
  } else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
    goTo(state.index + steps[event.key][0]);
  } else {
    return;
  }
  event.preventDefault();
}

// While the pointer is down, or a mouse moves with a button pressed.
function onDrag(place, act) {
  place.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    place.setPointerCapture(event.pointerId);
    act(event);
  });
  place.addEventListener("pointermove", (event) => { if (event.buttons & 1) act(event); });
}

function listen() {
  element("slider").addEventListener("input", () => goTo(Number(element("slider").value)));
  element("play").addEventListener("click", togglePlay);
  element("dual-view").addEventListener("change", () => { showDualKey(); paintFrame(); });
  element("opacity").addEventListener("input", () => { lambdaOverlay.style.opacity = element("opacity").value / 100; });
  document.addEventListener("keydown", onKey);
  for (const view of Object.values(views)) onDrag(view.place, (event) => pickPixel(...view.pixelAt(event)));
  for (const chart of Object.values(charts)) onDrag(chart.place, (event) => goTo(chart.nearest(event.clientX)));
}

async function start() {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) element("speed").value = "2";
  element("dual-step").textContent = `1/${2 * data.dual_steps}`;
  for (const frame of data.frames) {
    element("now").textContent = `reading picture ${pictures.length + 1} of ${ks.length}`;
    const x = await levelsOf(frame.x), q = await levelsOf(frame.q);
    const before = pictures.at(-1)?.q;  // q is written as the difference from the frame before; bytes wrap around
    if (before) q.forEach((level, i) => { q[i] = level + before[i]; });
    pictures.push({x, q});
  }
  if (data.lambda.picture) lambdaLevels = await levelsOf(data.lambda.picture);
  if (data.clean) cleanLevels = await levelsOf(data.clean);
  paintWheel(element("wheel"));
  showActiveKey();
  showDualKey();
  showLambda();
  drawCurves();
  element("slider").max = ks.length - 1;
  element("slider").disabled = element("play").disabled = false;
  showIndex(0);
  pickPixel(state.x, state.y);
  listen();
  element("watch").dataset.ready = "yes";
}
start();
