/* A schematic fundus: its parameters by its place on the map, its brightness, a toy fingerprint
and toy keypoints. It stands for photographs; the workflow has a trained encoder and SIFT. */
((Learn) => {
  "use strict";

  const GRID = 16; // the toy fingerprint sees GRID x GRID squares, those of the field
  const PIXELS = 64; // a picture has PIXELS x PIXELS pixels, as in the workflow's default
  const CLEAR = 2; // a keypoint is found if its contrast is at least this many times the noise
  const NEEDED = 5; // keypoints at matching places that make two pictures the same eye

  /** Parameters of the eye at a place of the map; neighbours look alike. Units of the picture. */
  function eye({ x, y }) {
    return {
      disc: { x: 0.73 + 0.06 * Math.sin(x / 8), y: 0.5 + 0.09 * Math.sin(y / 6 + 1) },
      hue: 16 + 11 * Math.sin(x / 13 + y / 17),
      light: 0.62 + 0.09 * Math.sin(y / 10 - x / 21),
      bend: 0.24 + 0.11 * Math.sin((x + y) / 9),
      spread: 0.2 + 0.07 * Math.cos(x / 7 - y / 9),
      spots: Array.from({ length: 7 }, (_, s) => ({
        x: 0.5 + 0.3 * Math.cos(2.4 * s + 0.5),
        y: 0.5 + 0.3 * Math.sin(2.4 * s + 0.5) * (0.6 + 0.06 * s),
        size: Math.max(0, 0.034 * Math.sin(x / 6 + (s * y) / 11 + 1.7 * s)),
      })),
    };
  }

  function hill(u, v, at, size) {
    return Math.exp(-((u - at.x) ** 2 + (v - at.y) ** 2) / (2 * size * size));
  }

  /** Place of the macula: on the other side of the middle than the disc. */
  function macula(parameters) {
    return { x: parameters.disc.x - 0.36, y: parameters.disc.y + 0.03 };
  }

  /** Brightness, 0 to 1, at (u, v) from 0 to 1; black outside the round field. */
  function brightness(parameters, u, v) {
    if (Math.hypot(u - 0.5, v - 0.5) > 0.48) return 0;
    const field = parameters.light - 0.35 * ((u - 0.5) ** 2 + (v - 0.5) ** 2);
    const bright = 0.4 * hill(u, v, parameters.disc, 0.075);
    const dark = 0.28 * hill(u, v, macula(parameters), 0.09);
    const spots = parameters.spots.reduce(
      (sum, spot) => sum + (spot.size > 0 ? 0.2 * hill(u, v, spot, spot.size) : 0), 0);
    return Math.min(Math.max(field + bright - dark + spots, 0), 1);
  }

  /** Four vessels as quadratic curves from the disc: [start, bend, end]. */
  function vessels(parameters) {
    const { disc, bend, spread } = parameters;
    return [[-1, -1], [-1, 1], [1, -1], [1, 1]].map(([side, up]) => {
      const reach = side < 0 ? 0.5 : 0.16;
      return [
        disc,
        { x: disc.x + side * reach * 0.35, y: disc.y + up * (spread + bend * 0.4) },
        { x: disc.x + side * reach, y: disc.y + up * (side < 0 ? bend : spread + 0.12) },
      ];
    });
  }

  function along([a, b, c], t) {
    const mix = (p, q, r) => (1 - t) ** 2 * p + 2 * t * (1 - t) * q + t * t * r;
    return { x: mix(a.x, b.x, c.x), y: mix(a.y, b.y, c.y) };
  }

  /** Keypoints: places on the vessels, and the middle of disc and macula, with their contrast. */
  function keypoints(parameters) {
    const onVessels = vessels(parameters).flatMap((curve) =>
      [0.35, 0.6, 0.85].map((t) => ({ ...along(curve, t), contrast: 0.3 - 0.1 * t })));
    return [
      ...onVessels,
      { ...parameters.disc, contrast: 0.4 },
      { ...macula(parameters), contrast: 0.28 },
    ].filter((point) => Math.hypot(point.x - 0.5, point.y - 0.5) < 0.46);
  }

  /* Altered copies. `from`: the place of the original that is seen at a place of the copy, or null
  where it is covered; `to`: where a place of the original is seen. `noise`: standard deviation. */
  const same = (p) => p;
  function turned(degrees) {
    const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
    return ({ x, y }) => ({
      x: 0.5 + cos * (x - 0.5) - sin * (y - 0.5),
      y: 0.5 + sin * (x - 0.5) + cos * (y - 0.5),
    });
  }
  const scaled = (factor) => ({ x, y }) => ({
    x: 0.5 + factor * (x - 0.5), y: 0.5 + factor * (y - 0.5),
  });
  const ALTERATIONS = {
    none: { from: same, to: same, noise: 0 },
    turned: { from: turned(-40), to: turned(40), noise: 0 },
    covered: {
      from: (p) => (p.x < 0.5 ? null : p), to: (p) => (p.x < 0.5 ? null : p), noise: 0,
    },
    cut: { from: scaled(0.65), to: scaled(1 / 0.65), noise: 0 },
    noise: { from: same, to: same, noise: 0.14 },
  };

  /** Normal numbers that are the same in every run (Lehmer's generator, Box and Muller). */
  function normals(seed) {
    let state = seed;
    const uniform = () => {
      state = (state * 48271) % 2147483647;
      return state / 2147483647;
    };
    return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  }

  /** Brightness of an altered copy, (pixels x pixels) row by row. */
  function picture(parameters, alteration, pixels = PIXELS) {
    const { from, noise } = ALTERATIONS[alteration];
    const draw = normals(20_261);
    return Array.from({ length: pixels * pixels }, (_, index) => {
      const [row, column] = [Math.floor(index / pixels), index % pixels];
      const seen = from({ x: (column + 0.5) / pixels, y: (row + 0.5) / pixels });
      const value = seen ? brightness(parameters, seen.x, seen.y) : 0;
      return noise ? Math.min(Math.max(value + noise * draw(), 0), 1) : value;
    });
  }

  /** Whether a square of the toy fingerprint lies inside the round field. */
  function inField(index) {
    const [row, column] = [Math.floor(index / GRID), index % GRID];
    return Math.hypot((column + 0.5) / GRID - 0.5, (row + 0.5) / GRID - 0.5) < 0.43;
  }

  /** Toy fingerprint: mean brightness of squares of the field, less their mean, of length 1. */
  function fingerprint(values, pixels = PIXELS) {
    const block = pixels / GRID;
    const means = new Array(GRID * GRID).fill(0);
    values.forEach((value, index) => {
      const row = Math.floor(Math.floor(index / pixels) / block);
      means[row * GRID + Math.floor((index % pixels) / block)] += value / block ** 2;
    });
    const seen = means.filter((_, index) => inField(index));
    const middle = seen.reduce((a, b) => a + b, 0) / seen.length;
    const length = Math.hypot(...seen.map((value) => value - middle));
    return seen.map((value) => (value - middle) / length);
  }

  /** Angle between two fingerprints in degrees. */
  function angle(a, b) {
    const cosine = a.reduce((sum, value, index) => sum + value * b[index], 0);
    return (Math.acos(Math.min(Math.max(cosine, -1), 1)) * 180) / Math.PI;
  }

  /** Keypoints of the eye that are still found in an altered copy, with their places there. */
  function foundAgain(parameters, alteration) {
    const { to, noise } = ALTERATIONS[alteration];
    return keypoints(parameters)
      .filter((point) => point.contrast >= CLEAR * noise)
      .map((point) => ({ from: point, to: to(point) }))
      .filter(({ to: at }) => at && at.x > 0 && at.x < 1 && at.y > 0 && at.y < 1);
  }

  /** Both kinds of evidence about an altered copy of one of several eyes.

  `angle`: between the copy and its original. `other`: between the original and the nearest other
  eye; a cone that has to hold the copy and is wider than this would hold that eye, too. */
  function evidence(parameters, others, alteration) {
    const original = fingerprint(picture(parameters, "none"));
    const copy = fingerprint(picture(parameters, alteration));
    const distances = others.map((each) => angle(original, fingerprint(picture(each, "none"))));
    const found = foundAgain(parameters, alteration).length;
    return {
      angle: angle(original, copy),
      other: Math.min(...distances),
      found,
      of: keypoints(parameters).length,
      recognised: found >= NEEDED,
    };
  }

  Learn.fundus = {
    PIXELS, CLEAR, NEEDED, ALTERATIONS, eye, macula, brightness, vessels, keypoints, picture,
    fingerprint, angle, foundAgain, evidence,
  };
})((globalThis.Learn ??= {}));
