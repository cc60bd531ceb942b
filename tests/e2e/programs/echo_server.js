// Sends back what comes, until the end. usage: echo_server.js PORT
const net = require('net');
const server = net.createServer({ allowHalfOpen: true }, (connection) => {
  connection.on('error', () => connection.destroy());
  connection.pipe(connection);
});
server.listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 1000 }, () => console.log('ready'));
