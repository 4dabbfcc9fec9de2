import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** PEM files of one test: a CA, a server's certificate for 127.0.0.1, ::1 and localhost, one for `elsewhere.test` alone, and a client's. */
export interface Certificates {
  readonly folder: string;
  /** The text of `ca.crt`, `server.key`, `client.crt`, … */
  pem(name: string): string;
}

/** Made anew by openssl(1), so that none can expire in the repository. */
export function makeCertificates(t: TestContext): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-certificates-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const openssl = (...args: string[]) =>
    execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=test-ca', '-days', '2');
  const here = 'IP:127.0.0.1,IP:::1,DNS:localhost';
  for (const [name, names] of Object.entries({ server: here, client: here, elsewhere: 'DNS:elsewhere.test' })) {
    const extension = ['-addext', `subjectAltName=${names}`];
    openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`, ...extension);
    const sign = ['x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial'];
    openssl(...sign, '-copy_extensions', 'copy', '-out', `${name}.crt`, '-days', '2');
  }
  return { folder, pem: (name) => readFileSync(join(folder, name), 'utf8') };
}
