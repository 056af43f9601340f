import { createApp } from './app.js';
import { log } from './log.js';
import { createPool } from './pool.js';

const pool = createPool();
const server = createApp(pool).listen(Number(process.env.PORT ?? 3000), (error) => {
  if (error) throw error;
  log('listening', { port: server.address().port });
});
server.keepAliveTimeout = 65_000;

// Requests in flight are answered, then the connections to the database are closed.
function stop(signal) {
  log('stopping', { signal });
  setTimeout(() => process.exit(1), 8_000).unref();
  server.close(async () => {
    await pool.end();
    process.exit(0);
  });
  server.closeIdleConnections();
}
process.once('SIGTERM', stop);
process.once('SIGINT', stop);
