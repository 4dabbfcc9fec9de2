import type { Subject } from './subject.ts';

/** No proxy at all: what the backends, the load and the kernel cost by themselves. */
export const direct: Subject = {
  name: 'direct',
  hasTcp: true,
  hasUdp: true,
  start: async (_rig, _vip, backends) => ({
    web: backends.web[0],
    bulk: backends.bulk,
    udp: backends.udp,
    close: async () => {},
  }),
};
