#!/usr/bin/node
// guest: says a line to the greeter and prints the answer. Usage: client.js HOST PORT LINE
'use strict';
const tls = require('tls');

const [host, port, line] = process.argv.slice(2);
let answered = false;
const connection = tls.connect({
  host,
  port: Number(port),
  autoSelectFamily: true, // all addresses of a name, as every other client
  minVersion: 'TLSv1.3',
  ca: process.env.MARBLE_PREDEFINED_ROOT_CA, // nobody but the marbles of this mesh
  cert: process.env.MARBLE_PREDEFINED_MARBLE_CERTIFICATE_CHAIN,
  key: process.env.MARBLE_PREDEFINED_PRIVATE_KEY,
}, () => {
  const uuid = connection.getPeerCertificate().subject.CN;
  connection.write(`${line}\n`);
  connection.once('data', (data) => {
    answered = true;
    process.stdout.write(`${uuid} said: ${data}`);
    connection.end();
  });
});
connection.on('error', (problem) => {
  if (answered) return; // the greeter may be gone already
  console.error(`client: ${problem.message}`);
  process.exitCode = 1;
});
