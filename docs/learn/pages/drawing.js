/* Draws a schematic fundus, altered or not, on a canvas. */
((Learn) => {
  "use strict";

  const { ALTERATIONS, PIXELS, brightness, eye, foundAgain, picture, vessels } = Learn.fundus;

  /** Colour of a brightness, from the eye's hue. */
  function colour(hue, value) {
    const warm = Math.min(1, 0.25 + value);
    const green = value * (0.32 + hue / 60);
    return [255 * warm * Math.min(1, value * 2.2), 255 * green, 255 * value * 0.28];
  }

  /** Brightness with the vessels drawn into it, as PIXELS x PIXELS colours on a small canvas. */
  function pixels(parameters, alteration) {
    const small = document.createElement("canvas");
    [small.width, small.height] = [PIXELS, PIXELS];
    const context = small.getContext("2d");
    const image = context.createImageData(PIXELS, PIXELS);
    picture(parameters, alteration).forEach((value, index) => {
      image.data.set([...colour(parameters.hue, value), 255], 4 * index);
    });
    context.putImageData(image, 0, 0);
    return small;
  }

  /** Each vessel as a line of places on the copy; the line breaks where the copy hides it. */
  function strokes(parameters, alteration) {
    const { to } = ALTERATIONS[alteration];
    return vessels(parameters).flatMap(([a, b, c]) => {
      const lines = [[]];
      for (let t = 0; t <= 1.0001; t += 0.04) {
        const mix = (p, q, r) => (1 - t) ** 2 * p + 2 * t * (1 - t) * q + t * t * r;
        const here = { x: mix(a.x, b.x, c.x), y: mix(a.y, b.y, c.y) };
        const at = brightness(parameters, here.x, here.y) > 0 ? to(here) : null;
        if (at) lines[lines.length - 1].push(at);
        else lines.push([]);
      }
      return lines.filter((line) => line.length > 1);
    });
  }

  /** Draw the eye at a place of the map; `marks` adds the keypoints that are found again. */
  function draw(canvas, place, alteration = "none", marks = false) {
    const parameters = eye(place);
    const context = canvas.getContext("2d");
    const size = canvas.width;
    context.imageSmoothingEnabled = true;
    context.drawImage(pixels(parameters, alteration), 0, 0, size, size);
    const { noise } = ALTERATIONS[alteration];
    context.strokeStyle = `rgba(110, 20, 12, ${noise ? 0.25 : 0.8})`;
    context.lineWidth = size / 55;
    context.lineCap = "round";
    for (const line of strokes(parameters, alteration)) {
      context.beginPath();
      line.forEach((at, index) => {
        if (index) context.lineTo(at.x * size, at.y * size);
        else context.moveTo(at.x * size, at.y * size);
      });
      context.stroke();
    }
    if (!marks) return;
    for (const { to: at } of foundAgain(parameters, alteration)) {
      for (const [style, width] of [["#000", 5], ["#fff", 2.5]]) {
        context.strokeStyle = style;
        context.lineWidth = width;
        context.beginPath();
        context.arc(at.x * size, at.y * size, size / 28, 0, 2 * Math.PI);
        context.stroke();
      }
    }
  }

  Learn.drawing = { draw };
})(globalThis.Learn);
