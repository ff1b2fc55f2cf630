// The least a Node program can do in the agent's place: heartbeats over `ws`, and questions to a target, with nothing looked at or kept.
// Arguments: address of the WebSocket server, port of the target, questions each 20 s.
import { get } from 'node:http';
import { connect } from 'node:net';
import WebSocket from 'ws';

const [address = '', port = '', askedCount = '0'] = process.argv.slice(2);
const heartbeatMs = 5_000;
const intervalMs = 20_000;

const socket = new WebSocket(address, { perMessageDeflate: false });
socket.on('message', (answer) => JSON.parse(String(answer)));
socket.on('error', (error) => {
  throw error;
});
setInterval(() => {
  if (socket.readyState !== WebSocket.OPEN) return;
  socket.send(JSON.stringify({ type: 'heartbeat', sentAtMs: Date.now(), spoolFrames: 0, spoolBytes: 0 }));
}, heartbeatMs);
// As the agent does: at one instant, one after the other.
const ask = (left: number): void => {
  if (left === 0) return;
  if (left % 2 === 0) {
    const connection = connect(Number(port), '127.0.0.1', () => {
      connection.destroy();
      ask(left - 1);
    });
  } else {
    get({ port: Number(port), host: '127.0.0.1', agent: false }, (answer) => {
      answer.resume().on('end', () => ask(left - 1));
    });
  }
};
setInterval(() => ask(Number(askedCount)), intervalMs);
