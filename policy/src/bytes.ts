/** Blocks of bytes for the kernel's maps. */

/** Room for `count` structs of `size` bytes, and a view of it. */
export function block(count: number, size: number): { bytes: Uint8Array; view: DataView } {
  const bytes = new Uint8Array(count * size);
  return { bytes, view: new DataView(bytes.buffer) };
}

/** The parts one after the other. */
export function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
