#!/usr/bin/node
// greeter: answers each line of a marble with its UUID and the line. Usage: server.js PORT
'use strict';
const tls = require('tls');

const server = tls.createServer({
  minVersion: 'TLSv1.3',
  ca: process.env.MARBLE_PREDEFINED_ROOT_CA, // nobody but the marbles of this mesh
  cert: process.env.MARBLE_PREDEFINED_MARBLE_CERTIFICATE_CHAIN,
  key: process.env.MARBLE_PREDEFINED_PRIVATE_KEY,
  requestCert: true,
  rejectUnauthorized: true,
}, (connection) => {
  const uuid = connection.getPeerCertificate().subject.CN;
  connection.setTimeout(10000, () => connection.destroy());
  connection.on('error', (problem) => console.log(`refused: ${problem.message}`));
  connection.once('data', (data) => {
    connection.end(`hello ${uuid}: ${data.toString().split('\n')[0]}\n`);
    console.log(`greeted ${uuid}`);
  });
});
server.on('tlsClientError', (problem) => console.log(`refused: ${problem.message}`));
server.listen(Number(process.argv[2]), () => console.log(`listening on port ${server.address().port}`));
