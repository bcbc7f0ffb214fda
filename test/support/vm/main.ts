/** `npm run vm`: a command in a microVM, from the terminal. */
import { startVm, STATUS_FAILED } from './index.ts';
import { parseVmArguments, USAGE } from './options.ts';

const STATUS_USAGE = 2;

const say = (sentence: string): void => console.error(`vm: ${sentence}`);

async function main(): Promise<number> {
  const { options, problems } = parseVmArguments(process.argv.slice(2));
  if (problems.length > 0) {
    for (const problem of problems) say(problem);
    console.error(USAGE);
    return STATUS_USAGE;
  }
  if (options === undefined) {
    console.log(USAGE);
    return 0;
  }
  const vm = await startVm({ ...options, onOutput: (chunk, stream) => process[stream].write(chunk), onProgress: say });
  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.once(signal, () => {
      vm.kill();
      void vm.wait().then(() => process.exit(status));
    });
  }
  const { status, problem } = await vm.wait();
  if (problem !== undefined) say(problem);
  return status;
}

try {
  process.exitCode = await main();
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = STATUS_FAILED;
}
