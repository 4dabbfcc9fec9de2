/**
 * `node:http`. An import of it makes Node.js from 22 on read what every one of its getters gives, and with `WebSocket`
 * and its kin all of undici: 35 ms of the start, and its memory.
 */
export const http = process.getBuiltinModule('node:http');
