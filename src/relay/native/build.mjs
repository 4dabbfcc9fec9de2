// Builds the addon of the native relay engine, if this machine can: npm's `install` script.
// Without a compiler sluice runs on the `net` engine, so a failure here is told and is none, unless `--must` says so.
// `--sanitize address|thread` builds `sluice-address.node` or `sluice-thread.node` instead, for tests alone.
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { must: { type: 'boolean' }, sanitize: { type: 'string' } } });
const sanitizers = { address: 'address,undefined', thread: 'thread' };
// npm says where its node-gyp is.
const gyp = process.env.npm_config_node_gyp;
const [command, first] = gyp === undefined ? ['node-gyp', []] : [process.execPath, [gyp]];

/** Of `binding.gyp`. */
function variables(kind) {
  if (kind === undefined) return [];
  if (sanitizers[kind] === undefined) throw new Error(`--sanitize ${kind}: use address or thread`);
  return ['--', `-Dname=sluice-${kind}`, `-Dsanitizers=${sanitizers[kind]}`];
}

function nodeGyp(...words) {
  return spawnSync(command, [...first, '--directory', import.meta.dirname, ...words], { encoding: 'utf8' });
}

/** What it said that may be the cause. */
function causeOf({ error, stdout, stderr }) {
  if (error !== undefined) return error.message;
  const lines = `${stdout}\n${stderr}`.split('\n').map((line) => line.replace(/^gyp ERR! (?:stack )?/, ''));
  const causes = lines.filter(
    (line) => /\berror\b|not find|not found/i.test(line) && !/^(configure|build) error/.test(line),
  );
  return [...new Set(causes)].slice(0, 3).join('\n');
}

let result = nodeGyp('configure', ...variables(values.sanitize));
if (result.status === 0) result = nodeGyp('build', '--jobs', 'max');
if (result.status === 0) console.log('sluice: the native relay engine is built');
else {
  console.log('sluice: the native relay engine cannot be built here; sluice will run on the net engine.');
  console.log(
    'sluice: it needs a C++20 compiler, make and Python 3 (Debian: g++ make python3), then npm run build:native',
  );
  console.log(causeOf(result));
  if (values.must) process.exit(1);
}
