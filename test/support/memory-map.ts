/** Stands in for a kernel map. */
/** A map in memory, with room for so many. */
export class MemoryMap {
  readonly content = new Map<string, Uint8Array>();
  room = 1000;
  readonly #keySize: number;
  readonly #valueSize: number;

  constructor(keySize: number, valueSize: number) {
    this.#keySize = keySize;
    this.#valueSize = valueSize;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.content.get(Buffer.from(key).toString('hex'));
  }

  set(key: Uint8Array, value: Uint8Array): void {
    if (this.get(key) === undefined && this.content.size >= this.room) throw new Error('full');
    this.content.set(Buffer.from(key).toString('hex'), Uint8Array.from(value));
  }

  setAll(keys: Uint8Array, values: Uint8Array): void {
    for (let i = 0; i * this.#keySize < keys.length; i += 1) {
      this.set(keys.subarray(i * this.#keySize, (i + 1) * this.#keySize), values.subarray(i * this.#valueSize, (i + 1) * this.#valueSize));
    }
  }

  deleteAll(keys: Uint8Array): void {
    for (let i = 0; i * this.#keySize < keys.length; i += 1) {
      this.content.delete(Buffer.from(keys.subarray(i * this.#keySize, (i + 1) * this.#keySize)).toString('hex'));
    }
  }

  delete(key: Uint8Array): void {
    this.content.delete(Buffer.from(key).toString('hex'));
  }

  setSlowly(key: Uint8Array, value: Uint8Array): Promise<void> {
    this.set(key, value);
    return Promise.resolve();
  }

  isEmpty(): boolean {
    return this.content.size === 0;
  }

  *entries(): Generator<{ key: Uint8Array; value: Uint8Array }> {
    for (const [key, value] of this.content) yield { key: Uint8Array.from(Buffer.from(key, 'hex')), value };
  }
}
