/** A real bare repository whose objects are written by hand, so that any tree can be in it, also one that Git would not make. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { deflateSync } from 'node:zlib';
import type { Tree } from './attempt.ts';

export interface Entry {
  /** `100644`, `120000`, `40000`, …, or none of these. */
  readonly mode: string;
  readonly name: string | Buffer;
  readonly object: string;
}

const IDENTITY = 'A <a@a.test> 946684800 +0000';

export class HostileRepository {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
    execFileSync('git', ['init', '--quiet', '--bare', '--initial-branch=main', '--template=', directory]);
  }

  get url(): string {
    return pathToFileURL(this.directory).href;
  }

  blob(content: string | Buffer): string {
    return this.#store('blob', Buffer.from(content));
  }

  /** Entries as they are: in this order, with these names. */
  entries(entries: readonly Entry[]): string {
    const parts = entries.map(({ mode, name, object }) =>
      Buffer.concat([Buffer.from(`${mode} `), Buffer.from(name), Buffer.from([0]), Buffer.from(object, 'hex')]),
    );
    return this.#store('tree', Buffer.concat(parts));
  }

  /** A tree as Git would make it. */
  tree(tree: Tree): string {
    const folders = new Map<string, Record<string, Tree[string]>>();
    const entries: Entry[] = [];
    for (const [path, content] of Object.entries(tree)) {
      const [name = '', ...rest] = path.split('/');
      if (rest.length === 0) entries.push({ name, ...this.#leaf(content) });
      else {
        const folder = folders.get(name) ?? {};
        folders.set(name, folder);
        folder[rest.join('/')] = content;
      }
    }
    for (const [name, folder] of folders) entries.push({ mode: '40000', name, object: this.tree(folder) });
    const key = ({ mode, name }: Entry): Buffer => Buffer.from(mode === '40000' ? `${name.toString()}/` : name.toString());
    return this.entries(entries.toSorted((a, b) => Buffer.compare(key(a), key(b))));
  }

  commit(tree: string): string {
    return this.#store('commit', Buffer.from(`tree ${tree}\nauthor ${IDENTITY}\ncommitter ${IDENTITY}\n\nchange\n`));
  }

  /** A reference by its full name. */
  refer(name: string, object: string): void {
    mkdirSync(dirname(join(this.directory, name)), { recursive: true });
    writeFileSync(join(this.directory, name), `${object}\n`);
  }

  #leaf(content: Tree[string]): { readonly mode: string; readonly object: string } {
    if (typeof content === 'string' || Buffer.isBuffer(content)) return { mode: '100644', object: this.blob(content) };
    if ('link' in content) return { mode: '120000', object: this.blob(content.link) };
    return { mode: '160000', object: content.submodule };
  }

  #store(type: 'blob' | 'tree' | 'commit', content: Buffer): string {
    const bytes = Buffer.concat([Buffer.from(`${type} ${content.length}\0`), content]);
    const id = createHash('sha1').update(bytes).digest('hex');
    const file = join(this.directory, 'objects', id.slice(0, 2), id.slice(2));
    if (!existsSync(file)) {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, deflateSync(bytes, { level: 1 }));
    }
    return id;
  }
}
