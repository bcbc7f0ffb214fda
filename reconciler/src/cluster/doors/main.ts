/** What others ask the reconciler of a cluster: health and metrics, webhooks, and artifacts for Flux. */
import { join } from 'node:path';
import { serveArtifacts } from '../../adapters/flux/server.ts';
import { openOperations } from '../../adapters/http/operations.ts';
import type { Check } from '../../adapters/http/operations.ts';
import { openWebhooks } from '../../adapters/http/webhooks.ts';
import type { SecretReader } from '../../adapters/kubernetes/secret-reader.ts';
import type { PrometheusMetrics } from '../../adapters/metrics.ts';
import type { ClusterConfig } from '../../cluster-config.ts';
import type { Controller } from '../../controller.ts';
import type { Log, Metrics } from '../../ports.ts';

export interface Door {
  close(): Promise<void>;
}

export interface DoorParts {
  /** The sources that there are now. */
  readonly sources: () => Controller['sources'];
  /** A webhook tells that the repository of this source has changed. */
  readonly hint: (source: Controller['sources'][number]) => void;
  readonly checks: () => readonly Check[];
  /** Before metrics are given: for what is counted only then. */
  readonly onScrape: () => void;
  readonly secrets: SecretReader;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly expose: PrometheusMetrics['expose'];
}

/** Opens those that are wished for, or none: rejects with a StageError (`listen`) when one can't be. */
export async function openDoors({ operations, webhooks, artifacts, data }: ClusterConfig, parts: DoorParts): Promise<readonly Door[]> {
  const { checks, expose, hint, log, metrics, onScrape, secrets, sources } = parts;
  const scraped = (): ReturnType<typeof expose> => {
    onScrape();
    return expose();
  };
  const opened: Door[] = [];
  const keep = (name: string, door: Door & { readonly port: number }): void => {
    opened.push(door);
    log({ level: 'info', stage: 'listen', message: `${name} on port ${door.port}` });
  };
  try {
    if (operations !== undefined) keep('operations', await openOperations({ address: operations, checks, metrics: scraped, log }));
    if (webhooks !== undefined)
      keep(
        'webhooks',
        await openWebhooks({
          ...{ address: webhooks, sources, log, metrics, clock: { now: () => Date.now() } },
          secret: async ({ namespace, spec: { webhookSecret } }) =>
            webhookSecret && (await secrets.read({ namespace, name: webhookSecret.name }, AbortSignal.timeout(SECRET_PATIENCE)))['token'],
          onDelivery: (_, concerned) => concerned.forEach(hint),
        }),
      );
    if (artifacts !== undefined) keep('artifacts', await serveArtifacts({ directory: join(data, 'artifacts'), ...artifacts.listen }));
    return opened;
  } catch (error) {
    await Promise.all(opened.map(async (door) => door.close()));
    throw error;
  }
}

/** Milliseconds: hosts wait for an answer no longer than ten seconds. */
const SECRET_PATIENCE = 5000;
