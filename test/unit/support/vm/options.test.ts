import { describe, expect, test } from '@jest/globals';
import { parseVmArguments } from '../../../support/vm/options.ts';

const parse = (line: string) => parseVmArguments(line.split(' ').filter((word) => word !== ''));

describe('the arguments of npm run vm', () => {
  test('options come first, and the command keeps its own', () => {
    const { options, problems } = parse('--kernel 6.12-rt --cpus=1 --memory 1024 --lsm lockdown,bpf --timeout 30 ls --kernel -- x');
    expect(problems).toEqual([]);
    expect(options).toMatchObject({ kernel: '6.12-rt', cpus: 1, memory: 1024, lsm: 'lockdown,bpf', timeout: 30 });
    expect(options?.command).toEqual(['ls', '--kernel', '--', 'x']);
  });

  test('two dashes end the options', () => {
    expect(parse('--cpus 1 -- --strange-program').options?.command).toEqual(['--strange-program']);
  });

  test('a directory to share may be given more than once', () => {
    expect(parse('--share /a --share=/b true').options?.share).toEqual(['/a', '/b']);
  });

  test('words for the kernel may hold spaces and equals signs', () => {
    expect(parseVmArguments(['--append', 'preempt=full debug', 'true']).options?.append).toBe('preempt=full debug');
    expect(parseVmArguments(['--append=preempt=full', 'true']).options?.append).toBe('preempt=full');
  });

  test('the clock can count instructions', () => {
    expect(parse('--icount true').options?.icount).toBe(true);
  });

  test('containerd can be left out', () => {
    expect(parse('--no-containerd true').options?.containerd).toBe(false);
    expect(parse('true').options?.containerd).toBeUndefined();
  });

  test('help gives no options and no problems', () => {
    expect(parse('--kernel 9 --help')).toEqual({ problems: [] });
  });

  test('everything that is wrong is said at once', () => {
    expect(parse('--kernel 7 --cpus 0 --memory 1 --timeout soon --lsm a;b --share relative --what').problems).toEqual([
      "--kernel takes one of 6.1, 6.1-rt, 6.12, 6.12-rt, not '7'",
      "--cpus takes a number from 1 to 64, not '0'",
      "--memory takes a number of MiB from 512, not '1'",
      "--timeout takes a number of seconds from 1, not 'soon'",
      "--lsm takes names separated by commas, not 'a;b'",
      "--share takes an absolute path, not 'relative'",
      'unknown option --what',
      'no command given',
    ]);
    expect(parse('--cpus').problems).toEqual(['--cpus takes a value', 'no command given']);
  });
});
