/** Which kubeconfig is meant, as kubectl takes it. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Terminal } from './exit.ts';

/**
 * The flag; else the files of `KUBECONFIG`; else the one in the home directory. `undefined` is the pod's own service account, where this runs
 * in one that has no such file.
 */
export function kubeconfigOf(flag: string | undefined, env: Terminal['env']): string | readonly string[] | undefined {
  if (flag !== undefined) return flag;
  const listed = (env.KUBECONFIG ?? '').split(delimiter).filter((file) => file !== '');
  if (listed.length > 0) return listed;
  const usual = join(env.HOME ?? '/', '.kube', 'config');
  return env.KUBERNETES_SERVICE_HOST !== undefined && !existsSync(usual) ? undefined : usual;
}
