/** The hermetic synthesizer: finds a repository's policy program, bundles it, runs it in the sandbox and reads its manifests. */
import { realpath } from 'node:fs/promises';
import type { Problem } from '@parapet/policy';
import type { SynthManifest, SynthResult, Synthesizer } from '../../ports.ts';
import { StageError } from '../../stage-error.ts';
import { bundleProgram, loadShipped } from './bundle.ts';
import type { Bundled, Shipped } from './bundle.ts';
import { failuresOf } from './failures.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import type { SynthLimits } from './limits.ts';
import { digestOf, readManifests, renderManifest } from './manifests.ts';
import { Positions } from './positions.ts';
import { findProgram } from './program.ts';
import { loadRuntime } from './runtime.ts';
import type { SandboxRuntime } from './runtime.ts';
import { Sandbox } from './sandbox.ts';

export { DEFAULT_LIMITS } from './limits.ts';
export type { SynthLimits } from './limits.ts';
export { renderManifest } from './manifests.ts';

export interface SynthesizerOptions {
  /** Packages that ship with Parapet (cdk8s, constructs, @parapet/sdk, @parapet/policy) to their folders, for repositories that bring none. */
  readonly library: { readonly modules: Readonly<Record<string, string>> };
  /**
   * Path of the package store, a folder in the form of npm's cache: from it come the packages that a repository's package-lock.json pins and that the
   * repository does not bring. Default: there is none.
   */
  readonly packages?: string | undefined;
  /** Default: DEFAULT_LIMITS. */
  readonly limits?: Partial<SynthLimits>;
  /**
   * Whether many programs are to be run: the packages in `library` are bundled beforehand then, once, which takes a second or two and spares each
   * program half of its bundling. What programs make is the same. Default false.
   */
  readonly forMany?: boolean;
}

interface Step {
  readonly root: string;
  readonly library: Readonly<Record<string, string>>;
  readonly shipped: Shipped | undefined;
  readonly packages: string | undefined;
  readonly limits: SynthLimits;
  readonly signal: AbortSignal | undefined;
}

/** A synthesizer. Each run is a fresh process; only the sandbox's own code is kept between runs. */
export function createSynthesizer(options: SynthesizerOptions): Synthesizer {
  const limits: SynthLimits = { ...DEFAULT_LIMITS, ...options.limits };
  const library = options.library.modules;
  const shipped = async (): Promise<Shipped | undefined> => (options.forMany === true ? loadShipped(library) : undefined);
  // Made ready before the first program comes, which is told of failures.
  shipped().catch(() => undefined);
  return {
    async synth({ directory, signal }) {
      signal?.throwIfAborted();
      const root = await realpath(directory).catch((cause: unknown) => {
        throw new StageError('synth', 'the program folder cannot be read', { cause });
      });
      const [runtime, bundled] = await Promise.all([loadRuntime(), shipped()]);
      return run({ root, library, shipped: bundled, packages: options.packages, limits, signal }, runtime);
    },
  };
}

async function run(step: Step, runtime: SandboxRuntime): Promise<SynthResult> {
  const { root, limits, signal } = step;
  const found = await findProgram(root);
  if (found.program === undefined) return failed(found.problems, { bundleMs: 0, runMs: 0 });
  const { entry, output } = found.program;
  const started = performance.now();
  const { library, packages } = step;
  const sandbox = new Sandbox({ runtime, limits, signal });
  let bundled: Bundled;
  try {
    bundled = await bundleProgram({ directory: root, entry, library, packages, limits }, step);
  } catch (error) {
    sandbox.discard();
    throw error;
  }
  const bundleMs = Math.round(performance.now() - started);
  const { warnings } = bundled;
  const lasting = bundled.isProvisional ? { isProvisional: true } : {};
  if (bundled.problems.length > 0) {
    sandbox.discard();
    return { ...failed([...bundled.problems, ...warnings], { bundleMs, runMs: 0 }), ...lasting };
  }
  const answer = await sandbox.run(bundled.code);
  const times = { bundleMs, runMs: Math.round(performance.now() - started) - bundleMs };
  const positions = new Positions(bundled);
  const failures = failuresOf(answer, { positions, limits, entry });
  if (failures.length > 0) return { ...failed([...failures, ...warnings], times), ...lasting };
  const { manifests, problems } = readManifests(answer.files, { positions, entry, output });
  return { manifests, problems: [...problems, ...warnings], digest: digestOf(manifests), ...times, ...lasting };
}

function failed(problems: readonly Problem[], times: { readonly bundleMs: number; readonly runMs: number }): SynthResult {
  return { manifests: [], problems, digest: digestOf([]), ...times };
}

/**
 * The manifests as files, as cdk8s would have written them: name relative to the output folder, and text. In a fixed order.
 */
export function renderFiles(manifests: readonly SynthManifest[]): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const { file, value } of manifests) {
    const before = files.get(file);
    files.set(file, before === undefined ? renderManifest(value) : `${before}---\n${renderManifest(value)}`);
  }
  return files;
}

/** One run: what `parapet synth` does. The files are empty when there are problems. */
export async function synthDirectory(
  directory: string,
  options: SynthesizerOptions,
): Promise<SynthResult & { readonly files: ReadonlyMap<string, string> }> {
  const result = await createSynthesizer(options).synth({ directory });
  return { ...result, files: renderFiles(result.manifests) };
}
