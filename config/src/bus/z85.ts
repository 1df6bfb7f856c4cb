/** ZeroMQ's base 85 (RFC 32): four bytes are five printable characters. CURVE keys are 32 bytes, so 40 characters. */
const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';
const DIGITS = new Map(ALPHABET.split('').map((character, at) => [character, at]));

/** @param bytes a multiple of four */
export function toZ85(bytes: Uint8Array): string {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let text = '';
  for (let at = 0; at < view.length; at += 4) {
    let rest = view.readUInt32BE(at);
    let word = '';
    for (let digit = 0; digit < 5; digit += 1) {
      word = `${ALPHABET[rest % 85] ?? ''}${word}`;
      rest = Math.floor(rest / 85);
    }
    text += word;
  }
  return text;
}

/** The bytes, or undefined where the text is no Z85 (a foreign character, a length that is no multiple of five, a word beyond 2³²). */
export function fromZ85(text: string): Buffer | undefined {
  if (text.length % 5 !== 0) return undefined;
  const bytes = Buffer.alloc((text.length / 5) * 4);
  for (let word = 0; word < text.length / 5; word += 1) {
    let value = 0;
    for (const character of text.slice(word * 5, word * 5 + 5)) {
      const digit = DIGITS.get(character);
      if (digit === undefined) return undefined;
      value = value * 85 + digit;
    }
    if (value > 0xffff_ffff) return undefined;
    bytes.writeUInt32BE(value, word * 4);
  }
  return bytes;
}
