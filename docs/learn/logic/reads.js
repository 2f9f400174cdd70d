/* How much human reads tell about their donor, on average, in bits: a simple model.

The model is that of a release without a panel (docs/reads/risk.md; `from_spectrum` in
workflow/scripts/avatarflow/reads/release/information.py), as an integral instead of a draw. A base
is a variant with chance diversity / p dp at frequency p of the newer form, from 1 / (2 N) to
1 - 1 / (2 N) (Watterson 1975; Fu 1995). A read shows one of the donor's two copies. It tells, on
average over donors, H(p) - 2 p (1 - p) bits: H(p) of the form shown, less the one bit for whether
the read comes from the one copy or the other, which counts where the two differ. Reads and
variants count as independent, and bases as free of errors; so the sum is rather too high. */
((Learn) => {
  "use strict";

  const DIVERSITY = 0.001; // `risk.diversity`: chance that two copies differ at a base
  const COMMON = 0.01; // an informative variant: its rarer form has at least this frequency
  const SINGLED_OUT = 0.95; // posterior from which somebody counts as found
  const GATE_BITS = 8; // `gates.bits_left` of a read release, default
  const GATE_MISSED = 0.001; // `gates.miss_rate`, default
  const STEPS = 4000;

  /** Expected bits of one look at a variant whose newer form has frequency p. */
  function bitsOfVariant(p) {
    const q = 1 - p;
    return -p * Math.log2(p) - q * Math.log2(q) - 2 * p * q;
  }

  /** Expected bits per base: the integral of diversity / p x bits, by Simpson's rule over ln p. */
  function bitsPerBase(people, diversity = DIVERSITY) {
    const rarest = 1 / (2 * people);
    const [from, to] = [Math.log(rarest), Math.log1p(-rarest)];
    const width = (to - from) / STEPS;
    let sum = 0;
    for (let step = 0; step <= STEPS; step += 1) {
      const weight = step === 0 || step === STEPS ? 1 : step % 2 ? 4 : 2;
      sum += weight * bitsOfVariant(Math.exp(from + step * width));
    }
    return (diversity * sum * width) / 3;
  }

  /** Expected number of informative variants that reads of so many bases cover. */
  function variants(reads, bases, diversity = DIVERSITY) {
    return reads * bases * diversity * Math.log((1 - COMMON) / COMMON);
  }

  function bits(reads, bases, people, diversity = DIVERSITY) {
    return reads * bases * bitsPerBase(people, diversity);
  }

  /** About how many of `people` fit as well as the donor: N / 2^bits, from 1 to N. */
  function candidates(amount, people) {
    return Math.min(people, Math.max(1, people * 2 ** -amount));
  }

  /** Chance that a person who fits is the donor: 1 / (1 + (N - 1) / 2^bits). */
  function posterior(amount, people) {
    return people <= 1 ? 1 : 1 / (1 + (people - 1) * 2 ** -amount);
  }

  /** Bits at which the posterior reaches SINGLED_OUT. */
  function bitsToSingleOut(people) {
    return Math.log2(Math.max(people - 1, 1) * (SINGLED_OUT / (1 - SINGLED_OUT)));
  }

  function readsToSingleOut(bases, people, diversity = DIVERSITY) {
    return Math.ceil(bitsToSingleOut(people) / bits(1, bases, people, diversity));
  }

  /** Most reads that stay at or below so many expected bits. */
  function readsWithin(amount, bases, people, diversity = DIVERSITY) {
    return Math.floor(amount / bits(1, bases, people, diversity));
  }

  Learn.reads = {
    DIVERSITY, COMMON, SINGLED_OUT, GATE_BITS, GATE_MISSED, bitsOfVariant, bitsPerBase, variants,
    bits, candidates, posterior, bitsToSingleOut, readsToSingleOut, readsWithin,
  };
})((globalThis.Learn ??= {}));
