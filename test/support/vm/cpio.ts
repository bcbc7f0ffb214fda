/** The archive format that Linux unpacks as its initial file system: cpio, "newc" flavour. */

/** One entry. Directories must come before what is in them. */
export type CpioEntry =
  | { readonly name: string; readonly kind: 'directory' }
  | { readonly name: string; readonly kind: 'file'; readonly mode: number; readonly content: Uint8Array }
  | { readonly name: string; readonly kind: 'character-device'; readonly major: number; readonly minor: number };

const TYPE_AND_MODE = {
  directory: () => 0o040755,
  file: (entry: { mode: number }) => 0o100000 | entry.mode,
  'character-device': () => 0o020600,
};

const padded = (bytes: Uint8Array): Uint8Array[] => [bytes, new Uint8Array((4 - (bytes.length % 4)) % 4)];

function header(fields: readonly number[]): string {
  return '070701' + fields.map((field) => field.toString(16).padStart(8, '0')).join('');
}

function pack(entry: CpioEntry | undefined, inode: number): Uint8Array[] {
  const content = entry?.kind === 'file' ? entry.content : new Uint8Array();
  const name = entry?.name ?? 'TRAILER!!!';
  const [major, minor] = entry?.kind === 'character-device' ? [entry.major, entry.minor] : [0, 0];
  const mode = entry === undefined ? 0 : entry.kind === 'file' ? TYPE_AND_MODE.file(entry) : TYPE_AND_MODE[entry.kind]();
  const nameSize = Buffer.byteLength(name) + 1;
  // Inode, mode, owner, group, links, time, size, device (2), node device (2), size of the name, checksum (unused).
  const head = header([inode, mode, 0, 0, 1, 0, content.length, 0, 0, major, minor, nameSize, 0]);
  return [...padded(Buffer.from(`${head}${name}\0`)), ...padded(content)];
}

/** An archive of `entries`, owned by root, with no times: the same entries give the same bytes. */
export function cpioArchive(entries: readonly CpioEntry[]): Buffer {
  const parts = entries.flatMap((entry, index) => pack(entry, index + 1));
  return Buffer.concat([...parts, ...pack(undefined, 0)]);
}
