// A TCP service for checks on a port of their own. Usage: node pong.js [PORT]; prints "listening on …".
// Answers PING with +PONG, whatever else with -ERR.
"use strict";
const net = require("node:net");

const server = net.createServer((socket) => {
  socket.on("error", () => socket.destroy());
  socket.on("data", (data) => socket.write(data.toString() === "PING\r\n" ? "+PONG\r\n" : "-ERR\r\n"));
});

server.listen(Number(process.argv[2] ?? 0), "127.0.0.1", () => console.log(`listening on ${server.address().port}`));
