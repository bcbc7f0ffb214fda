/** Statuses of policies, by server-side apply: our own fields and conditions only, so that what others write in the same status stays. */
import PQueue from 'p-queue';
import { statusObject } from '../../policy-status.ts';
import type { FailedChange, PolicyStatusWriter, StatusChange } from '../../readiness-ports.ts';
import { StageError } from '../../stage-error.ts';
import { ApiError } from './answer.ts';
import type { Connection } from './connection.ts';
import { policyPath } from './kinds.ts';

/** Who the API server records as the owner of what nodes do. Another one than that of policies, or their next apply would take it away. */
export const STATUS_MANAGER = 'parapet-readiness';
/** Writes at one time: few, so that the policies themselves, which the API server is asked to store at the same time, are not kept waiting. */
const PARALLEL = 4;

export class KubernetesPolicyStatusWriter implements PolicyStatusWriter {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async write(changes: readonly StatusChange[], signal: AbortSignal): Promise<readonly FailedChange[]> {
    const queue = new PQueue({ concurrency: PARALLEL });
    // Nobody answers: what is not yet under way need not find that out by itself.
    let away: string | undefined;
    const jobs = changes.map(({ ref, status }) =>
      queue.add(async (): Promise<FailedChange | undefined> => {
        if (signal.aborted) return { ref, message: 'the reconciler stops' };
        if (away !== undefined) return { ref, message: away };
        try {
          await this.#apply({ ref, status }, signal);
          return undefined;
        } catch (error) {
          if (error instanceof ApiError) return error.code === 404 ? undefined : { ref, message: error.message };
          if (signal.aborted) return { ref, message: 'the reconciler stops' };
          if (!(error instanceof StageError)) throw error;
          away = error.message;
          return { ref, message: away };
        }
      }),
    );
    return (await Promise.all(jobs)).filter((failed) => failed !== undefined);
  }

  async #apply({ ref, status }: StatusChange, signal: AbortSignal): Promise<void> {
    const { kind, namespace, name } = ref;
    await this.#connection.ask({
      method: 'PATCH',
      path: `${policyPath(ref)}/status`,
      // These fields are ours alone, whoever has written them meanwhile.
      query: { fieldManager: STATUS_MANAGER, fieldValidation: 'Strict', force: 'true' },
      contentType: 'application/apply-patch+yaml',
      body: {
        apiVersion: 'security.kubearmor.com/v1',
        kind,
        metadata: { name, ...(namespace === '' ? {} : { namespace }) },
        status: statusObject(status),
      },
      signal,
    });
  }
}
