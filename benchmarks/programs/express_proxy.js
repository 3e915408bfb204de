// Express with http-proxy-middleware, connections to the origin kept alive.
// Run by `compare.py` as `express_proxy.js PORT ORIGIN_PORT`; NODE_PATH names the folder with the packages.
"use strict";
const http = require("node:http");
const express = require("express");
const { createProxyMiddleware } = require("http-proxy-middleware");

const [port, originPort] = process.argv.slice(2).map(Number);
const app = express();
app.disable("x-powered-by");
app.use(
  createProxyMiddleware({
    target: `http://127.0.0.1:${originPort}`,
    xfwd: true,
    agent: new http.Agent({ keepAlive: true, maxFreeSockets: 256 }),
  }),
);
const server = app.listen(port, "127.0.0.1", 1024);
server.keepAliveTimeout = 300000;
server.requestTimeout = 0;
