import type { CredentialsAnswer, CredentialsQuestion } from './credentials.ts';
import { credentialsOf } from './credentials-of.ts';
import { messageOf } from './exchange.ts';

/** The program that `askForCredentials` starts: it answers one question, its argument, and ends. */

// Whoever asked is gone: nobody waits for the plugin, either. This process leads a group of its own.
process.on('disconnect', () => process.kill(-process.pid, 'SIGKILL'));
const question = JSON.parse(process.argv[2] ?? '') as CredentialsQuestion;
void credentialsOf(question)
  .then(
    (credentials): CredentialsAnswer => ({ kind: 'ok', credentials }),
    (error: unknown): CredentialsAnswer => ({ kind: 'failed', message: messageOf(error) }),
  )
  .then((answer) => process.send?.(answer, () => process.exit()));
