// The pictures: their levels come out of the PNG files in the page and are coloured here.
"use strict";

const data = JSON.parse(document.getElementById("watch-data").textContent);
const [width, height] = [data.width, data.height];
const colours = data.colours.map((c) => [1, 3, 5].map((at) => parseInt(c.slice(at, at + 2), 16)));

// The 8-bit levels of a grey PNG in a data URI.
async function levelsOf(uri) {
  const image = new Image();
  image.src = uri;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = image.naturalWidth;
  canvas.height = image.naturalHeight;
  const context = canvas.getContext("2d", {willReadFrequently: true});
  context.drawImage(image, 0, 0);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
  const levels = new Uint8Array(pixels.length / 4);
  for (let i = 0; i < levels.length; ++i) levels[i] = pixels[4 * i];
  return levels;
}

// q / Lambda from its level, in [-1, 1]; 0 where Lambda is 0.
const dualAt = (level) => level === 0 ? 0 : (level - 128) / data.dual_steps;
const isActive = (level) => level !== 0 && Math.abs(level - 128) === data.dual_steps;

// Okabe and Ito's colours by name.
const named = {none: [40, 42, 46], horizontal: [86, 180, 233], vertical: [230, 159, 0], both: [240, 240, 240]};

// White is zero, orange positive, blue negative.
function signedColour(t) {
  const end = t > 0 ? [213, 94, 0] : [0, 114, 178], size = Math.abs(t);
  return end.map((c) => 245 + (c - 245) * size);
}

// The direction as a hue, its size as brightness.
function directionColour(right, down) {
  const size = Math.min(1, Math.hypot(right, down)), hue = Math.atan2(down, right) / (2 * Math.PI);
  return [0, 1 / 3, 2 / 3].map((shift) => 255 * size * (0.55 + 0.45 * Math.cos(2 * Math.PI * (hue - shift))));
}

const dualColours = {
  size: (right, down) => colours[Math.round(255 * Math.max(Math.abs(right), Math.abs(down)))],
  direction: directionColour,
  horizontal: (right) => signedColour(right),
  vertical: (_, down) => signedColour(down),
};

// One of the pictures, with a mark on the pixel that is followed.
class View {
  constructor(place, name) {
    this.place = place;
    this.canvas = document.createElement("canvas");
    this.canvas.width = width;
    this.canvas.height = height;
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "application");
    this.canvas.setAttribute("aria-label", `${name}; the arrow keys move the marked pixel`);
    this.canvas.setAttribute("aria-describedby", "pixel-text");
    this.context = this.canvas.getContext("2d");
    this.mark = document.createElement("div");
    this.mark.className = "mark";
    place.append(this.canvas, this.mark);
  }

  // A canvas on top of the picture that lets pointers through.
  overlay() {
    const over = document.createElement("canvas");
    over.width = width;
    over.height = height;
    over.className = "over";
    over.setAttribute("aria-hidden", "true");
    this.canvas.after(over);
    return over;
  }

  paint(colourOf, context = this.context) {
    const image = context.createImageData(width, height);
    for (let i = 0; i < width * height; ++i) {
      const colour = colourOf(i);
      image.data[4 * i] = colour[0];
      image.data[4 * i + 1] = colour[1];
      image.data[4 * i + 2] = colour[2];
      image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  }

  placeMark(x, y) {
    this.mark.style.left = `${100 * (x + 0.5) / width}%`;
    this.mark.style.top = `${100 * (y + 0.5) / height}%`;
  }

  // The pixel under a pointer.
  pixelAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const at = (position, size, n) => Math.min(n - 1, Math.max(0, Math.floor(n * position / size)));
    return [at(event.clientX - box.left, box.width, width), at(event.clientY - box.top, box.height, height)];
  }
}

// The level of a component of q: horizontal in the left half of its picture, vertical in the right.
const dualLevels = (q, i) => {
  const at = Math.floor(i / width) * 2 * width + i % width;
  return [q[at], q[at + width]];
};

const paintPicture = (view, x) => view.paint((i) => [x[i], x[i], x[i]]);

const paintDual = (view, q, how) => view.paint((i) => {
  const [right, down] = dualLevels(q, i);
  return dualColours[how](dualAt(right), dualAt(down));
});

const paintActive = (view, q) => view.paint((i) => {
  const [right, down] = dualLevels(q, i).map(isActive);
  return right && down ? named.both : right ? named.horizontal : down ? named.vertical : named.none;
});

// Lambda from its level; the colour of the same level, on a logarithmic scale.
const lambdaAt = (level) =>
  level === 0 ? 0 : data.lambda.low * (data.lambda.high / data.lambda.low) ** ((level - 1) / 254);
const lambdaColour = (level) => colours[Math.max(0, level - 1) * 255 / 254 | 0];

const gradientOf = (list) => `linear-gradient(90deg, ${list.map((c) => `rgb(${c.map(Math.round).join(" ")})`).join(", ")})`;

// A bar with its two ends: low, high and the colours between.
function paintBar(bar, low, high, list) {
  const [first, last] = bar.querySelectorAll("span");
  first.textContent = low;
  last.textContent = high;
  bar.querySelector("i").style.background = gradientOf(list);
}

// The wheel of directions.
function paintWheel(canvas) {
  const context = canvas.getContext("2d"), n = canvas.width, image = context.createImageData(n, n);
  for (let i = 0; i < n * n; ++i) {
    const right = 2 * (i % n + 0.5) / n - 1, down = 2 * (Math.floor(i / n) + 0.5) / n - 1;
    const inside = Math.hypot(right, down) <= 1;
    directionColour(right, down).forEach((c, at) => { image.data[4 * i + at] = c; });
    image.data[4 * i + 3] = inside ? 255 : 0;
  }
  context.putImageData(image, 0, 0);
}
