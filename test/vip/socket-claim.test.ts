import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, Server } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { ownHolder } from '../../src/vip/holder.ts';
import { claimPath, SocketClaim, type SocketClaimInit } from '../../src/vip/socket-claim.ts';

const skip = process.platform === 'linux' ? false : 'abstract unix sockets need Linux';

/** Its timers keep a test alive that waits for nothing else. */
const clock: Clock = {
  ...systemClock,
  after(delayMs, task) {
    const timer = setTimeout(() => task(performance.now()), delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

let count = 0;

/** A name that no other test has. */
function newPath(): string {
  count += 1;
  return `\0sluice-test-${process.pid}-${count}`.padEnd(claimPath.length, '\0');
}

function claimOn(t: TestContext, path: string, init: Partial<SocketClaimInit> = {}): SocketClaim {
  const onUnguarded = (code: string) => assert.fail(code);
  const claim = new SocketClaim({ clock, onUnguarded, path, ...init });
  t.after(() => claim.release());
  return claim;
}

/** A claim that waits, and a promise of the moment in which it may try again. */
function inLine(claim: SocketClaim) {
  let free = () => {};
  const freed = new Promise<void>((resolve) => {
    free = resolve;
  });
  return { held: claim.take(() => free()), freed };
}

const messageOf = async (claim: Promise<{ message: string } | undefined>) => (await claim)?.message ?? 'ours';

test('the first has it, the second is told who that is, and gets it when it is given up', { skip }, async (t) => {
  const path = newPath();
  const me = { ...ownHolder(), pid: 4711, command: 'run -c a.yaml' };
  const [first, second] = [claimOn(t, path, { me }), claimOn(t, path)];
  assert.equal(await first.take(), undefined);
  assert.equal(await first.take(), undefined, 'it has it still');
  const { held, freed } = inLine(second);
  assert.equal(
    await messageOf(held),
    'another sluice (pid 4711: sluice run -c a.yaml) makes VIPs land on this host: this one changes nothing until it ends, and takes over then',
  );
  first.release();
  await freed;
  assert.equal(await second.take(), undefined);
  assert.match(await messageOf(first.take()), /end it first$/);
});

test('a number of another pid namespace is called one', { skip }, async (t) => {
  const path = newPath();
  await claimOn(t, path, { me: { pid: 1, pidSpace: 'pid:[1]', command: 'run' } }).take();
  assert.match(
    await messageOf(claimOn(t, path).take()),
    /^another sluice \(pid 1 in a container of its own: sluice run\)/,
  );
});

test('offered, it is kept until somebody waits; one who only asks does not', { skip }, async (t) => {
  const path = newPath();
  const first = claimOn(t, path);
  await first.take();
  let wanted = 0;
  first.offer(() => {
    wanted += 1;
    first.release();
  });
  assert.match(await messageOf(claimOn(t, path).take()), /end it first$/);
  assert.equal(wanted, 0);
  assert.equal(await claimOn(t, path).take(() => {}), undefined, 'in the same try');
  assert.equal(wanted, 1);
});

test('offered to one who waits already, it is wanted at once', { skip }, async (t) => {
  const path = newPath();
  const [first, second] = [claimOn(t, path), claimOn(t, path)];
  await first.take();
  const { held, freed } = inLine(second);
  await held;
  first.offer(() => first.release());
  await freed;
  assert.equal(await second.take(), undefined);
});

test('of several who wait, one gets it, and the others wait on', { skip }, async (t) => {
  const path = newPath();
  const first = claimOn(t, path);
  await first.take();
  const others = [claimOn(t, path), claimOn(t, path), claimOn(t, path)];
  const lines = others.map(inLine);
  await Promise.all(lines.map(({ held }) => held));
  first.release();
  await Promise.all(lines.map(({ freed }) => freed));
  const got = await Promise.all(others.map((other) => other.take(() => {})));
  assert.equal(got.filter((held) => held === undefined).length, 1);
});

for (const [name, said] of [
  ['says something else', '{"pid": "\u001b[31m"}'],
  ['is silent', undefined],
] as const) {
  test(`a holder that ${name} is respected, and nothing is known of it`, { skip }, async (t) => {
    const path = newPath();
    const server = createServer((socket) => {
      socket.on('error', () => {});
      if (said !== undefined) socket.write(said);
    });
    server.listen({ path });
    await once(server, 'listening');
    t.after(() => server.close());
    assert.match(await messageOf(claimOn(t, path).take()), /^a process that does not say who it is/);
  });
}

test("one who connects and says nothing, or resets, is in nobody's way", { skip }, async (t) => {
  const path = newPath();
  const first = claimOn(t, path);
  await first.take();
  for (let at = 0; at < 40; at += 1) {
    const socket = connect({ path }).on('error', () => {});
    t.after(() => socket.destroy());
    await once(socket, 'connect');
  }
  assert.match(await messageOf(claimOn(t, path).take(() => {})), /^a process that does not say who it is/);
  first.release();
  assert.equal(await claimOn(t, path).take(), undefined);
});

test('where there are no such sockets it is taken for granted, and told once', async (t) => {
  const codes: string[] = [];
  const claim = claimOn(t, '/nowhere/socket', { onUnguarded: (code) => codes.push(code) });
  assert.equal(await claim.take(), undefined);
  assert.equal(await claim.take(), undefined);
  assert.equal(codes.length, 1);
});

test('a claim outlives connections that cannot be accepted', { skip }, async (t) => {
  const listen = t.mock.method(Server.prototype, 'listen');
  const path = newPath();
  const claim = claimOn(t, path);
  assert.equal(await claim.take(), undefined);
  const server = listen.mock.calls[0]?.this as Server | undefined;
  for (const code of ['EMFILE', 'ENFILE']) server?.emit('error', Object.assign(new Error(`accept ${code}`), { code }));
  assert.match(await messageOf(claimOn(t, path).take()), /end it first$/);
});
