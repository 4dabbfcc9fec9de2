// `npm run package`: sluice as one executable, build/sluice or the file named, which needs no Node.js on its host.
// Beside it: the licenses of what is in it.
// It is this Node.js itself with sluice inside: https://nodejs.org/docs/latest-v20.x/api/single-executable-applications.html
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '../..');
const addon = 'src/relay/native/build/Release/sluice.node';
const postject = createRequire(import.meta.url).resolve('postject/dist/cli.js');
/** The mark in Node.js that says that there is something inside. */
const fuse = ['--sentinel-fuse', 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2'];
/** What src/ starts by `startThread` and `startProcess`. */
const programs = ['config/load-thread', 'feed/file/document-thread', 'feed/kubernetes/credentials-program'];

/** In the executable sluice's own files are inside it. */
const ownFilesInside = {
  name: 'own-files',
  setup: ({ onResolve }) =>
    onResolve({ filter: /\/own-files\.ts$/ }, () => ({ path: join(import.meta.dirname, 'own-files.ts') })),
};

/** Writes each program into `folder`, as one file with all that it imports. */
function bundle(folder) {
  return build({
    absWorkingDir: root,
    entryPoints: [
      { in: join(import.meta.dirname, 'main.ts'), out: 'main' },
      ...programs.map((program) => ({ in: join(root, 'src', `${program}.ts`), out: program })),
    ],
    outdir: folder,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    keepNames: true,
    plugins: [ownFilesInside],
    metafile: true,
    logLevel: 'warning',
  });
}

/** What stands in the folders of packages as their licenses: those who pass the executable on must pass these on. */
function licensesOf({ inputs }) {
  const folders = Object.keys(inputs).flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path) ?? []);
  const texts = [...new Set(folders)].sort().map((relative) => {
    const folder = join(root, relative);
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const files = readdirSync(folder).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file));
    return [`${name} ${version} (${license})`, ...files.map((file) => readFileSync(join(folder, file), 'utf8'))].join(
      '\n\n',
    );
  });
  const node = `Node.js ${process.version}: https://github.com/nodejs/node/blob/${process.version}/LICENSE`;
  return `${[node, ...texts].join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
}

/** Packs what goes into the executable, and returns the file. */
function blob(folder) {
  const files = ['package.json', 'config/sluice.yaml', ...(existsSync(join(root, addon)) ? [addon] : [])];
  const config = {
    main: join(folder, 'main.js'),
    output: join(folder, 'sluice.blob'),
    disableExperimentalSEAWarning: true,
    useCodeCache: true,
    assets: Object.fromEntries([
      ...files.map((name) => [name, join(root, name)]),
      ...programs.map((program) => [program, join(folder, `${program}.js`)]),
    ]),
  };
  writeFileSync(join(folder, 'sea.json'), JSON.stringify(config));
  execFileSync(process.execPath, ['--experimental-sea-config', join(folder, 'sea.json')], { stdio: 'pipe' });
  return config.output;
}

async function makeExecutable(file, folder) {
  const { metafile } = await bundle(folder);
  const draft = join(folder, 'sluice');
  copyFileSync(process.execPath, draft);
  // Its warnings about the sections of Node.js are of no consequence; what fails is told.
  execFileSync(process.execPath, [postject, draft, 'NODE_SEA_BLOB', blob(folder), ...fuse], { stdio: 'pipe' });
  mkdirSync(dirname(file), { recursive: true });
  rmSync(file, { force: true });
  copyFileSync(draft, file);
  chmodSync(file, 0o755);
  writeFileSync(`${file}.licenses.txt`, licensesOf(metafile));
}

// A distribution's Node.js may be a small program and a library: the copy of it would still need that.
if (process.config.variables.node_shared) throw new Error('this Node.js is a shared library: use one of nodejs.org');
const file = process.argv[2] ?? join(root, 'build/sluice');
const folder = mkdtempSync(join(tmpdir(), 'sluice-package-'));
try {
  await makeExecutable(file, folder);
} finally {
  rmSync(folder, { recursive: true });
}
const engine = existsSync(join(root, addon))
  ? 'with the native relay engine'
  : 'without the native relay engine (npm run build:native)';
console.log(`${file}: sluice on Node.js ${process.version}, ${engine}`);
