// An origin on Node's own HTTP server. Usage: node origin.js NAME [PORT or SOCKET PATH]; prints "listening on …".
//
//   /name        its name
//   /echo        what arrived: method, target, fields, trailers, length and SHA-256 of the content, as JSON
//   /content/N   N octets of known length that are easily computed
//   /chunks/N    the same in chunks
//   /trailers    chunks, and a trailer section with the SHA-256 of the content
//   /events      one server-sent event, and the second one only when somebody asks for /release
//   /hold        no answer before somebody asks for /release
//   /late        /echo, but the content is not read before somebody asks for /release
//   /endless     content for ever
//   /half        half of the content that its Content-Length promises; then the process dies
//   /become/HOW  from now on /name is answered 500 (failing), or after 50 ms (slow), or as at first (well)
//   /seen        how many requests run, this one among them, and how many the client gave up, as JSON
//   Upgrade: websocket   echoes messages (RFC 6455, one frame each, up to 125 octets of text)
"use strict";
const crypto = require("node:crypto");
const http = require("node:http");

const [name, where = "0"] = process.argv.slice(2);
const seen = { running: 0, aborted: 0 };
const held = [];
let how = "well";
const block = Buffer.from(Array.from({ length: 65521 }, (_, n) => (n * n) >> 5 & 255));

const answers = {
  name: (request, response) => {
    const answer = () => response.writeHead(how === "failing" ? 500 : 200).end(`${name}\n`);
    return how === "slow" ? setTimeout(answer, 50) : answer();
  },
  become: (request, response, word) => { how = word; response.end("yes\n"); },
  echo,
  content: (request, response, size) => pour(response.writeHead(200, { "Content-Length": size }), Number(size)),
  chunks: (request, response, size) => pour(response, Number(size)),
  trailers,
  events,
  hold: (request, response) => held.push(() => response.end("released\n")),
  late: (request, response) => held.push(() => echo(request, response)),
  release: (request, response) => response.end(`${held.splice(0).map((go) => go()).length}\n`),
  endless: (request, response) => pour(response, Infinity),
  half,
  seen: (request, response) => response.end(JSON.stringify(seen)),
};

function echo(request, response) {
  const hash = crypto.createHash("sha256");
  let length = 0;
  request.on("data", (data) => { hash.update(data); length += data.length; });
  request.on("end", () => response.setHeader("Content-Type", "application/json").end(JSON.stringify({
    server: name, method: request.method, target: request.url, version: request.httpVersion,
    fields: request.headers, trailers: request.trailers, length, sha256: hash.digest("hex"),
  })));
}

function pour(response, left) {
  while (left > 0) {
    const part = left < block.length ? block.subarray(0, left) : block;
    left -= part.length;
    if (!response.write(part)) return response.once("drain", () => pour(response, left));
  }
  return response.end();
}

function trailers(request, response) {
  response.writeHead(200, { Trailer: "X-SHA256" });
  response.write("one ");
  response.write("two");
  response.addTrailers({ "X-SHA256": crypto.createHash("sha256").update("one two").digest("hex") });
  response.end();
}

function events(request, response) {
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-cache" });
  response.write("data: first\n\n");
  held.push(() => response.end("data: second\n\n"));
}

function half(request, response) {
  response.writeHead(200, { "Content-Length": 2 * block.length });
  response.write(block, () => process.exit(1));
}

const server = http.createServer((request, response) => {
  const [, word, argument] = request.url.split(/[/?]/);
  seen.running += 1;
  response.on("close", () => { seen.running -= 1; seen.aborted += response.writableFinished ? 0 : 1; });
  if (Object.hasOwn(answers, word)) answers[word](request, response, argument);
  else response.writeHead(404).end("not found\n");
});

server.on("upgrade", (request, socket, early) => {
  const key = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const accept = crypto.createHash("sha1").update(key).digest("base64");
  socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n");
  socket.write(`Sec-WebSocket-Accept: ${accept}\r\n\r\n`);
  let received = early;
  socket.on("error", () => socket.destroy());
  socket.on("data", (data) => { received = frames(socket, Buffer.concat([received, data])); });
});

function frames(socket, data) {
  while (data.length >= 6 && data.length >= 6 + (data[1] & 127)) {
    const [opcode, length] = [data[0] & 15, data[1] & 127];
    const content = data.subarray(6, 6 + length).map((octet, n) => octet ^ data[2 + (n & 3)]);
    socket.write(Buffer.concat([Buffer.from([128 | opcode, length]), content]));
    data = data.subarray(6 + length);
    if (opcode === 8) socket.end();
  }
  return data;
}

server.keepAliveTimeout = 60000;
const place = /^\d+$/.test(where) ? [Number(where), "127.0.0.1"] : [where];
server.listen(...place, () => console.log(`listening on ${server.address().port ?? where}`));
