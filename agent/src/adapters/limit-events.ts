/** Hears from the kernel that a limit of a cgroup bites: its files of events are told of as changed. */
import { watch } from 'node:fs';
import path from 'node:path';

const COUNTED = ['memory', 'pids'] as const;

/** Calls `onEvent` at each change, with what is held back; a file that is not there, or goes, says nothing. Gives what ends it. */
export function watchEvents(directory: string, onEvent: (name: (typeof COUNTED)[number]) => void): () => void {
  const watchers = COUNTED.flatMap((name) => {
    try {
      const watcher = watch(path.join(directory, `${name}.events`), { persistent: false }, (kind) => {
        if (kind === 'change') onEvent(name);
      });
      return [watcher.on('error', () => watcher.close())];
    } catch {
      return [];
    }
  });
  return () => {
    for (const watcher of watchers) watcher.close();
  };
}
