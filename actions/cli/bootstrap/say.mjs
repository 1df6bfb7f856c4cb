const isLive = process.stderr.isTTY && process.env.CI !== 'true' && process.env.TERM !== 'dumb';

/** Progress on stderr, so that stdout stays the command's own: a moving line on a terminal, else one at each end. */
export const say = {
  line(text) {
    process.stderr.write(`${text}\n`);
  },
  busy(what) {
    const begun = Date.now();
    const seconds = () => `${Math.round((Date.now() - begun) / 1000)} s`;
    if (!isLive) {
      say.line(`${what} …`);
      return (done) => say.line(`${done} (${seconds()})`);
    }
    const draw = () => process.stderr.write(`\r\x1b[K${what} … ${seconds()}`);
    draw();
    const timer = setInterval(draw, 1000);
    return (done) => {
      clearInterval(timer);
      process.stderr.write(`\r\x1b[K${done} (${seconds()})\n`);
    };
  },
};
