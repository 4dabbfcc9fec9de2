/** Sends the datagrams of one socket. A failure is told through the `SendFailed` that it was made with. */
export interface DatagramSender {
  /** To the peer of a connected socket. False: it is known already that it was not sent. */
  send(message: Buffer): boolean;
  /** From a socket that is not connected. */
  sendTo(message: Buffer, port: number, address: string): boolean;
}

/** Called with the code of the system error for every datagram that could not be sent. */
export type SendFailed = (code: string) => void;

/** What may wait in the process for one socket that the kernel takes no more from. */
export const sendQueueBytes = 1024 * 1024;
