/** Ends with a message for people: what is wrong, and how to mend it. */
export class Stop extends Error {
  constructor(code, message, fix, exitCode) {
    super(message);
    this.code = code;
    this.fix = fix;
    this.exitCode = exitCode;
  }
}
