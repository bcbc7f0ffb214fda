/** Where manifests are from, as Argo CD tells a plugin. */
import { isCommitHash, readSourceUrl } from '../source-url.ts';

export interface ArgocdProvenance {
  /** Without credentials. */
  readonly repository: string;
  /** Full hash. */
  readonly commit: string;
}

/** From the environment of a plugin's command; `undefined` outside of one, and for what is no commit of a Git repository. */
export function argocdProvenance(env: Readonly<Record<string, string | undefined>>): ArgocdProvenance | undefined {
  const { ARGOCD_APP_REVISION: commit = '', ARGOCD_APP_SOURCE_REPO_URL: url = '' } = env;
  const repository = readSourceUrl(url).source?.url;
  return isCommitHash(commit) && repository !== undefined ? { repository, commit } : undefined;
}
