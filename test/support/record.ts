import type { ConnectFailure, DropReason, EndReason } from '../../src/model/reason.ts';
import type { Observer } from '../../src/relay/observer.ts';

/** An observer that writes down the words. */
export class RecordingObserver implements Observer {
  readonly namesClients = false;
  opened = 0;
  connected = 0;
  readonly failures: { readonly failure: ConnectFailure; readonly retried: boolean }[] = [];
  readonly endings: EndReason[] = [];
  readonly drops: DropReason[] = [];
  readonly acceptFailures: string[] = [];

  flowOpened(): void {
    this.opened += 1;
  }

  flowConnected(): void {
    this.connected += 1;
  }

  connectFailed(...[, , failure, retried]: Parameters<Observer['connectFailed']>): void {
    this.failures.push({ failure, retried });
  }

  flowClosed(...[, , { reason }]: Parameters<Observer['flowClosed']>): void {
    this.endings.push(reason);
  }

  datagramDropped(...[, reason]: Parameters<Observer['datagramDropped']>): void {
    this.drops.push(reason);
  }

  acceptFailed(...[, code]: Parameters<Observer['acceptFailed']>): void {
    this.acceptFailures.push(code);
  }
}
