/* The cone of docs/cone.md on a flat map on which a distance is an angle in degrees.

    w_i        = R_i^beta
    N_i(g)     = the k other originals with the smallest angle(g, x_j) / w_j, outside R_i of i
    rho_i(g)   = the mean angle from g to N_i(g)
    Theta_i(g) = c w_i rho_i(g)^(1 - beta), at least R_i, and from `narrowest` to `widest`
    risk(g)    = the smallest angle(g, x_i) / Theta_i(g) over all i

All originals are of different patients, and none lies inside the own radius of another; so the
rule of docs/cone.md for such pairs never applies. beta, narrowest and widest are the defaults of
the workflow; c and k are chosen for this map. */
((Learn) => {
  "use strict";

  const SIZE = { x: 120, y: 80 };
  const SETTINGS = { c: 0.62, beta: 0.2, k: 3, narrowest: 1, widest: 90 };
  const OWN_RADIUS = 4;
  const ORIGINALS = [
    [34, 40], [22, 38], [30, 52], [44, 48], [41, 31], [28, 28], [52, 38], [18, 52], [39, 61],
    [98, 24], [101, 62], [70, 14],
  ].map(([x, y]) => ({ x, y, own: OWN_RADIUS }));
  const CROWDED = 0;
  const ALONE = 9;

  function angle(a, b) {
    return Math.hypot(a.x - b.x, a.y - b.y);
  }

  /** Mean angle from the candidate to the k originals that count for original i. */
  function density(candidate, i, originals, settings) {
    const near = originals
      .map((other, j) => ({ j, angle: angle(candidate, other), unit: other.own ** settings.beta }))
      .filter(({ j }) => j !== i && angle(originals[i], originals[j]) > originals[i].own)
      .sort((a, b) => a.angle / a.unit - b.angle / b.unit || a.j - b.j)
      .slice(0, settings.k);
    return near.reduce((sum, each) => sum + each.angle, 0) / near.length;
  }

  function halfAngle(candidate, i, originals, settings) {
    const { c, beta, narrowest, widest } = settings;
    const own = originals[i].own;
    const open = c * own ** beta * density(candidate, i, originals, settings) ** (1 - beta);
    return Math.min(Math.max(open, own, narrowest), widest);
  }

  /** Risk of a candidate: {risk, matched, angle, halfAngle, accepted}; `matched` is a number. */
  function judge(candidate, originals = ORIGINALS, settings = SETTINGS) {
    let best = null;
    originals.forEach((original, i) => {
      const distance = angle(candidate, original);
      const half = halfAngle(candidate, i, originals, settings);
      const risk = distance / half;
      if (!best || risk < best.risk) best = { risk, matched: i, angle: distance, halfAngle: half };
    });
    return { ...best, accepted: best.risk > 1 };
  }

  /** Border of the cone of original i: the first place on each ray where its risk reaches 1. */
  function outline(i, originals = ORIGINALS, settings = SETTINGS, rays = 72) {
    const { x, y } = originals[i];
    const inside = (at) => angle(at, originals[i]) <= halfAngle(at, i, originals, settings);
    return Array.from({ length: rays }, (_, ray) => {
      const turn = (2 * Math.PI * ray) / rays;
      const at = (r) => ({ x: x + r * Math.cos(turn), y: y + r * Math.sin(turn) });
      let low = 0;
      let high = 0;
      while (high < settings.widest && inside(at(high))) {
        low = high;
        high += 0.5;
      }
      for (let step = 0; step < 12; step += 1) {
        const middle = (low + high) / 2;
        if (inside(at(middle))) low = middle;
        else high = middle;
      }
      return at(low);
    });
  }

  /** A place kept on the map. */
  function within({ x, y }) {
    return { x: Math.min(Math.max(x, 0), SIZE.x), y: Math.min(Math.max(y, 0), SIZE.y) };
  }

  Learn.cone = {
    SIZE, SETTINGS, ORIGINALS, CROWDED, ALONE, angle, density, halfAngle, judge, outline, within,
  };
})((globalThis.Learn ??= {}));
