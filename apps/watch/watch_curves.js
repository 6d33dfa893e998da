// Curves over the kept iterations, as SVG drawn anew where the width changes. The horizontal scale is logarithmic in k + 1.
"use strict";

const shortNumber = (v) => {
  const size = Math.abs(v);
  if (v === 0) return "0";
  return size >= 1e5 || size < 1e-3 ? v.toExponential(1) : String(Number(v.toPrecision(3)));
};

// Places for about five lines between low and high: powers of ten, or 1, 2, 5 times one.
function ticksBetween(low, high, isLog) {
  const ticks = [];
  if (isLog) {
    const first = Math.ceil(Math.log10(low) - 1e-9), last = Math.floor(Math.log10(high) + 1e-9);
    const stride = Math.max(1, Math.ceil((last - first) / 5));
    for (let power = first; power <= last; power += stride) ticks.push(10 ** power);
    if (ticks.length >= 2) return ticks;
    return [low, Math.sqrt(low * high), high];
  }
  const rough = (high - low) / 4, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough);
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; ++i) ticks.push(i * step);
  return ticks;
}

const svgElement = (name, attributes, parent) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent.append(element);
  return element;
};

class Chart {
  // options: name, for those who do not see it; log; low and high where they are fixed; format of a value, tick of a line.
  constructor(place, ks, options) {
    this.place = place;
    this.ks = ks;
    this.options = options;
    this.series = [];
    this.references = [];
    this.index = 0;
    new ResizeObserver(() => this.draw()).observe(place);
  }

  // series: [{name, colour, values}], a value that is null leaves a gap; references: [{name, value}].
  show(series, references = []) {
    this.series = series;
    this.references = references;
    this.draw();
  }

  mark(index) {
    this.index = index;
    this.drawMark();
  }

  x(k) {
    const most = Math.log(this.ks[this.ks.length - 1] + 1);
    return this.left + (this.right - this.left) * Math.log(k + 1) / most;
  }

  y(value) {
    const at = this.isLog ? Math.log(Math.max(value, this.low) / this.low) / Math.log(this.high / this.low)
                          : (value - this.low) / (this.high - this.low);
    return this.bottom - (this.bottom - this.top) * Math.min(1, Math.max(0, at));
  }

  // The kept iteration nearest to a place on the screen.
  nearest(clientX) {
    const at = clientX - this.place.getBoundingClientRect().left;
    let best = 0;
    this.ks.forEach((k, i) => { if (Math.abs(this.x(k) - at) < Math.abs(this.x(this.ks[best]) - at)) best = i; });
    return best;
  }

  range() {
    const shown = this.series.flatMap((s) => s.values).concat(this.references.map((r) => r.value))
      .filter((v) => v !== null && Number.isFinite(v));
    const positive = shown.filter((v) => v > 0);
    // Less than about one power of ten is clearer on a linear scale.
    this.isLog = Boolean(this.options.log) && positive.length > 0 && Math.max(...positive) > 20 * Math.min(...positive);
    const values = this.isLog ? positive : shown;
    this.low = this.options.low ?? Math.min(...values);
    this.high = this.options.high ?? Math.max(...values);
    if (!this.isLog) {
      const pad = Math.max(0.05 * (this.high - this.low), 1e-9);
      if (this.options.low === undefined) this.low -= pad;
      if (this.options.high === undefined) this.high += pad;
    }
    return values.length > 0;
  }

  draw() {
    const width = this.place.clientWidth, height = 192;
    this.place.replaceChildren();
    this.marks = null;
    if (width < 80 || this.series.length === 0) return;
    this.left = 52; this.right = width - 14; this.top = 22; this.bottom = height - 26;
    this.svg = svgElement("svg", {viewBox: `0 0 ${width} ${height}`, role: "img"}, this.place);
    if (!this.range()) return;
    const tickText = this.options.tick ?? shortNumber;
    for (const tick of ticksBetween(this.low, this.high, this.isLog)) {
      const y = this.y(tick);
      svgElement("line", {class: "grid", x1: this.left, x2: this.right, y1: y, y2: y}, this.svg);
      svgElement("text", {x: this.left - 6, y: y + 4, "text-anchor": "end"}, this.svg).textContent = tickText(tick);
    }
    this.drawIterations();
    for (const r of this.references) {
      const y = this.y(r.value);
      svgElement("line", {class: "reference", x1: this.left, x2: this.right, y1: y, y2: y}, this.svg);
      svgElement("text", {x: this.right, y: y - 4, "text-anchor": "end"}, this.svg).textContent = r.name;
    }
    for (const s of this.series) {
      let path = "", pen = "M";
      s.values.forEach((v, i) => {
        if (v === null) { pen = "M"; return; }
        path += `${pen}${this.x(this.ks[i]).toFixed(1)} ${this.y(v).toFixed(1)}`;
        pen = "L";
      });
      svgElement("path", {d: path, style: `stroke: ${s.colour}`}, this.svg);
    }
    this.marks = svgElement("g", {class: "marks"}, this.svg);
    this.drawMark();
  }

  drawIterations() {
    const last = this.ks[this.ks.length - 1];
    let free = -Infinity;
    const wanted = [0, 1, 2, 5, 10, 20, 50].concat([2, 3, 4, 5, 6, 7, 8].flatMap((p) => [10 ** p, 2 * 10 ** p, 5 * 10 ** p]));
    for (const k of wanted.filter((w) => w < last && this.right - this.x(w) > 34).concat(last)) {
      const x = this.x(k);
      if (x - free < 26) continue;
      free = x;
      svgElement("text", {x, y: this.bottom + 17, "text-anchor": "middle"}, this.svg).textContent = k === 0 ? "k = 0" : k;
    }
  }

  drawMark() {
    if (!this.marks) return;
    this.marks.replaceChildren();
    const k = this.ks[this.index], x = this.x(k);
    svgElement("line", {class: "now", x1: x, x2: x, y1: this.top, y2: this.bottom}, this.marks);
    const texts = [];
    let left = this.left;
    for (const s of this.series) {
      const value = s.values[this.index];
      if (value !== null)
        svgElement("circle", {cx: x, cy: this.y(value), r: 4.5, style: `fill: ${s.colour}`}, this.marks);
      const text = `${s.name} ${value === null ? "-" : this.options.format(value)}`;
      const shown = svgElement("text", {class: "value", x: left, y: 13}, this.marks);
      if (this.series.length > 1) svgElement("tspan", {style: `fill: ${s.colour}`}, shown).textContent = "\u25cf ";
      svgElement("tspan", {}, shown).textContent = text;
      left += shown.getComputedTextLength() + 16;
      texts.push(text);
    }
    this.svg.setAttribute("aria-label", `${this.options.name} over the iterations; at k = ${k}: ${texts.join(", ")}`);
  }
}
