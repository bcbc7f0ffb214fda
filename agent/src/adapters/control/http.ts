/**
 * Node's HTTP, with nothing else: an import reads everything that the module exports, and with it loads a client for WebSockets and fetch, which
 * is several megabytes.
 */
export const { createServer, request } = process.getBuiltinModule('node:http');
