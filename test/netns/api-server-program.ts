import { ApiServer, type TestObject } from '../support/api-server.ts';

/*
 * The double of an API server, on the loopback of a namespace; see `Child`. It says where it is, and sets the objects
 * that it is sent.
 */
const server = new ApiServer();
await server.listen();
const say = () => process.send?.(server.url);

process.on('message', (objects: readonly TestObject[]) => {
  server.set(...objects);
  say();
});
say();
