import type { ChildProcess } from 'node:child_process';
import type { Clock } from '../../base/clock.ts';
import { startProcess } from '../../base/own-files.ts';

/** Which kubeconfig, and what in it. */
export interface CredentialsQuestion {
  readonly file?: string | undefined;
  readonly context?: string | undefined;
}

/** What proves who asks: options of `node:https`, as plain data. */
export interface TlsAndHeaders {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
  readonly auth?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a kubeconfig says now. */
export interface Credentials {
  /** `https://host:port`, with its path, without a slash at the end. */
  readonly server: string;
  /** `proxy-url` */
  readonly proxy?: string;
  readonly options: TlsAndHeaders;
  /** Somebody else renews them: a token file, a plugin. */
  readonly expire: boolean;
}

export type CredentialsAnswer =
  | { readonly kind: 'ok'; readonly credentials: Credentials }
  | { readonly kind: 'failed'; readonly message: string };

/** A credential plugin may ask a person's browser, but nobody sits before a proxy. */
const timeoutMs = 60_000;

/**
 * Asks @kubernetes/client-node for credentials, in a process of its own that ends with the answer: the library's generated
 * API is 800 modules, which take half a second of processor time and 70 MB, and it reads files synchronously. A process
 * and not a thread, because with it end the plugins that it started. Rejects with an `Error` that says what is missing or
 * has failed.
 */
export function askForCredentials(question: CredentialsQuestion, clock: Clock): Promise<Credentials> {
  const child = startProcess('feed/kubernetes/credentials-program', [JSON.stringify(question)], {
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  // Nobody waits for it who wants to end; it ends then, too.
  child.unref();
  child.channel?.unref();
  return new Promise<Credentials>((resolve, reject) => {
    const timer = clock.after(timeoutMs, () => {
      reject(new Error(`there were no credentials in ${timeoutMs / 1000} s`));
      endGroup(child);
    });
    child.on('message', (answer: CredentialsAnswer) => {
      if (answer.kind === 'ok') resolve(answer.credentials);
      else reject(new Error(answer.message));
    });
    child.on('error', reject);
    child.on('exit', () => {
      timer.cancel();
      reject(new Error('the process for credentials ended without an answer'));
    });
  });
}

/** The process, and what it has started. */
function endGroup({ pid }: ChildProcess): void {
  if (pid !== undefined) process.kill(-pid, 'SIGKILL');
}
