/** A writer of tar archives (POSIX ustar), for the few kinds of entries that images need. */

/** One entry; names are relative and have no trailing slash. */
export interface TarEntry {
  readonly name: string;
  readonly kind: 'file' | 'directory' | 'symlink' | 'link';
  /** Permission bits. */
  readonly mode: number;
  readonly content?: Uint8Array | undefined;
  /** Where a symlink leads; the name of an earlier entry that a hard link is to. */
  readonly target?: string | undefined;
}

const BLOCK = 512;
const TYPES = { file: '0', link: '1', symlink: '2', directory: '5' };
const CHECKSUM_AT = 148;

/** `name` as ustar's name and prefix; a name that fits neither is refused. */
function splitName(name: string): { name: string; prefix: string } {
  if (Buffer.byteLength(name) <= 100) return { name, prefix: '' };
  for (let slash = name.indexOf('/'); slash >= 0; slash = name.indexOf('/', slash + 1)) {
    const parts = { prefix: name.slice(0, slash), name: name.slice(slash + 1) };
    if (Buffer.byteLength(parts.prefix) <= 155 && Buffer.byteLength(parts.name) <= 100) return parts;
  }
  throw new Error(`the path is too long for a tar archive: ${name}`);
}

const octal = (value: number, width: number): string => `${value.toString(8).padStart(width - 1, '0')}\0`;

function header(entry: TarEntry, size: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  const { name, prefix } = splitName(entry.kind === 'directory' ? `${entry.name}/` : entry.name);
  const put = (text: string, at: number): void => void block.write(text, at, 'utf8');
  put(name, 0);
  put(octal(entry.mode, 8), 100);
  put(octal(0, 8), 108);
  put(octal(0, 8), 116);
  put(octal(size, 12), 124);
  put(octal(0, 12), 136);
  block.fill(0x20, CHECKSUM_AT, CHECKSUM_AT + 8);
  put(TYPES[entry.kind], 156);
  put(entry.target ?? '', 157);
  put('ustar\x0000root', 257);
  put('root', 297);
  put(prefix, 345);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(`${sum.toString(8).padStart(6, '0')}\0 `, CHECKSUM_AT);
  return block;
}

/** An archive of `entries`, in this order, owned by root, dated 1970: the same entries give the same bytes. */
export function tarArchive(entries: readonly TarEntry[]): Buffer {
  const parts = entries.flatMap((entry) => {
    const content = entry.content ?? new Uint8Array();
    return [header(entry, content.length), content, Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK)];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}
