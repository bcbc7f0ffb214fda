/** Every policy in the cluster as it was at one moment, whole: for looking at it once, by whoever may list and not watch. */
import { refKey } from '@parapet/policy';
import { livePolicy } from '../../live-policy.ts';
import type { LivePolicy } from '../../live-policy.ts';
import type { PolicyObject } from '../../operate/ports.ts';
import type { KnownPolicies } from './direct.ts';

interface Listed {
  readonly live: LivePolicy;
  readonly object: unknown;
}

export class ListedPolicies implements KnownPolicies {
  readonly #list: () => Promise<readonly PolicyObject[]>;
  #policies: ReadonlyMap<string, Listed> | undefined;

  constructor(list: () => Promise<readonly PolicyObject[]>) {
    this.#list = list;
  }

  async synced(): Promise<void> {
    const listed = (await this.#list()).flatMap(({ kind, object }): [string, Listed][] => {
      const live = livePolicy(kind, object);
      return live === undefined ? [] : [[refKey(live), { live, object }]];
    });
    this.#policies ??= new Map(listed);
  }

  get(key: string): LivePolicy | undefined {
    return this.#policies?.get(key)?.live;
  }

  of(source: string): readonly LivePolicy[] {
    return [...(this.#policies?.values() ?? [])].map(({ live }) => live).filter(({ owner }) => owner === source);
  }

  /** The object as the server gave it. */
  object(key: string): unknown {
    return this.#policies?.get(key)?.object;
  }
}
