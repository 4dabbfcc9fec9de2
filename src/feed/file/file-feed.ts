import { resolve } from 'node:path';
import type { Clock, Timer } from '../../base/clock.ts';
import type { Problem } from '../../base/errors.ts';
import { EndpointsController } from '../endpoints-controller.ts';
import type { Feed, FeedSink, FeedState } from '../feed.ts';
import { sameState } from '../inline.ts';
import { assemble, emptyAssembly } from './assemble.ts';
import type { Look } from './sources.ts';
import { bothLooks, lookAgain, lookAround, lookAt, Sources, unfinishedMs } from './sources.ts';
import { PathWatcher } from './watch.ts';

export interface FileFeedInit {
  /** Unique among the feeds of the process, such as `file` or `file-2`. */
  readonly name: string;
  /** A file, or a folder whose `*.yaml`, `*.yml` and `*.json` are read, without its folders. */
  readonly path: string;
  readonly clock: Clock;
  /** Services with this label `service.kubernetes.io/service-proxy-name` are ours, beside those without it. */
  readonly serviceProxyName?: string | undefined;
}

/**
 * Services from Kubernetes manifests in a file or folder, read again as they change.
 *
 * Nothing that is wrong takes away what was right: a file that cannot be read or parsed, or is empty, keeps its last good
 * version, a wrong object its last good self, and a path that is gone all it had. In a folder, a file that is deleted
 * takes its objects along. All of this is reported until it is right again.
 */
export class FileFeed implements Feed {
  readonly name: string;
  readonly #sources: Sources;
  readonly #clock: Clock;
  readonly #watcher: PathWatcher;
  #retry: Timer | undefined;
  #sink: FeedSink | undefined;
  readonly #controller = new EndpointsController();
  #assembly = emptyAssembly;
  #delivered: FeedState | undefined;
  #reported: string | undefined;
  #next: Look | undefined;
  #running: Promise<void> | undefined;

  constructor({ name, path, clock, serviceProxyName: proxyName }: FileFeedInit) {
    this.name = name;
    this.#clock = clock;
    this.#sources = new Sources(resolve(path), clock, { ...(proxyName !== undefined && { proxyName }) });
    const onChange = (names: ReadonlySet<string> | undefined) => void this.#look(names ? lookAt(names) : lookAround);
    this.#watcher = new PathWatcher({ path, clock, onChange });
  }

  async start(sink: FeedSink): Promise<void> {
    this.#sink = sink;
    await this.#watcher.start();
    await this.#look(lookAgain);
  }

  async reload(): Promise<void> {
    await this.#look(lookAgain);
  }

  async close(): Promise<void> {
    this.#sink = undefined;
    this.#watcher.close();
    this.#retry?.cancel();
    await this.#running;
  }

  /** Resolves when a look that began after this call is done; looks that wait are made one. */
  #look(look: Look): Promise<void> {
    this.#next = this.#next === undefined ? look : bothLooks(this.#next, look);
    this.#running ??= this.#run();
    return this.#running;
  }

  async #run(): Promise<void> {
    try {
      for (let look = this.#next; look !== undefined; look = this.#next) {
        this.#next = undefined;
        await this.#sources.refresh(look, (id) => this.#assembly.byId.get(id));
        this.#deliver();
      }
    } finally {
      this.#running = undefined;
    }
  }

  #deliver(): void {
    this.#assembly = assemble(this.#sources.good, this.#assembly, this.#controller);
    const { state, problems } = this.#assembly;
    if (this.#sources.isComplete && (this.#delivered === undefined || !sameState(this.#delivered, state))) {
      this.#delivered = state;
      this.#sink?.sync(state);
    }
    this.#report([...this.#sources.problems, ...problems]);
    this.#retry?.cancel();
    if (this.#sources.isUnfinished && this.#sink)
      this.#retry = this.#clock.after(unfinishedMs, () => void this.#look(lookAround));
  }

  #report(problems: readonly Problem[]): void {
    const reported = JSON.stringify(problems);
    if (reported === this.#reported) return;
    this.#reported = reported;
    this.#sink?.report(problems);
  }
}
