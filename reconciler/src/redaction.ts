/** Keeps secrets out of text: every value that it was told of, in the forms in which values get into messages. */

/** Shorter values are no secrets, and would tear holes into every line. */
const SHORTEST = 4;
/** Shorter encoded pieces are found in ordinary words. */
const SHORTEST_ENCODED = 8;
/** Values that are remembered; the oldest go first. Rotated ones stay for as long, because what is on its way still has them. */
const MOST_VALUES = 2_000;

export class Redaction {
  /** Each value with its forms. */
  readonly #values = new Map<string, readonly string[]>();
  #forms: readonly string[] | undefined;

  /** Remembers secret values. Of values of several lines (private keys), each line counts as well: messages are one line. */
  add(values: Iterable<string>): void {
    for (const value of values) {
      if (this.#values.delete(value) || value.length >= SHORTEST) this.#values.set(value, formsOf(value));
      this.#forms = undefined;
    }
    for (const oldest of this.#values.keys()) {
      if (this.#values.size <= MOST_VALUES) break;
      this.#values.delete(oldest);
    }
  }

  /** The text with `***` for each value: as it is, in base64 (also inside of more, as with `user:password`), in a URL, and in JSON. */
  clean(text: string): string {
    // Longest first: a value may be a part of another one.
    this.#forms ??= [...new Set([...this.#values.values()].flat())].sort((a, b) => b.length - a.length);
    let clean = text;
    for (const form of this.#forms) {
      if (clean.includes(form)) clean = clean.replaceAll(form, '***');
    }
    return clean;
  }
}

function formsOf(value: string): readonly string[] {
  const whole = [value, value.trim()];
  const encoded = whole.flatMap((form) => [...base64Forms(form), ...urlForms(form), JSON.stringify(form).slice(1, -1)]);
  const plain = [...whole, ...value.split(/[\r\n]+/)].filter((form) => form.trim().length >= SHORTEST);
  return [...new Set([...plain, ...encoded.filter((form) => form.length >= SHORTEST_ENCODED)])];
}

/** What base64 makes of the value wherever it starts within three bytes, without the digits that depend on what is around it. */
function base64Forms(value: string): readonly string[] {
  const bytes = Buffer.from(value);
  return [0, 1, 2].flatMap((before) => {
    const digits = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    const piece = digits.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6));
    return [piece, piece.replaceAll('+', '-').replaceAll('/', '_')];
  });
}

function urlForms(value: string): readonly string[] {
  // Half a character has no such form.
  const component = encodeURIComponent(value.replace(/\p{Cs}/gu, '\uFFFD'));
  const lower = component.replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase());
  return [component, lower, component.replaceAll('%20', '+'), new URLSearchParams([['', value]]).toString().slice(1)];
}
