/** A seeded stream of numbers in [0, 1): the same seed gives the same market in every run (sfc32). */
export function seededRandom(seed: number): () => number {
  let a = 0x9e3779b9;
  let b = 0x243f6a88;
  let c = 0xb7e15162;
  let d = seed >>> 0;
  const next = (): number => {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t || 0;
    c |= 0;
    return (t >>> 0) / 4_294_967_296;
  };
  // The seed reaches every bit of the state only after some rounds.
  for (let round = 0; round < 15; round += 1) next();
  return next;
}
